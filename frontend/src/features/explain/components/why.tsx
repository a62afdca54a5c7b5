import { useState } from 'react';

import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';

import { useExplanation, type Unexplained } from '../hooks/use-explanation';
import type { Grid } from '../lib/heat';
import styles from './explanation.module.css';
import { ExplanationView } from './explanation-view';

interface Props {
  asked: Unexplained;
  grid: Grid | undefined;
}

/** Explains the answer on demand, and each one after it until told otherwise. */
export function Why({ asked, grid }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const { data, error, isFetching, refetch } = useExplanation(isOpen ? asked : null);
  return (
    <div className={styles.why}>
      <button
        type="button"
        className={controls.button}
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        Why?
      </button>
      {isOpen && (
        <div aria-live="polite" aria-busy={isFetching}>
          {error && <ErrorMessage error={error} onRetry={() => void refetch()} />}
          {data && <ExplanationView explanation={data} grid={grid} />}
        </div>
      )}
    </div>
  );
}
