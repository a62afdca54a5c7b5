import { expect, test } from 'vitest';

import { inputOf } from '@/testing/models';

import { fieldsOf, takesBareText } from './fields';
import { readRecord } from './read-record';

const person = inputOf('person', 'table', {
  shape: [4],
  columns: [
    { name: 'age', type: 'number', missing: 'nan' },
    { name: 'member', type: 'boolean' },
    { name: 'country', type: 'category', categories: ['France', 'Spain'], missing: 0 },
    { name: 'remark', type: 'text', missing: 'empty' },
  ],
});
const pixels = inputOf('pixels', 'tensor', { shape: [2, 2] });
const fields = fieldsOf([person, pixels]);

test('a table has a field for each column, and another input one under its own name', () => {
  expect(fields.map(({ name, type }) => [name, type])).toEqual([
    ['age', 'number'],
    ['member', 'boolean'],
    ['country', 'category'],
    ['remark', 'text'],
    ['pixels', 'numbers'],
  ]);
  expect(fields.map(({ mayBeMissing }) => mayBeMissing)).toEqual([true, false, true, true, false]);
  expect(fields.at(-1)?.size).toBe(4);
});

test('each text becomes what its column is sent as', () => {
  expect(readRecord(fields, ['42,5', 'false', 'Spain', ' good ', '1 2, 3 4'])).toEqual({
    age: 42.5,
    member: false,
    country: 'Spain',
    remark: ' good ',
    pixels: [1, 2, 3, 4],
  });
});

test('what is missing is left out where that is allowed', () => {
  expect(readRecord(fields, ['', 'true', '', '', '0'])).toEqual({ member: true, pixels: [0] });
});

test.each([
  [['x', 'true', '', '', '1'], 'age: “x” is not a finite number.'],
  [['1', '', '', '', '1'], 'member: a value is needed.'],
  [['1', 'true', '', '', ''], 'pixels: a value is needed.'],
  [['1', 'true', '', '', '1 y'], 'pixels: “y” (value 2) is not a finite number.'],
])('%j names the field that is wrong', (texts, message) => {
  expect(() => readRecord(fields, texts)).toThrow(message);
});

test('one text alone is no record', () => {
  expect(takesBareText([inputOf('mail', 'text')])).toBe(true);
  expect(takesBareText([person])).toBe(false);
  expect(takesBareText([person, inputOf('mail', 'text')])).toBe(false);
});
