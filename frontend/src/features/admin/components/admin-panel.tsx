import { useState } from 'react';

import controls from '@/shared/components/controls.module.css';

import styles from './admin.module.css';
import { AuditList } from './audit-list';
import { DecisionForms } from './decision-forms';

interface Props {
  model: string;
  versions: readonly number[];
  labels: readonly string[];
  token: string;
  onToken: (token: string) => void;
}

/** Decisions about a model, for whoever has the token; it is kept in memory only. */
export function AdminPanel({ model, versions, labels, token, onToken }: Props) {
  const [showsAudit, setShowsAudit] = useState(false);
  const admin = { model, token };
  return (
    <section aria-labelledby="admin" className={styles.admin}>
      <h2 id="admin" className={styles.title}>
        Decide
      </h2>
      <label className={controls.label}>
        Admin token
        <input
          type="password"
          className={controls.field}
          value={token}
          autoComplete="off"
          onChange={(event) => onToken(event.target.value.trim())}
        />
      </label>
      {token === '' ? (
        <p className={styles.note}>
          With the server’s SERVING_ADMIN_TOKEN versions can be promoted, labelled, split and shadowed here.
          The token is kept until this page is left, and nowhere else.
        </p>
      ) : (
        <>
          <DecisionForms key={model} admin={admin} versions={versions} labels={labels} />
          <div className={styles.buttons}>
            <button
              type="button"
              className={controls.button}
              aria-expanded={showsAudit}
              onClick={() => setShowsAudit(!showsAudit)}
            >
              Audit
            </button>
          </div>
          {showsAudit && <AuditList admin={admin} />}
        </>
      )}
    </section>
  );
}
