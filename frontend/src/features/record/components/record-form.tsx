import { useState, type ReactNode, type SubmitEvent } from 'react';

import type { ModelInput } from '@/shared/api/schema';
import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';
import type { Row } from '@/shared/lib/classify';

import { fieldsOf, takesBareText } from '../lib/fields';
import { FieldError, readRecord } from '../lib/read-record';
import { RecordField } from './record-field';
import styles from './record-form.module.css';

interface Props {
  inputs: readonly ModelInput[];
  onRow: (row: Row) => void;
  /** What became of the row last sent. */
  children?: ReactNode;
}

/** The input of a model of tables or texts, or of several inputs: a field for each value of a row. */
export function RecordForm({ inputs, onRow, children }: Props) {
  const [error, setError] = useState<Error | null>(null);
  const fields = fieldsOf(inputs);

  function onSubmit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const texts = fields.map((_, index) => (form.get(nameOf(index)) ?? '') as string);
    try {
      const record = readRecord(fields, texts);
      setError(null);
      onRow(takesBareText(inputs) ? (texts[0] ?? '') : record);
    } catch (problem) {
      setError(problem as Error);
    }
  }

  return (
    <form className={styles.form} onSubmit={onSubmit} noValidate>
      <div className={styles.fields}>
        {fields.map((field, index) => (
          <RecordField
            key={field.name}
            field={field}
            name={nameOf(index)}
            isWrong={error instanceof FieldError && error.field === field.name}
          />
        ))}
      </div>
      {error ? <ErrorMessage error={error} /> : children}
      <button type="submit" className={`${controls.button} ${controls.primary}`}>
        Ask
      </button>
    </form>
  );
}

/** Not the column's own name, which may be that of a property of forms. */
function nameOf(index: number): string {
  return `value-${index}`;
}
