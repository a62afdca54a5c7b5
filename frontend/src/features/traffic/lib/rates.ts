import type { Stats } from '@/shared/api/schema';

/** Counts, and when they were read, in milliseconds. */
export interface Reading {
  at: number;
  stats: Stats;
}

/** Per second between two readings; undefined before the second one, and after a restart. */
export interface Rates {
  requests: number | undefined;
  rows: number | undefined;
}

export function ratesOf(now: Reading, before: Reading | undefined): Rates {
  const rate = (of: (stats: Stats) => number) => {
    if (!before || now.at <= before.at) {
      return undefined;
    }
    const more = of(now.stats) - of(before.stats);
    return more < 0 ? undefined : (more / (now.at - before.at)) * 1000;
  };
  return { requests: rate(({ requests }) => requests), rows: rate(({ rows }) => rows) };
}
