import type { Classified } from '@/shared/api/schema';
import { postInput, type Input } from '@/shared/lib/classify';

import { serverMilliseconds } from '../lib/server-timing';
import type { Target } from '../lib/question';

/** What the server says about one row, and how long that took. */
export interface Answer extends Classified {
  /** The name of each score. */
  labels: readonly string[];
  /** From sending the request to the last byte of the answer, seen from here. */
  roundTripMs: number;
  /** The server's own part of it, if it told. */
  serverMs: number | undefined;
}

/** Asks for the answer to one input. */
export async function classify(target: Target, input: Input, signal: AbortSignal): Promise<Answer> {
  const start = performance.now();
  const { body, headers } = await postInput<Classified>(target, input, signal);
  return {
    ...body,
    labels: target.labels,
    roundTripMs: performance.now() - start,
    serverMs: serverMilliseconds(headers.get('Server-Timing')),
  };
}
