import { useState } from 'react';

import controls from '@/shared/components/controls.module.css';
import { formatCount } from '@/shared/lib/format';

import styles from './answer-panel.module.css';

const SHOWN_AT_FIRST = 50;

/** The numbers of a regression with several outputs; of very many only the first, until all are asked for. */
export function ValueList({ values }: { values: readonly number[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const isLong = values.length > SHOWN_AT_FIRST;
  const shown = showsAll ? values : values.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      <p className={styles.values}>
        {shown.join(', ')}
        {shown.length < values.length && ' …'}
      </p>
      {isLong && (
        <button type="button" className={controls.button} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? `Show the first ${SHOWN_AT_FIRST} only` : `Show all ${formatCount(values.length)}`}
        </button>
      )}
    </>
  );
}
