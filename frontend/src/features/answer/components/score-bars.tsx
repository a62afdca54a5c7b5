import { useState } from 'react';

import controls from '@/shared/components/controls.module.css';

import { formatPercent } from '@/shared/lib/format';
import { classesOf } from '../lib/ranking';
import styles from './score-bars.module.css';

const SHOWN_AT_FIRST = 20;

interface Props {
  labels: readonly string[];
  scores: readonly number[] | undefined;
}

/** A bar for each class, the best one marked; without scores only the empty places. */
export function ScoreBars({ labels, scores }: Props) {
  const [showsAll, setShowsAll] = useState(false);
  const classes = classesOf(labels, scores);
  const shown = showsAll ? classes : classes.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      <ul aria-label="Scores" aria-hidden={!scores} className={styles.bars}>
        {shown.map(({ index, label, score, isBest }) => (
          <li key={index} className={styles.row} aria-current={isBest || undefined}>
            <span className={styles.label}>{label}</span>
            <span className={styles.track}>
              <span className={styles.bar} style={{ width: `${(score ?? 0) * 100}%` }} />
            </span>
            <span className={styles.percent}>{score === undefined ? '' : formatPercent(score)}</span>
          </li>
        ))}
      </ul>
      {scores && classes.length > SHOWN_AT_FIRST && (
        <button type="button" className={controls.button} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? 'Show the best only' : `Show all ${classes.length}`}
        </button>
      )}
    </>
  );
}
