import type { Audit, LabelBody, PromoteBody, ShadowBody, SplitBody } from '@/shared/api/schema';
import { request } from '@/shared/lib/api-client';

/** Something to be decided about a model: a request below /api/models/<model>/. */
export interface Decision {
  method: 'POST' | 'PUT' | 'DELETE';
  /** Its parts are encoded where it is sent. */
  path: readonly string[];
  body?: PromoteBody | LabelBody | SplitBody | ShadowBody;
}

export async function decide(model: string, token: string, { method, path, body }: Decision): Promise<void> {
  await request(url(model, path), {
    method,
    headers: { ...authorization(token), 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export async function audit(model: string, token: string, signal: AbortSignal): Promise<Audit['audit']> {
  const { body } = await request<Audit>(url(model, ['audit']), {
    headers: authorization(token),
    signal,
  });
  return body.audit;
}

function url(model: string, path: readonly string[]): string {
  return ['api/models', ...[model, ...path].map(encodeURIComponent)].join('/');
}

function authorization(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
