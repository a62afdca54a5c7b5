import { expect, test } from 'vitest';

import { disputes } from './confusion';

test('only what the versions disagree on is listed, most first', () => {
  expect(disputes({ cat: { cat: 90, dog: 2 }, dog: { cat: 5, dog: 3 } })).toEqual([
    { first: 'dog', second: 'cat', rows: 5 },
    { first: 'cat', second: 'dog', rows: 2 },
  ]);
});
