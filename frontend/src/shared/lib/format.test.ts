import { expect, test } from 'vitest';

import { formatDifference, formatMilliseconds, formatPercent } from './format';

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

test.each([
  [0, '0.000'],
  [0.25, '+0.250'],
  [-0.0314, '−0.031'],
  [-0.00002, '−2.0e−5'],
  [0.00002, '+2.0e−5'],
])('a difference of %f is %s', (value, text) => {
  expect(formatDifference(value)).toBe(text);
});
