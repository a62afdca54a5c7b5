import { expect, test } from 'vitest';

import { painted } from '@/testing/painted';

import { toPng } from './to-png';

test('dark ink on white paper is sent, whatever the theme', async () => {
  document.documentElement.dataset.theme = 'dark';
  const png = await toPng([[{ x: 0.5, y: 0.25 }]]);
  expect(png.type).toBe('image/png');
  expect(painted[0]).toEqual({ call: 'fillRect', colour: '#fff', numbers: [0, 0, 280, 280] });
  expect(painted.at(-1)).toMatchObject({ call: 'stroke', colour: '#000' });
  expect(painted.find(({ call }) => call === 'moveTo')?.numbers).toEqual([140, 70]);
});

test('a tap makes a dot: its path has a length', async () => {
  await toPng([[{ x: 0.5, y: 0.5 }]]);
  const [x = 0] = painted.find(({ call }) => call === 'lineTo')?.numbers ?? [];
  expect(x).toBeGreaterThan(140);
});
