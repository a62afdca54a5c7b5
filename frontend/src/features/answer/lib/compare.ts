import type { Answer } from '../api/classify';

/** One number that both answers have: the score of a class, or a value of a regression. */
export interface Pair {
  name: string;
  /** Undefined: this version has no such class. */
  first: number | undefined;
  second: number | undefined;
}

/** What the two answers say, number by number, in the order of the first one's classes. */
export function pairsOf(first: Answer, second: Answer): Pair[] {
  const [a, b] = [numbersOf(first), numbersOf(second)];
  return [...new Set([...a.keys(), ...b.keys()])].map((name) => ({
    name,
    first: a.get(name),
    second: b.get(name),
  }));
}

export function differenceOf({ first, second }: Pair): number | undefined {
  return first === undefined || second === undefined ? undefined : second - first;
}

/** The pairs that are furthest apart, in their own order. */
export function furthest(pairs: readonly Pair[], count: number): Pair[] {
  const distance = (pair: Pair) => Math.abs(differenceOf(pair) ?? Infinity);
  const kept = new Set([...pairs].sort((a, b) => distance(b) - distance(a)).slice(0, count));
  return pairs.filter((pair) => kept.has(pair));
}

/** Both in words: whether they agree. */
export function verdict(first: Answer, second: Answer): string {
  const [a, b] = [first.label, second.label];
  if (a === undefined || b === undefined) {
    return `Version ${first.version} and version ${second.version}, number by number.`;
  }
  return a === b
    ? `Both versions say ${a}.`
    : `They disagree: version ${first.version} says ${a}, version ${second.version} says ${b}.`;
}

function numbersOf({ scores, labels, value, values }: Answer): Map<string, number> {
  const numbers = scores ?? values ?? (value === undefined ? [] : [value]);
  const nameless = numbers.length === 1 ? 'value' : undefined;
  return new Map(numbers.map((number, index) => [labels[index] ?? nameless ?? String(index), number]));
}
