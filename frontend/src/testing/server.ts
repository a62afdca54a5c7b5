import { vi } from 'vitest';

import { MODELS } from './models';

/** A request to /classify that waits for its answer. */
export interface Asked {
  url: URL;
  init: RequestInit;
  answer: (status: number, body: unknown, headers?: Record<string, string>) => void;
  fail: () => void;
}

/**
 * Puts a server in place of the network: it lists models at once, as it answers GET requests to `others` by their paths,
 * and leaves each other answer to the test.
 * An answer may come after an abort, as the two can cross on a real network.
 */
export function serve(
  models: unknown = { models: MODELS },
  status = 200,
  others: Record<string, unknown> = {},
): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    const url = new URL(path, 'http://page.test');
    if (url.pathname === '/api/models') {
      return Promise.resolve(reply(status, models));
    }
    if (url.pathname in others && (init.method ?? 'GET') === 'GET') {
      return Promise.resolve(reply(200, others[url.pathname]));
    }
    return new Promise<Response>((resolve, reject) => {
      asked.push({
        url,
        init,
        answer: (status, body, headers) => resolve(reply(status, body, headers)),
        fail: () => reject(new TypeError('Failed to fetch')),
      });
    });
  });
  return asked;
}

function reply(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

/** What /classify says of a digit that it takes for `best`. */
export function digit(best: number, version = 2) {
  const scores = Array.from({ length: 10 }, (_, index) => (index === best ? 0.91 : 0.01));
  return { score: 0.91, label: String(best), scores, model: 'mnist', version };
}

/** The file in the field `data` of a request. */
export function sentFile({ init }: Asked): File {
  return (init.body as FormData).get('data') as File;
}
