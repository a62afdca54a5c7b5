import { expect, test } from 'vitest';

import { ratesOf } from './rates';

const idle = { batches: 0, rejected: 0, expired: 0, cancelled: 0, queued_rows: 0, running: 0, models: [] };

test('a rate is the difference of two readings by the time between them', () => {
  const before = { at: 1000, stats: { ...idle, requests: 10, rows: 20 } };
  const now = { at: 3000, stats: { ...idle, requests: 50, rows: 20 } };
  expect(ratesOf(now, before)).toEqual({ requests: 20, rows: 0 });
});

test('there is none before the second reading, nor when the server began anew', () => {
  const now = { at: 3000, stats: { ...idle, requests: 5, rows: 5 } };
  expect(ratesOf(now, undefined)).toEqual({ requests: undefined, rows: undefined });
  const before = { at: 1000, stats: { ...idle, requests: 10, rows: 2 } };
  expect(ratesOf(now, before)).toEqual({ requests: undefined, rows: 1.5 });
});
