import { expect, test } from 'vitest';

import { parseNumbers } from './parse-numbers';

test('numbers may be separated by commas, blanks and line ends', () => {
  expect(parseNumbers(' 1, -2.5\n3e-2\t.5,')).toEqual([1, -2.5, 0.03, 0.5]);
});

test.each(['1, two', '1, NaN', '1, Infinity', '1, 1e999', '1, 1;2'])('%s names what is wrong', (text) => {
  expect(() => parseNumbers(text)).toThrow('(value 2) is not a finite number');
});
