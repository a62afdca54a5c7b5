import { useId, type ReactNode } from 'react';

import styles from './table.module.css';

export interface ColumnHead {
  name: string;
  isNumber?: boolean;
}

interface Props {
  caption: ReactNode;
  columns: readonly ColumnHead[];
  /** Cells by row; the first one heads its row. */
  rows: readonly (readonly ReactNode[])[];
}

/** A table that scrolls within itself where the screen is narrow. */
export function Table({ caption, columns, rows }: Props) {
  const captionId = useId();
  const classOf = (index: number) => (columns[index]?.isNumber ? styles.number : undefined);
  return (
    // Reached by keyboard, so that arrow keys can scroll it.
    <div className={styles.scroll} role="group" aria-labelledby={captionId} tabIndex={0}>
      <table className={styles.table}>
        <caption id={captionId}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name }, index) => (
              <th key={name} scope="col" className={classOf(index)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, index) =>
                index === 0 ? (
                  <th key={index} scope="row" className={classOf(index)}>
                    {cell}
                  </th>
                ) : (
                  <td key={index} className={classOf(index)}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
