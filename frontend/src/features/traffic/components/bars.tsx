import styles from './traffic.module.css';

export interface Bar {
  name: string;
  /** 0 … 1. */
  length: number;
  text: string;
  /** How far from what is good, where that is known. */
  level?: string;
}

interface Props {
  label: string;
  bars: readonly Bar[];
  /** Where lines cross every bar, 0 … 1. */
  marks?: readonly number[];
}

/** Named bars, each with its value in words. */
export function Bars({ label, bars, marks = [] }: Props) {
  return (
    <ul aria-label={label} className={styles.bars}>
      {bars.map(({ name, length, text, level }) => (
        <li key={name}>
          <span>{name}</span>
          <span className={styles.track}>
            <span
              className={styles.bar}
              data-level={level}
              style={{ width: `${Math.min(1, Math.max(0, length)) * 100}%` }}
            />
            {marks.map((mark) => (
              <span key={mark} className={styles.mark} style={{ left: `${mark * 100}%` }} />
            ))}
          </span>
          <span className={styles.value}>{text}</span>
        </li>
      ))}
    </ul>
  );
}
