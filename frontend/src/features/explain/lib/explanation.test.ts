import { expect, test } from 'vitest';

import type { Explanation } from '@/shared/api/schema';

import { numbersOf, sharesOf } from './explanation';

function explained(contributions: Explanation['contributions']): Explanation {
  return { method: 'integrated', steps: 32, label: 'a', score: 1, baseline_score: 0, sum: 1, contributions };
}

test('the largest come first, for or against', () => {
  expect(sharesOf(explained({ age: 0.1, fare: -0.4, sex: null }))).toEqual([
    { name: 'fare', value: -0.4 },
    { name: 'age', value: 0.1 },
    { name: 'sex', value: 0 },
  ]);
});

test('terms of texts are named, of a text alone and of a column', () => {
  const terms = [
    { term: 'free', contribution: 0.5 },
    { index: 7, contribution: 0.1 },
  ];
  expect(sharesOf(explained(terms))).toEqual([
    { name: '“free”', value: 0.5 },
    { name: 'term 7', value: 0.1 },
  ]);
  expect(sharesOf(explained({ remark: terms })).map(({ name }) => name)).toEqual([
    'remark: “free”',
    'remark: term 7',
  ]);
  expect(numbersOf(explained(terms))).toBeUndefined();
});

test('a tensor alone has numbers, by itself or within a record only names', () => {
  expect(numbersOf(explained([0.5, null]))).toEqual([0.5, 0]);
  expect(sharesOf(explained([0.5, 1])).map(({ name }) => name)).toEqual(['number 2', 'number 1']);
  expect(numbersOf(explained({ x: [1, 2] }))).toBeUndefined();
  expect(sharesOf(explained({ x: [1, 2] })).map(({ name }) => name)).toEqual(['x[1]', 'x[0]']);
});
