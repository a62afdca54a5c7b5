import type { Explanation } from '@/shared/api/schema';
import { formatDifference, formatValue } from '@/shared/lib/format';

import { numbersOf, sharesOf } from '../lib/explanation';
import type { Grid } from '../lib/heat';
import { ContributionBars } from './contribution-bars';
import styles from './explanation.module.css';
import { HeatMap } from './heat-map';

interface Props {
  explanation: Explanation;
  /** Of a model that takes a picture. */
  grid: Grid | undefined;
}

/** What has made the answer what it is: a heat map of a picture, else bars by column or term. */
export function ExplanationView({ explanation, grid }: Props) {
  const { label, output, method, steps, score, baseline_score: baseline, sum } = explanation;
  const subject = label ?? (output ? `output ${output}` : 'the value');
  const numbers = numbersOf(explanation);
  const isPicture = grid && numbers?.length === grid.height * grid.width * grid.channels;
  return (
    <section aria-label="Explanation" className={styles.explanation}>
      <p>
        What speaks for and against <strong>{subject}</strong>:{' '}
        {label === undefined ? 'the value' : 'its score'} is {told(score)}, and {told(baseline)} for an empty
        input; together the parts add {sum === null ? '—' : formatDifference(sum)}.
      </p>
      {isPicture ? (
        <HeatMap numbers={numbers} grid={grid} subject={subject} />
      ) : (
        <ContributionBars shares={sharesOf(explanation)} />
      )}
      <p className={styles.note}>
        {method === 'integrated' ? `Integrated gradients, ${steps} steps.` : 'Gradient × input.'}
      </p>
    </section>
  );
}

function told(value: number | null): string {
  return value === null ? 'no finite number' : formatValue(value);
}
