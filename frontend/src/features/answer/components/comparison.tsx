import { Table } from '@/shared/components/table';
import { formatDifference, formatPercent, formatValue } from '@/shared/lib/format';

import type { Answer } from '../api/classify';
import { differenceOf, furthest, pairsOf, verdict } from '../lib/compare';
import styles from './comparison.module.css';

const SHOWN = 20;

/** Two answers to the same input, side by side. */
export function Comparison({ first, second }: { first: Answer; second: Answer }) {
  const pairs = pairsOf(first, second);
  const shown = furthest(pairs, SHOWN);
  const isRegression = first.scores === undefined;
  const format = (value: number | undefined) =>
    value === undefined ? '—' : isRegression ? formatValue(value) : formatPercent(value);
  return (
    <section aria-label="Comparison" className={styles.comparison}>
      <p role="status">
        <strong>{verdict(first, second)}</strong>
      </p>
      <Table
        caption={isRegression ? 'Values, and how far they are apart' : 'Scores, and how far they are apart'}
        columns={[
          { name: isRegression ? 'Output' : 'Class' },
          { name: `Version ${first.version}`, isNumber: true },
          { name: `Version ${second.version}`, isNumber: true },
          { name: 'Difference', isNumber: true },
        ]}
        rows={shown.map((pair) => {
          const difference = differenceOf(pair);
          return [
            pair.name,
            format(pair.first),
            format(pair.second),
            difference === undefined ? '—' : formatDifference(difference),
          ];
        })}
      />
      {shown.length < pairs.length && (
        <p className={styles.rest}>
          The {SHOWN} of {pairs.length} that are furthest apart.
        </p>
      )}
    </section>
  );
}
