/** Rows to which the two versions said different things. */
export interface Dispute {
  first: string;
  second: string;
  rows: number;
}

/** The labels that are most often taken for one another, most first. */
export function disputes(counts: Readonly<Record<string, Readonly<Record<string, number>>>>): Dispute[] {
  return Object.entries(counts)
    .flatMap(([first, row]) => Object.entries(row).map(([second, rows]) => ({ first, second, rows })))
    .filter(({ first, second }) => first !== second)
    .sort((a, b) => b.rows - a.rows);
}
