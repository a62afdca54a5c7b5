import type { Stroke } from './stroke';

/** Width of the pen, as a share of the pad: a digit that fills the pad gets the weight of MNIST's. */
const PEN_WIDTH = 0.075;

/** Paints strokes in black, smoothed, on a square of `size` pixels. */
export function paint(context: CanvasRenderingContext2D, size: number, strokes: readonly Stroke[]): void {
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.lineWidth = PEN_WIDTH * size;
  context.strokeStyle = '#000';
  for (const stroke of strokes) {
    context.beginPath();
    trace(context, size, stroke);
    context.stroke();
  }
}

/** Curves from middle to middle of the points, so that a quick stroke with few points has no corners. */
function trace(context: CanvasRenderingContext2D, size: number, stroke: Stroke): void {
  const [first] = stroke;
  const last = stroke.at(-1);
  if (!first || !last) {
    return;
  }
  context.moveTo(first.x * size, first.y * size);
  stroke.forEach((point, index) => {
    const next = stroke[index + 1] ?? point;
    context.quadraticCurveTo(
      point.x * size,
      point.y * size,
      ((point.x + next.x) / 2) * size,
      ((point.y + next.y) / 2) * size,
    );
  });
  // A path without length would leave no mark: a tap makes a dot.
  context.lineTo(last.x * size + 0.01, last.y * size);
}
