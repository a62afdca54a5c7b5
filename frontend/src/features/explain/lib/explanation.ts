/** What /classify?explain=1 says of a row: how much each input has added to a score. */
export interface Explanation {
  method: string;
  steps: number;
  /** Of a classification: the label whose score is explained; of a regression the number of the output. */
  label?: string;
  output?: number;
  score: number | null;
  /** The score of a row of zeros, as the network sees it. */
  baseline_score: number | null;
  /** Of all contributions: the difference of the two scores, but for the method's error. */
  sum: number | null;
  contributions: Contribution | Record<string, Contribution>;
}

/** Of a number; of the numbers of a tensor; of the terms of a text. */
export type Contribution = number | null | (number | null)[] | Term[];

export interface Term {
  term?: string;
  /** Where the term has no text. */
  index?: number;
  contribution: number | null;
}

/** A part of the input and what it has added. */
export interface Share {
  name: string;
  value: number;
}

/** The numbers of a tensor alone; undefined for a table or a text. */
export function numbersOf({ contributions }: Explanation): number[] | undefined {
  if (
    !Array.isArray(contributions) ||
    contributions.some((each) => typeof each === 'object' && each !== null)
  ) {
    return undefined;
  }
  return (contributions as (number | null)[]).map((each) => each ?? 0);
}

/** Every part, the largest first. */
export function sharesOf({ contributions }: Explanation): Share[] {
  const shares =
    typeof contributions === 'object' && contributions !== null && !Array.isArray(contributions)
      ? Object.entries(contributions).flatMap(([name, each]) => partsOf(name, each))
      : partsOf('', contributions);
  return shares.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

function partsOf(name: string, contribution: Contribution): Share[] {
  if (!Array.isArray(contribution)) {
    return [{ name: name || 'text', value: contribution ?? 0 }];
  }
  return contribution.map((each, index) => {
    if (typeof each !== 'object' || each === null) {
      return { name: name ? `${name}[${index}]` : `number ${index + 1}`, value: each ?? 0 };
    }
    const term = each.term === undefined ? `term ${each.index ?? index}` : `“${each.term}”`;
    return { name: name ? `${name}: ${term}` : term, value: each.contribution ?? 0 };
  });
}
