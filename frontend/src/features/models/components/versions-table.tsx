import { Table } from '@/shared/components/table';
import { formatCount } from '@/shared/lib/format';

import type { Model, ModelVersion } from '@/shared/api/schema';
import { rolesOf } from '../lib/roles';
import styles from './versions-table.module.css';

/** Every version in the store: its state, and what was decided about it. */
export function VersionsTable({ model }: { model: Model }) {
  return (
    <Table
      caption={`Every version of ${model.name} in the store, newest first`}
      columns={[
        { name: 'Version' },
        { name: 'State' },
        { name: 'Decided' },
        { name: 'Memory', isNumber: true },
      ]}
      rows={model.versions.map((version) => [
        version.version,
        <State key="state" version={version} />,
        rolesOf(model, version.version).join(', ') || '—',
        version.nbytes ? `${formatCount(Math.round(version.nbytes / 1000))} kB` : '—',
      ])}
    />
  );
}

function State({ version: { state, reason } }: { version: ModelVersion }) {
  return (
    <>
      <span className={styles.state} data-state={state}>
        {state}
      </span>
      {reason && <span className={styles.reason}>{reason}</span>}
    </>
  );
}
