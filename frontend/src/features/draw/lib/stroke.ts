/** A point on the pad: 0 to 1 from its left and top edges. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The path of the pen from where it was put down to where it was lifted. */
export type Stroke = readonly Point[];

export function clampToPad(point: Point): Point {
  return { x: clamp(point.x), y: clamp(point.y) };
}

function clamp(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
