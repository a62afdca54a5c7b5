import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { drawLine, nthRequest, openPage } from '@/testing/open-page';
import { digit, serve } from '@/testing/server';

test("the server's error is shown in words, and the answer before it goes away", async () => {
  const asked = serve();
  const { pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(1));
  await screen.findByTestId('label');
  drawLine(pad, [30, 20], [50, 20]);
  (await nthRequest(asked, 2)).answer(422, { error: 'expected 784 numbers, got 783', where: '/data' });

  expect(await screen.findByRole('alert')).toHaveTextContent('expected 784 numbers, got 783 (at /data)');
  expect(screen.queryByTestId('label')).toBeNull();
  expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
});

test('a server that cannot be reached can be tried again', async () => {
  const asked = serve();
  const { user, pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).fail();
  expect(await screen.findByRole('alert')).toHaveTextContent('The server cannot be reached.');

  await user.click(screen.getByRole('button', { name: 'Try again' }));
  (await nthRequest(asked, 2)).answer(200, digit(1));
  expect(await screen.findByTestId('label')).toHaveTextContent('1');
  expect(screen.queryByRole('alert')).toBeNull();
});

test.each([
  [502, '<html>Bad gateway</html>', 'The server answered 502 without saying why.'],
  [200, '<html>Welcome</html>', 'is not JSON'],
])('an answer %i that is not JSON is an error in words', async (status, body, words) => {
  const asked = serve();
  const { pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(status, body);
  expect(await screen.findByRole('alert')).toHaveTextContent(words);
});
