import { Table } from '@/shared/components/table';
import { formatCount, formatMilliseconds, formatPercent } from '@/shared/lib/format';

import type { ComparedSide, Comparison } from '@/shared/api/schema';
import { useCompared } from '../hooks/use-live';
import { Bars } from './bars';
import { Confusion } from './confusion';
import { Part } from './part';
import styles from './traffic.module.css';

/** What shadows have shown: two versions on the same traffic. */
export function LiveComparison({ model }: { model: string }) {
  const { data, error } = useCompared(model);
  return (
    <Part
      title="Comparison"
      error={error}
      empty={data?.length === 0 && 'Nothing is compared yet: let a version shadow the traffic (in Versions).'}
    >
      {data?.map((compared) => (
        <Pair key={compared.versions.join()} compared={compared} />
      ))}
    </Part>
  );
}

function Pair({ compared }: { compared: Comparison }) {
  const { versions, rows, agreement, accuracy, distance, confusion } = compared;
  const [first, second] = versions;
  const most = Math.max(1, ...distance.map((part) => part.rows));
  return (
    <div className={styles.part}>
      <p>
        Version {first} and version {second} agree on{' '}
        <strong>{agreement === null ? '—' : formatPercent(agreement)}</strong> of {formatCount(rows)} rows.
        {accuracy &&
          ` Where the truth is known, ${formatPercent(accuracy[0])} and ${formatPercent(accuracy[1])} are right.`}
      </p>
      <Table
        caption="On the same requests"
        columns={[{ name: 'Version' }, ...['Half within', '99% within', 'Errors'].map(numeric)]}
        rows={[sideRow(first, compared.first), sideRow(second, compared.second)]}
      />
      <p className={styles.note}>Rows by how far the scores are apart</p>
      <Bars
        label={`Distances of versions ${first} and ${second}`}
        bars={distance.map(({ at_most: bound, rows: count }) => ({
          name: bound === null ? 'more' : `≤ ${bound}`,
          length: count / most,
          text: formatCount(count),
        }))}
      />
      <Confusion first={first} second={second} counts={confusion} />
    </div>
  );
}

function numeric(name: string) {
  return { name, isNumber: true };
}

function sideRow(version: number, { p50_ms, p99_ms, errors, last_error }: ComparedSide) {
  const time = (value: number | null) => (value === null ? '—' : formatMilliseconds(value));
  return [version, time(p50_ms), time(p99_ms), last_error ? `${errors} (${last_error})` : errors];
}
