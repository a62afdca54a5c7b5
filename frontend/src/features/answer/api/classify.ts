import type { Classified } from '@/shared/api/schema';
import { request } from '@/shared/lib/api-client';

import { serverMilliseconds } from '../lib/server-timing';
import type { Target } from '../lib/question';

export interface Answer extends Classified {
  /** The name of each score. */
  labels: readonly string[];
  /** From sending the request to the last byte of the answer, seen from here. */
  roundTripMs: number;
  /** The server's own part of it, if it told. */
  serverMs: number | undefined;
}

/** Asks for the answer to one input: a form with a picture in `data`, or a row of numbers. */
export async function classify(
  { model, version, labels }: Target,
  input: FormData | number[],
  signal: AbortSignal,
): Promise<Answer> {
  const query = new URLSearchParams({ model, version: String(version) });
  const content =
    input instanceof FormData
      ? { body: input }
      : { body: JSON.stringify({ data: input }), headers: { 'Content-Type': 'application/json' } };
  const start = performance.now();
  const { body, headers } = await request<Classified>(`/classify?${query.toString()}`, {
    method: 'POST',
    signal,
    ...content,
  });
  return {
    ...body,
    labels,
    roundTripMs: performance.now() - start,
    serverMs: serverMilliseconds(headers.get('Server-Timing')),
  };
}
