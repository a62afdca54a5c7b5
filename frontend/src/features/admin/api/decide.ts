import { request } from '@/shared/lib/api-client';

/** Something to be decided about a model: a request below /api/models/<model>/. */
export interface Decision {
  method: 'POST' | 'PUT' | 'DELETE';
  /** Its parts are encoded where it is sent. */
  path: readonly string[];
  body?: unknown;
}

/** One line of the audit. */
export interface Change {
  at: string;
  who: string;
  action: string;
  before: unknown;
  after: unknown;
}

export async function decide(model: string, token: string, { method, path, body }: Decision): Promise<void> {
  await request(url(model, path), {
    method,
    headers: { ...authorization(token), 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export async function audit(model: string, token: string, signal: AbortSignal): Promise<Change[]> {
  const { body } = await request<{ audit: Change[] }>(url(model, ['audit']), {
    headers: authorization(token),
    signal,
  });
  return body.audit;
}

function url(model: string, path: readonly string[]): string {
  return ['/api/models', ...[model, ...path].map(encodeURIComponent)].join('/');
}

function authorization(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
