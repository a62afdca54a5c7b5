import { useId, useState, type ReactNode, type SubmitEvent } from 'react';

import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';

import { countValues, parseNumbers } from '@/shared/lib/parse-numbers';
import styles from './numbers-form.module.css';

interface Props {
  /** How many numbers the model takes. */
  expected: number;
  onNumbers: (numbers: number[]) => void;
  /** What became of the numbers last sent. */
  children?: ReactNode;
}

/** The input of a model that takes no picture. */
export function NumbersForm({ expected, onNumbers, children }: Props) {
  const [text, setText] = useState('');
  const [error, setError] = useState<Error | null>(null);
  const helpId = useId();

  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    try {
      const numbers = parseNumbers(text);
      setError(null);
      onNumbers(numbers);
    } catch (problem) {
      setError(problem as Error);
    }
  }

  return (
    <form className={styles.form} onSubmit={onSubmit}>
      <label className={controls.label}>
        Numbers
        <textarea
          className={`${controls.field} ${styles.text}`}
          rows={8}
          spellCheck={false}
          value={text}
          aria-describedby={helpId}
          aria-invalid={error !== null}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <p id={helpId} className={styles.help}>
        Separated by commas: {countValues(text).toLocaleString('en')} of {expected.toLocaleString('en')}.
      </p>
      {error ? <ErrorMessage error={error} /> : children}
      <button type="submit" className={`${controls.button} ${controls.primary}`}>
        Ask
      </button>
    </form>
  );
}
