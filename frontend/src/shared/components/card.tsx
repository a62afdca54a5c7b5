import type { ReactNode } from 'react';

import styles from './card.module.css';

/** A raised surface holding one part of the page. */
export function Card({ children }: { children: ReactNode }) {
  return <div className={styles.card}>{children}</div>;
}
