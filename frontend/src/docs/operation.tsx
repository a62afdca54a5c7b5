import { useState } from 'react';

import styles from './docs.module.css';
import { inWords, resolve, type ApiDocument, type Content, type Parameter, type Route } from './lib/document';
import { TryIt } from './try-it';
import { Words } from './words';

interface Props {
  document: ApiDocument;
  route: Route;
  secrets: { admin: string; key: string };
}

/** One route: what it takes and answers.  The form is made when it is opened. */
export function Operation({ document, route, secrets }: Props) {
  const { method, path, operation } = route;
  const [isOpen, setOpen] = useState(false);
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  return (
    <details className={styles.operation} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className={styles.method}>{method}</span> <code>{path}</code>
        <span className={styles.words}>
          <Words text={operation.summary} />
        </span>
      </summary>
      {isOpen && (
        <div className={styles.inside}>
          {operation.description && (
            <p>
              <Words text={operation.description} />
            </p>
          )}
          {operation.security && (
            <p>Needs {operation.security.map((one) => Object.keys(one)[0]).join(' or ')}.</p>
          )}
          {parameters.length > 0 && <Parameters parameters={parameters} />}
          {operation.requestBody && <Contents title="Body" contents={operation.requestBody.content} />}
          <table>
            <caption>Replies</caption>
            <tbody>
              {Object.entries(operation.responses).map(([status, given]) => {
                const reply = resolve(document, given);
                const kinds = Object.entries(reply.content ?? {});
                return (
                  <tr key={status}>
                    <th scope="row">{status}</th>
                    <td>{reply.description}</td>
                    <td>{kinds.map(([type, { schema }]) => `${type}: ${inWords(schema)}`).join('; ')}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
          <TryIt document={document} route={route} parameters={parameters} secrets={secrets} />
        </div>
      )}
    </details>
  );
}

function Parameters({ parameters }: { parameters: Parameter[] }) {
  return (
    <table>
      <caption>Parameters</caption>
      <tbody>
        {parameters.map(({ name, in: place, description, schema }) => (
          <tr key={`${place} ${name}`}>
            <th scope="row">{name}</th>
            <td>{place}</td>
            <td>{inWords(schema)}</td>
            <td>{description && <Words text={description} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Contents({ title, contents }: { title: string; contents: Record<string, Content> }) {
  return (
    <table>
      <caption>{title}</caption>
      <tbody>
        {Object.entries(contents).map(([type, { schema }]) => (
          <tr key={type}>
            <th scope="row">{type}</th>
            <td>{inWords(schema)}</td>
            <td>{schema?.description && <Words text={schema.description} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
