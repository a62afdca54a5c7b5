import { expect, test } from 'vitest';

import { tell } from './tell';

const nothing = { promoted: [], labels: {}, split: null, shadow: null, policy: null };

test('all that is decided is told in words', () => {
  const shadow = { target: '3', points: 2050 };
  const decided = {
    promoted: [2, 1],
    labels: { canary: [3, 1] },
    split: { '1': 2500, canary: 7500 },
    shadow,
    policy: 'all',
  };
  expect(tell(decided)).toBe('default 2; canary 3; split 1: 25%, canary: 75%; shadow 3: 20.5%; policy all');
});

test('nothing is a dash', () => {
  expect([tell(null), tell(nothing)]).toEqual(['—', '—']);
});
