import { useState } from 'react';

import controls from '@/shared/components/controls.module.css';
import { formatDifference } from '@/shared/lib/format';

import type { Share } from '../lib/explanation';
import styles from './explanation.module.css';

const SHOWN_AT_FIRST = 12;

/** A bar for each part of the input: to the right for, to the left against. */
export function ContributionBars({ shares }: { shares: readonly Share[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const largest = Math.abs(shares[0]?.value ?? 0);
  const shown = showsAll ? shares : shares.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      <ul aria-label="Contributions" className={styles.bars}>
        {shown.map(({ name, value }, index) => {
          const half = largest > 0 ? (Math.abs(value) / largest) * 50 : 0;
          return (
            <li key={index} className={styles.row}>
              <span className={styles.name}>{name}</span>
              <span className={styles.track}>
                <span
                  className={styles.bar}
                  data-against={value < 0}
                  style={{ left: `${value < 0 ? 50 - half : 50}%`, width: `${half}%` }}
                />
              </span>
              <span className={styles.value}>{formatDifference(value)}</span>
            </li>
          );
        })}
      </ul>
      {shares.length > SHOWN_AT_FIRST && (
        <button type="button" className={controls.button} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? 'Show the largest only' : `Show all ${shares.length} contributions`}
        </button>
      )}
    </>
  );
}
