import { Table } from '@/shared/components/table';
import { formatCount, formatMilliseconds } from '@/shared/lib/format';

import type { Summary, VersionStats } from '@/shared/api/schema';
import { useStats } from '../hooks/use-live';
import { Part } from './part';
import styles from './traffic.module.css';

/** How much the server is asked, and how long each version takes for it. */
export function LiveStats({ model }: { model: string }) {
  const { data, error } = useStats();
  if (!data) {
    return <Part title="Requests" error={error} empty={!error && 'Asking the server…'} />;
  }
  const { stats, rates } = data;
  const figures = [
    ['Requests per second', rates.requests],
    ['Rows per second', rates.rows],
    ['Rows that wait', stats.queued_rows],
    ['Refused or too late', stats.rejected + stats.expired],
  ] as const;
  return (
    <Part title="Requests" error={error}>
      <dl className={styles.figures}>
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === undefined ? '…' : formatCount(value)}</dd>
          </div>
        ))}
      </dl>
      <VersionTimes versions={stats.models.filter((each) => each.model === model)} model={model} />
    </Part>
  );
}

function VersionTimes({ versions, model }: { versions: readonly VersionStats[]; model: string }) {
  if (versions.length === 0) {
    return <p className={styles.note}>{model} has not been asked since the server started.</p>;
  }
  return versions.map((version) => (
    <Table
      key={version.version}
      caption={`Version ${version.version} since the server started: ${describe(version)}`}
      columns={[
        { name: 'Step' },
        ...['Half within', '99% within', 'Mean'].map((name) => ({ name, isNumber: true })),
      ]}
      rows={Object.entries(version.times_ms).map(([step, { p50, p99, mean }]) => [
        step,
        ...[p50, p99, mean].map((time) => (time === null ? '—' : formatMilliseconds(time))),
      ])}
    />
  ));
}

function describe({ requests, rows, batch_rows: batch }: VersionStats): string {
  const { OK: answered = 0, ...failed } = requests;
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  const parts = [`${formatCount(answered)} answered`, `${formatCount(failures)} refused or failed`];
  return [...parts, `${formatCount(rows)} rows`, `batches of ${told(batch)} rows`].join(', ');
}

function told({ mean, p99 }: Summary): string {
  return mean === null || p99 === null ? '—' : `${formatCount(mean)} (99%: up to ${formatCount(p99)})`;
}
