import { expect, test } from 'vitest';

import { serverMilliseconds } from './server-timing';

test.each([
  ['total;dur=0.214', 0.214],
  ['queue;dur=3, total;desc="all of it";dur=12', 12],
  ['queue;dur=3', undefined],
  ['total', undefined],
  ['total;dur=soon', undefined],
  [null, undefined],
])('%s', (header, milliseconds) => {
  expect(serverMilliseconds(header)).toBe(milliseconds);
});
