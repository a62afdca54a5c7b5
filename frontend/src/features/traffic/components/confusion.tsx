import { Table } from '@/shared/components/table';
import { formatCount } from '@/shared/lib/format';

import { disputes } from '../lib/confusion';
import styles from './traffic.module.css';

const SHOWN = 10;

interface Props {
  first: number;
  second: number;
  counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What one version takes for something else than the other does. */
export function Confusion({ first, second, counts }: Props) {
  const found = disputes(counts);
  if (found.length === 0) {
    return <p className={styles.note}>Both give every row the same label, or have none.</p>;
  }
  return (
    <Table
      caption={`Where they disagree most${found.length > SHOWN ? ` (${SHOWN} of ${found.length})` : ''}`}
      columns={[
        { name: `Version ${first} says` },
        { name: `Version ${second} says` },
        { name: 'Rows', isNumber: true },
      ]}
      rows={found.slice(0, SHOWN).map((each) => [each.first, each.second, formatCount(each.rows)])}
    />
  );
}
