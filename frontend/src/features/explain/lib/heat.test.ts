import { expect, test } from 'vitest';

import { inWords, pixelsOf, scaled } from './heat';

test('the channels of a pixel are added up', () => {
  expect(pixelsOf([1, 2, 3, 4, -5, 1], { height: 1, width: 2, channels: 3 })).toEqual([6, 0]);
});

test('the largest contribution, for or against, has the full colour', () => {
  expect(scaled([1, -4, 0])).toEqual([0.25, -1, 0]);
  expect(scaled([0, 0])).toEqual([0, 0]);
});

test('a text says where the parts are that spoke most', () => {
  const pixels = Array.from({ length: 36 }, () => 0);
  pixels[0] = 2;
  pixels[35] = -1;
  const grid = { height: 6, width: 6, channels: 1 };
  expect(inWords(pixels, grid)).toBe(
    'Most spoke for it at the top left, most against it at the bottom right.',
  );
  pixels[35] = 0;
  expect(inWords(pixels, grid)).toBe('Most spoke for it at the top left, nothing against it.');
  pixels[1] = -0.5;
  expect(inWords(pixels, grid)).toContain('most against it at the top left');
});
