import { Table } from '@/shared/components/table';
import { formatCount, formatPercent } from '@/shared/lib/format';

import type { VersionAccuracy } from '@/shared/api/schema';
import { useAccuracy } from '../hooks/use-live';
import { Bars } from './bars';
import { Part } from './part';

/** How often versions were right, of the last day's answers whose truth was told. */
export function LiveAccuracy({ model }: { model: string }) {
  const { data, error } = useAccuracy(model);
  return (
    <Part
      title="Accuracy"
      error={error}
      empty={
        data?.length === 0 &&
        'Of no answer of the last 24 hours the truth was told (POST /api/feedback, with SERVING_JOURNAL on).'
      }
    >
      {data && data.length > 0 && (
        <Table
          caption="Of the last 24 hours"
          columns={[{ name: 'Version' }, { name: 'Right', isNumber: true }, { name: 'Rows', isNumber: true }]}
          rows={data.map(({ version, rows, right }) => [
            version,
            formatPercent(right / rows),
            formatCount(rows),
          ])}
        />
      )}
      {data?.map((accuracy) => (
        <OverTime key={accuracy.version} accuracy={accuracy} />
      ))}
    </Part>
  );
}

function OverTime({ accuracy: { version, over_time: parts } }: { accuracy: VersionAccuracy }) {
  return (
    <Bars
      label={`Accuracy of version ${version} over time`}
      bars={parts.map(({ from, rows, right }) => ({
        name: new Date(from).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
        length: right / rows,
        text: `${formatPercent(right / rows)} of ${formatCount(rows)}`,
      }))}
    />
  );
}
