import type { Parameter, Route } from './document';

export interface Reply {
  status: string;
  headers: string;
  body: string;
}

const LONGEST = 20_000;

/** The URL with the values of its path and query. */
export function urlOf(
  route: Route,
  parameters: Parameter[],
  values: Record<string, string>,
  base: string,
): string {
  let path = route.path;
  const query = new URLSearchParams();
  for (const { name, in: place } of parameters) {
    const value = values[name] ?? '';
    if (place === 'path') {
      path = path.replace(`{${name}}`, encodeURIComponent(value));
    } else if (place === 'query' && value !== '') {
      query.set(name, value);
    }
  }
  const text = query.toString();
  return `${base.replace(/\/$/, '')}${path}${text === '' ? '' : `?${text}`}`;
}

/** Sends the request; what comes back, as text. */
export async function ask(
  method: string,
  url: string,
  headers: Headers,
  body: string | undefined,
): Promise<Reply> {
  try {
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    return {
      status: `${response.status} ${response.statusText}`,
      headers: [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n'),
      body: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text,
    };
  } catch (error) {
    return { status: 'No answer', headers: '', body: error instanceof Error ? error.message : String(error) };
  }
}
