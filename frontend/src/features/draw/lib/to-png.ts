import { paint } from './paint';
import type { Stroke } from './stroke';

const SIZE = 280;

/** The drawing as a PNG: black ink on white paper, whatever the page's colours. */
export async function toPng(strokes: readonly Stroke[]): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = SIZE;
  canvas.height = SIZE;
  const context = canvas.getContext('2d');
  if (context) {
    context.fillStyle = '#fff';
    context.fillRect(0, 0, SIZE, SIZE);
    paint(context, SIZE, strokes);
  }
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  if (!context || !blob) {
    throw new Error('This browser cannot turn the drawing into a picture.');
  }
  return new File([blob], 'drawing.png', { type: blob.type });
}
