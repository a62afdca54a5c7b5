import type { Answer } from '../api/classify';
import { formatMilliseconds } from '@/shared/lib/format';
import styles from './timing.module.css';

/** How long the answer took. */
export function Timing({ answer: { roundTripMs, serverMs } }: { answer: Answer }) {
  return (
    <dl className={styles.timing}>
      <div>
        <dt>Round trip</dt>
        <dd>{formatMilliseconds(roundTripMs)}</dd>
      </div>
      {serverMs !== undefined && (
        <div>
          <dt>Of it in the server</dt>
          <dd>{formatMilliseconds(serverMs)}</dd>
        </div>
      )}
    </dl>
  );
}
