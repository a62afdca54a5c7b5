/** What was painted on any canvas since the test began: each call with the colour in use. */
class Painted extends Array<{ call: string; colour: unknown; numbers: number[] }> {
  readonly context = function (this: HTMLCanvasElement) {
    const record =
      (call: string, colour: 'fillStyle' | 'strokeStyle') =>
      (...numbers: number[]) =>
        painted.push({ call, colour: context[colour], numbers });
    const context = {
      canvas: this,
      fillStyle: '#000',
      strokeStyle: '#000',
      fillRect: record('fillRect', 'fillStyle'),
      clearRect: record('clearRect', 'fillStyle'),
      beginPath: record('beginPath', 'strokeStyle'),
      moveTo: record('moveTo', 'strokeStyle'),
      lineTo: record('lineTo', 'strokeStyle'),
      quadraticCurveTo: record('quadraticCurveTo', 'strokeStyle'),
      stroke: record('stroke', 'strokeStyle'),
    };
    return context as unknown as CanvasRenderingContext2D;
  } as unknown as HTMLCanvasElement['getContext'];
}

export const painted = new Painted();
