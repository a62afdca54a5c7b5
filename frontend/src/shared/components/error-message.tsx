import { ApiError } from '@/shared/lib/api-client';

import controls from './controls.module.css';
import styles from './error-message.module.css';

interface Props {
  error: Error;
  onRetry?: () => void;
}

/** Says in words what went wrong, and announces it. */
export function ErrorMessage({ error, onRetry }: Props) {
  const where = error instanceof ApiError ? error.where : undefined;
  const canRetry = onRetry && error instanceof ApiError && error.isTransient;
  return (
    <div role="alert" className={styles.message}>
      <p>
        {error.message}
        {where !== undefined && (
          <>
            {' '}
            <span className={styles.where}>
              (at <code>{where || '/'}</code>)
            </span>
          </>
        )}
      </p>
      {canRetry && (
        <button type="button" className={controls.button} onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
