import type { ReactNode, SubmitEvent } from 'react';

import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';

import type { Decision } from '../api/decide';
import { useDecision, type Admin } from '../hooks/use-decision';
import styles from './admin.module.css';

interface Props {
  admin: Admin;
  title: string;
  /** The decision that the form's values stand for. */
  action: string;
  decisionOf: (form: FormData) => Decision;
  /** Others, which need no values. */
  others?: readonly { name: string; decision: Decision }[];
  children: ReactNode;
}

/** One thing that can be decided; the server's refusal is shown beside it. */
export function DecisionForm({ admin, title, action, decisionOf, others = [], children }: Props) {
  const { mutate, error, isPending, isSuccess } = useDecision(admin);

  function onSubmit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    mutate(decisionOf(new FormData(event.currentTarget)));
  }

  return (
    <form onSubmit={onSubmit}>
      <fieldset className={styles.form} disabled={isPending}>
        <legend>{title}</legend>
        {children}
        <div className={styles.buttons}>
          <button type="submit" className={`${controls.button} ${controls.primary}`}>
            {action}
          </button>
          {others.map(({ name, decision }) => (
            <button key={name} type="button" className={controls.button} onClick={() => mutate(decision)}>
              {name}
            </button>
          ))}
        </div>
        {error && <ErrorMessage error={error} />}
        <p role="status" className={styles.note}>
          {isSuccess && 'Done.'}
        </p>
      </fieldset>
    </form>
  );
}
