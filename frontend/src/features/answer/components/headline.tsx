import type { Answer } from '../api/classify';
import { formatPercent, formatValue } from '@/shared/lib/format';
import styles from './answer-panel.module.css';

/** The answer in one glance. */
export function Headline({ answer }: { answer: Answer }) {
  const text = answer.label ?? (answer.value === undefined ? undefined : formatValue(answer.value));
  return (
    <p className={styles.headline} data-bare={text === undefined}>
      {text !== undefined && (
        <span data-testid="label" className={styles.label} data-long={text.length > 3}>
          {text}
        </span>
      )}{' '}
      <span className={styles.by}>
        {answer.score !== undefined && <span className={styles.score}>{formatPercent(answer.score)}</span>}{' '}
        <span>
          {answer.model}, version {answer.version}
        </span>
      </span>
    </p>
  );
}
