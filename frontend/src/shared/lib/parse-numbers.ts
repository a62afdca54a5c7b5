/** Numbers separated by commas, blanks or line ends; throws what to say about the first thing that is none. */
export function parseNumbers(text: string): number[] {
  return words(text).map((word, index) => {
    const number = Number(word);
    if (!Number.isFinite(number)) {
      throw new Error(`“${word.slice(0, 20)}” (value ${index + 1}) is not a finite number.`);
    }
    return number;
  });
}

/** How many values there are, numbers or not. */
export function countValues(text: string): number {
  return words(text).length;
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}
