import type { ReactNode } from 'react';

import { ErrorMessage } from '@/shared/components/error-message';

import styles from './traffic.module.css';

interface Props {
  title: string;
  error: Error | null;
  /** What to say where there is nothing to show. */
  empty?: string | false | undefined;
  children?: ReactNode;
}

/** One part of what is watched, with its heading; an error does not take away what was there before it. */
export function Part({ title, error, empty, children }: Props) {
  return (
    <section aria-label={title} className={styles.part}>
      <h2 className={styles.title}>{title}</h2>
      {error && <ErrorMessage error={error} />}
      {empty ? <p className={styles.note}>{empty}</p> : children}
    </section>
  );
}
