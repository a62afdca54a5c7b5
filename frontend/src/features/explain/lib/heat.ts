/** Of a picture: its edges, and how many numbers each pixel has. */
export interface Grid {
  height: number;
  width: number;
  channels: number;
}

/** What each pixel has added: its channels together, row by row. */
export function pixelsOf(numbers: readonly number[], { height, width, channels }: Grid): number[] {
  const sums = Array.from({ length: height * width }, () => 0);
  return sums.map((_, pixel) => {
    const start = pixel * channels;
    return numbers.slice(start, start + channels).reduce((sum, value) => sum + value, 0);
  });
}

/** −1 … 1: what each pixel has added, as a share of the largest. */
export function scaled(pixels: readonly number[]): number[] {
  const largest = pixels.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return pixels.map((value) => (largest > 0 ? value / largest : 0));
}

const ROWS = ['top', 'middle', 'bottom'];
const COLUMNS = ['left', 'centre', 'right'];

/** Where most spoke for and most against, in words: for those who do not see the map. */
export function inWords(pixels: readonly number[], { height, width }: Grid): string {
  const regions = new Map<string, number>();
  pixels.forEach((value, pixel) => {
    const row = ROWS[Math.floor((Math.floor(pixel / width) * 3) / height)] ?? '';
    const column = COLUMNS[Math.floor(((pixel % width) * 3) / width)] ?? '';
    const name = `${row} ${column}`;
    regions.set(name, (regions.get(name) ?? 0) + value);
  });
  const sorted = [...regions].sort(([, a], [, b]) => b - a);
  const [most, least] = [sorted[0], sorted.at(-1)];
  const parts = [
    most && most[1] > 0 ? `Most spoke for it at the ${most[0]}` : 'Nothing spoke for it',
    least && least[1] < 0 ? `most against it at the ${least[0]}` : 'no part of the picture against it',
  ];
  return `${parts.join(', ')}.`;
}
