import { ApiError } from '@/shared/lib/api-client';
import { formatCount } from '@/shared/lib/format';

import type { Drift, FeatureDrift, LabelDrift } from '@/shared/api/schema';
import { useDrift } from '../hooks/use-live';
import { Bars, type Bar } from './bars';
import { Part } from './part';
import styles from './traffic.module.css';

/** As is usual: a PSI below the first is stable, beyond the second a large drift. */
const MODERATE = 0.1;
const LARGE = 0.25;
/** Bars end here. */
const LONGEST = 0.5;
const SHOWN = 20;

/** How far inputs and labels are from those of training. */
export function LiveDrift({ model, version }: { model: string; version: number }) {
  const { data, error } = useDrift(model, version);
  const isUnknown = error instanceof ApiError && error.status === 404;
  return (
    <Part title="Drift" error={isUnknown ? null : error} empty={isUnknown && error.message}>
      {data && !isUnknown && <DriftBars drift={data} />}
    </Part>
  );
}

function DriftBars({ drift }: { drift: Drift }) {
  const { features, label, rows, trained_rows: trained } = drift;
  const shown = features.slice(0, SHOWN);
  return (
    <>
      <p>
        Drift of {formatCount(rows)} rows from the {formatCount(trained)} of training:{' '}
        <strong>{drift.level === 'unknown' ? 'too few rows to tell' : drift.level}</strong>.
      </p>
      <Bars
        label="Population stability index"
        marks={[MODERATE / LONGEST, LARGE / LONGEST]}
        bars={[
          ...(label ? [barOf('predicted label', label)] : []),
          ...shown.map((feature) => barOf(nameOf(feature), feature)),
        ]}
      />
      <p className={styles.note}>
        Population stability index; the lines are at {MODERATE} (moderate) and {LARGE} (large).
        {shown.length < features.length && ` The ${SHOWN} of ${features.length} features that moved most.`}
      </p>
    </>
  );
}

function nameOf({ name, index }: FeatureDrift): string {
  return index === undefined ? name : `${name}[${index}]`;
}

function barOf(name: string, { psi, level }: FeatureDrift | LabelDrift): Bar {
  return { name, length: psi / LONGEST, text: `${psi.toFixed(3)} ${level}`, level };
}
