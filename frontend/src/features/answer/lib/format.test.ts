import { expect, test } from 'vitest';

import { formatMilliseconds, formatPercent } from './format';

test.each([
  [0, '0.0%'],
  [0.00001, '<0.1%'],
  [0.125, '12.5%'],
  [0.9994, '>99.9%'],
  [1, '100.0%'],
])('share %f is %s', (share, text) => {
  expect(formatPercent(share)).toBe(text);
});

test.each([
  [0.214, '0.21 ms'],
  [12.34, '12.3 ms'],
  [1234.5, '1235 ms'],
])('%f milliseconds are %s', (milliseconds, text) => {
  expect(formatMilliseconds(milliseconds)).toBe(text);
});
