import controls from '@/shared/components/controls.module.css';

/** A version that can answer, to be chosen. */
export function VersionField({ versions, chosen }: { versions: readonly number[]; chosen?: number }) {
  return (
    <label className={controls.label}>
      To version
      <select name="version" className={controls.field} defaultValue={chosen}>
        {versions.map((version) => (
          <option key={version}>{version}</option>
        ))}
      </select>
    </label>
  );
}

interface TextProps {
  label: string;
  name: string;
  value?: string | number;
  /** A percentage. */
  isNumber?: boolean;
}

export function TextField({ label, name, value = '', isNumber = false }: TextProps) {
  return (
    <label className={controls.label}>
      {label}
      <input
        name={name}
        className={controls.field}
        defaultValue={value}
        autoComplete="off"
        inputMode={isNumber ? 'decimal' : 'text'}
      />
    </label>
  );
}
