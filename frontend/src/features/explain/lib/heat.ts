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
export function inWords(pixels: readonly number[], grid: Grid): string {
  const most = strongest(pixels, grid);
  const least = strongest(
    pixels.map((value) => -value),
    grid,
  );
  const parts = [
    most ? `Most spoke for it at the ${most}` : 'Nothing spoke for it',
    least ? `most against it at the ${least}` : 'nothing against it',
  ];
  return `${parts.join(', ')}.`;
}

/** The ninth of the picture whose pixels above 0 sum to most; undefined: there are none. */
function strongest(pixels: readonly number[], { height, width }: Grid): string | undefined {
  const sums = new Map<string, number>();
  pixels.forEach((value, pixel) => {
    if (value > 0) {
      const row = ROWS[Math.floor((Math.floor(pixel / width) * 3) / height)] ?? '';
      const column = COLUMNS[Math.floor(((pixel % width) * 3) / width)] ?? '';
      const name = `${row} ${column}`;
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
  });
  return [...sums].sort(([, a], [, b]) => b - a)[0]?.[0];
}
