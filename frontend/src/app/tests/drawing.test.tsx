import { fireEvent, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { drawLine, nthRequest, openPage, settled } from '@/testing/open-page';
import { digit, sentFile, serve } from '@/testing/server';

test('a drawing is sent to the default version, and its answer has a bar for each class', async () => {
  const asked = serve();
  const { pad } = await openPage();
  drawLine(pad, [30, 20], [70, 20]);

  const request = await nthRequest(asked, 1);
  expect(request.url.pathname + request.url.search).toBe('/classify?model=mnist&version=2');
  expect(request.init.method).toBe('POST');
  expect(sentFile(request)).toMatchObject({ name: 'drawing.png', type: 'image/png' });
  request.answer(200, digit(7), { 'Server-Timing': 'total;dur=0.214' });

  expect(await screen.findByTestId('label')).toHaveTextContent('7');
  const answer = within(screen.getByRole('status', { name: 'Answer' }));
  expect(answer.getByText('mnist, version 2')).toBeVisible();
  expect(answer.getByText('0.21 ms')).toBeVisible();
  expect(answer.getByText('Round trip').nextSibling).toHaveTextContent(/^[\d.]+ ms$/);

  const bars = within(answer.getByRole('list', { name: 'Scores' })).getAllByRole('listitem');
  expect(bars.map((bar) => bar.textContent)).toEqual(
    Array.from({ length: 10 }, (_, index) => (index === 7 ? '791.0%' : `${index}1.0%`)),
  );
  expect(bars.filter((bar) => bar.hasAttribute('aria-current'))).toEqual([bars[7]]);
});

test('strokes that follow one another at once are sent once', async () => {
  const asked = serve();
  const { pad } = await openPage();
  drawLine(pad, [30, 20], [30, 60]);
  drawLine(pad, [60, 20], [60, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(4));
  expect(await screen.findByTestId('label')).toHaveTextContent('4');
  expect(asked).toHaveLength(1);
});

test('the answer to an older drawing never replaces that to a newer one', async () => {
  const asked = serve();
  const { pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  const older = await nthRequest(asked, 1);
  drawLine(pad, [30, 20], [50, 20]);
  const newer = await nthRequest(asked, 2);
  expect(older.init.signal?.aborted).toBe(true);

  newer.answer(200, digit(7));
  expect(await screen.findByText('7', { selector: '[data-testid]' })).toBeVisible();
  older.answer(200, digit(1));
  await settled();
  expect(screen.getByTestId('label')).toHaveTextContent('7');
});

test('Clear takes drawing and answer away, and Undo brings them back', async () => {
  const asked = serve();
  const { user, pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(1));
  await screen.findByTestId('label');

  await user.click(screen.getByRole('button', { name: 'Clear' }));
  expect(screen.queryByTestId('label')).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Undo' }));
  (await nthRequest(asked, 2)).answer(200, digit(1));
  expect(await screen.findByTestId('label')).toHaveTextContent('1');
});

test('the keyboard draws: Space puts the pen down and lifts it', async () => {
  const asked = serve();
  const { user, pad } = await openPage();
  pad.focus();
  await user.keyboard('{ArrowRight} {ArrowDown}{ArrowDown}');
  expect(screen.getByText('Pen down')).toBeInTheDocument();
  expect(asked).toHaveLength(0);
  await user.keyboard(' ');
  (await nthRequest(asked, 1)).answer(200, digit(1));
  expect(await screen.findByTestId('label')).toHaveTextContent('1');
});

test('a second finger and other mouse buttons do not draw', async () => {
  const asked = serve();
  const { pad } = await openPage();
  fireEvent.pointerDown(pad, { pointerId: 2, isPrimary: false, button: 0 });
  fireEvent.pointerUp(pad, { pointerId: 2, isPrimary: false, button: 0 });
  fireEvent.pointerDown(pad, { pointerId: 1, isPrimary: true, button: 2 });
  fireEvent.pointerUp(pad, { pointerId: 1, isPrimary: true, button: 2 });
  expect(screen.getByText('Draw here, or drop a picture')).toBeVisible();
  expect(asked).toHaveLength(0);
});
