import controls from '@/shared/components/controls.module.css';

import type { Field } from '../lib/fields';
import styles from './record-form.module.css';

interface Props {
  field: Field;
  /** The name under which the form has its value. */
  name: string;
  isWrong: boolean;
}

/** What fits the type of the column; a category is chosen from those that the model knows. */
export function RecordField({ field, name, isWrong }: Props) {
  const isWide = field.type === 'text' || field.type === 'numbers';
  return (
    <label className={`${controls.label} ${isWide ? styles.wide : ''}`}>
      <span className={styles.name}>
        {field.name}
        {field.type === 'numbers' && ` (${field.size.toLocaleString('en')} numbers)`}
        {field.mayBeMissing && ' (optional)'}
      </span>
      <FieldControl field={field} name={name} isWrong={isWrong} />
    </label>
  );
}

function FieldControl({ field, name, isWrong }: Props) {
  const common = { name, 'aria-invalid': isWrong };
  const className = `${controls.field} ${styles.field}`;
  switch (field.type) {
    case 'number':
      return <input {...common} className={className} inputMode="decimal" autoComplete="off" />;
    case 'text':
    case 'numbers':
      return <textarea {...common} className={`${className} ${styles.text}`} rows={4} />;
    case 'boolean':
    case 'category':
      return (
        <select {...common} className={className}>
          {field.mayBeMissing && <option value="">missing</option>}
          {(field.type === 'boolean' ? ['false', 'true'] : field.categories).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      );
  }
}
