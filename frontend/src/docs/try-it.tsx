import { useState, type SubmitEvent } from 'react';

import controls from '@/shared/components/controls.module.css';

import styles from './docs.module.css';
import { ask, urlOf, type Reply } from './lib/ask';
import { resolve, type ApiDocument, type Parameter, type Route } from './lib/document';

interface Props {
  document: ApiDocument;
  route: Route;
  parameters: Parameter[];
  secrets: { admin: string; key: string };
}

const firstExample = ({ examples }: Parameter) => Object.values(examples ?? {})[0]?.value ?? '';

/** A form that asks the route, and what it answered. */
export function TryIt({ document, route, parameters, secrets }: Props) {
  const { method, operation } = route;
  const contents = Object.entries(operation.requestBody?.content ?? {});
  const examples = Object.entries(contents[0]?.[1].examples ?? {}).map(
    ([name, example]) => [name, JSON.stringify(resolve(document, example).value)] as const,
  );
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(parameters.map((one) => [one.name, one.in === 'header' ? '' : firstExample(one)])),
  );
  const [type, setType] = useState(contents[0]?.[0] ?? '');
  const [body, setBody] = useState(examples[0]?.[1] ?? '');
  const [reply, setReply] = useState<Reply>();

  async function send(event: SubmitEvent) {
    event.preventDefault();
    const headers = new Headers();
    for (const { name, in: place } of parameters) {
      if (place === 'header' && values[name]) {
        headers.set(name, values[name]);
      }
    }
    if (operation.security?.some((one) => 'admin' in one)) {
      headers.set('Authorization', `Bearer ${secrets.admin}`);
    } else if (secrets.key) {
      headers.set('X-API-Key', secrets.key);
    }
    if (type) {
      headers.set('Content-Type', type);
    }
    // Beside this page, not where the document says: a proxy may have put a path before both that the server cannot know.
    const url = urlOf(route, parameters, values, '.');
    setReply(await ask(method, url, headers, type ? body : undefined));
  }

  return (
    <form className={styles.form} onSubmit={(event) => void send(event)}>
      {parameters.map(({ name, in: place, required }) => (
        <label key={`${place} ${name}`}>
          {name} ({place})
          <input
            required={required ?? false}
            value={values[name] ?? ''}
            onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          />
        </label>
      ))}
      {contents.length > 0 && (
        <label>
          Content-Type
          <select value={type} onChange={(event) => setType(event.target.value)}>
            {contents.map(([name]) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      {examples.length > 1 && (
        <label>
          Example
          <select onChange={(event) => setBody(event.target.value)}>
            {examples.map(([name, text]) => (
              <option key={name} value={text}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {contents.length > 0 && (
        <label className={styles.wide}>
          Body
          <textarea
            rows={5}
            spellCheck={false}
            value={body}
            onChange={(event) => setBody(event.target.value)}
          />
        </label>
      )}
      <button type="submit" className={`${controls.button} ${controls.primary}`}>
        Send
      </button>
      <output className={styles.wide} aria-live="polite">
        {reply && (
          <>
            <strong>{reply.status}</strong>
            <pre role="group" aria-label="Reply" tabIndex={0}>{`${reply.headers}\n\n${reply.body}`}</pre>
          </>
        )}
      </output>
    </form>
  );
}
