import { expect, test } from 'vitest';

import type { Answer } from '../api/classify';
import { differenceOf, furthest, pairsOf, verdict } from './compare';

const common = { model: 'pets', roundTripMs: 1, serverMs: undefined };
const first: Answer = { ...common, version: 1, labels: ['cat', 'dog'], label: 'cat', scores: [0.75, 0.25] };
const second: Answer = {
  ...common,
  version: 2,
  labels: ['dog', 'cat', 'fox'],
  label: 'dog',
  scores: [0.5, 0.25, 0.25],
};

test('scores are paired by their labels, whatever their order', () => {
  const pairs = pairsOf(first, second);
  expect(pairs).toEqual([
    { name: 'cat', first: 0.75, second: 0.25 },
    { name: 'dog', first: 0.25, second: 0.5 },
    { name: 'fox', first: undefined, second: 0.25 },
  ]);
  expect(pairs.map(differenceOf)).toEqual([-0.5, 0.25, undefined]);
  expect(furthest(pairs, 2).map(({ name }) => name)).toEqual(['cat', 'fox']);
});

test('whether they agree is said in words', () => {
  expect(verdict(first, second)).toBe('They disagree: version 1 says cat, version 2 says dog.');
  expect(verdict(first, { ...second, label: 'cat' })).toBe('Both versions say cat.');
});

test('values of regressions are paired by their place', () => {
  const values: Answer = { ...common, version: 1, labels: [], values: [1, 2] };
  expect(pairsOf(values, { ...values, values: [1, 5] })).toEqual([
    { name: '0', first: 1, second: 1 },
    { name: '1', first: 2, second: 5 },
  ]);
  expect(
    pairsOf({ ...common, version: 1, labels: [], value: 3 }, { ...common, version: 2, labels: [], value: 4 }),
  ).toEqual([{ name: 'value', first: 3, second: 4 }]);
});
