import type { ReactNode } from 'react';

import { Card } from '@/shared/components/card';

import styles from './columns.module.css';

/** The input beside its answer; below one another on a narrow screen. */
export function Columns({ input, answer }: { input: ReactNode; answer: ReactNode }) {
  return (
    <div className={styles.columns}>
      <Card>{input}</Card>
      <Card>{answer}</Card>
    </div>
  );
}
