import { expect, test } from 'vitest';

import { modelOf, versionOf } from '@/testing/models';

import { rolesOf } from './roles';

const pets = modelOf('pets', versionOf({ version: 2 }));
const model = {
  ...pets,
  labels: { stable: 2, canary: 3 },
  routing: {
    ...pets.routing,
    promoted: [2],
    split: { '2': 9000, canary: 1000 },
    shadow: { target: '1', points: 2050 },
  },
};

test('what was decided about each version is told', () => {
  expect(rolesOf(model, 2)).toEqual(['default (promoted)', 'label stable', '90% of the traffic']);
  expect(rolesOf(model, 3)).toEqual(['label canary', '10% of the traffic']);
  expect(rolesOf(model, 1)).toEqual(['shadow of 20.5%']);
});

test('without decisions the newest is the default', () => {
  expect(rolesOf(pets, 2)).toEqual(['default']);
  expect(rolesOf(pets, 1)).toEqual([]);
});
