import type { Contribution, Explanation } from '@/shared/api/schema';

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
