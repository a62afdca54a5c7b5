import type { Input } from '@/shared/lib/classify';

/** What is to be classified. */
export interface Question {
  /** Different for each input; the answer of one is never shown for another. */
  readonly id: number;
  /** Of questions on the same page, the answer to one stays in sight until that to the next one comes. */
  readonly page: number;
  /** Makes the request body, once it's clear that no newer question follows at once. */
  readonly body: () => Promise<Input>;
  /** How long to wait for a newer question before this one is sent, in milliseconds. */
  readonly settleMs: number;
}

/** Who is to answer. */
export interface Target {
  readonly model: string;
  readonly version: number;
  /** Its classes, in the order of its scores. */
  readonly labels: readonly string[];
}
