import { useEffect, useState } from 'react';

import { ErrorMessage } from '@/shared/components/error-message';
import { ThemeToggle } from '@/shared/components/theme-toggle';
import { ApiError, request } from '@/shared/lib/api-client';

import styles from './docs.module.css';
import { routesByTag, type ApiDocument } from './lib/document';
import { Operation } from './operation';

const WORDS = { admin: 'Token of an administrator', key: 'API key, where the server has some' };

/** The API's own document, for people. */
export function Docs() {
  const [document, setDocument] = useState<ApiDocument>();
  const [error, setError] = useState<ApiError>();
  const [part, setPart] = useState('');
  const [secrets, setSecrets] = useState({ admin: '', key: '' });
  useEffect(() => {
    const aborted = new AbortController();
    request<ApiDocument>('openapi.json', { signal: aborted.signal }).then(
      ({ body }) => setDocument(body),
      (reason: unknown) => reason instanceof ApiError && setError(reason),
    );
    return () => aborted.abort();
  }, []);
  const routes = document ? routesByTag(document, part) : [];
  return (
    <div className={styles.page}>
      <header>
        <div className={styles.top}>
          <a href="./">Try the models</a>
          <ThemeToggle />
        </div>
        <h1>{document?.info.title ?? 'Flask Serving'}: the API</h1>
        <p>
          Every route of this server, with a form to ask it. For programs the same is in{' '}
          <a href="openapi.json">openapi.json</a>.
        </p>
        <div className={styles.secrets}>
          {(['admin', 'key'] as const).map((name) => (
            <label key={name}>
              {WORDS[name]}
              <input
                type="password"
                autoComplete="off"
                value={secrets[name]}
                onChange={(event) => setSecrets({ ...secrets, [name]: event.target.value })}
              />
            </label>
          ))}
          <label>
            Find a route
            <input type="search" value={part} onChange={(event) => setPart(event.target.value)} />
          </label>
        </div>
      </header>
      <main>
        {error && <ErrorMessage error={error} onRetry={() => location.reload()} />}
        {!error && !document && <p>Asking for the document…</p>}
        {document && routes.length === 0 && <p role="status">No route has “{part}” in its path or words.</p>}
        {document &&
          routes.map(([tag, ofTag]) => (
            <section key={tag} aria-label={tag}>
              <h2>{tag}</h2>
              {ofTag.map((route) => (
                <Operation
                  key={route.operation.operationId}
                  document={document}
                  route={route}
                  secrets={secrets}
                />
              ))}
            </section>
          ))}
      </main>
    </div>
  );
}
