import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { painted } from '@/testing/painted';
import { drawLine, nthRequest, openPage } from '@/testing/open-page';
import { digit, serve } from '@/testing/server';

async function drawSeven() {
  const asked = serve();
  const { user, pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(7));
  await screen.findByTestId('label');
  return { asked, user, pad };
}

test('another version is asked the same, and both answers stand side by side', async () => {
  const { asked, user, pad } = await drawSeven();
  const others = within(screen.getByLabelText('Compare with'));
  expect(others.getAllByRole('option').map((each) => each.textContent)).toEqual(['nothing else', '1']);
  await user.selectOptions(screen.getByLabelText('Compare with'), '1');
  const second = await nthRequest(asked, 2);
  expect(second.url.search).toBe('?model=mnist&version=1');
  second.answer(200, digit(1, 1));

  const comparison = within(await screen.findByRole('region', { name: 'Comparison' }));
  expect(comparison.getByRole('status')).toHaveTextContent(
    'They disagree: version 2 says 7, version 1 says 1.',
  );
  const rows = comparison.getAllByRole('row').map((row) => row.textContent);
  expect(rows[0]).toBe('ClassVersion 2Version 1Difference');
  expect(rows[8]).toBe('791.0%1.0%−0.900');

  drawLine(pad, [30, 20], [50, 20]);
  await nthRequest(asked, 4);
  expect(
    asked
      .slice(2)
      .map(({ url }) => url.searchParams.get('version'))
      .sort(),
  ).toEqual(['1', '2']);
});

test('a picture is explained by a heat map, with a legend and in words', async () => {
  const { asked, user } = await drawSeven();
  painted.length = 0;
  await user.click(screen.getByRole('button', { name: 'Why?' }));
  const request = await nthRequest(asked, 2);
  expect(request.url.search).toBe('?model=mnist&version=2&explain=1');
  expect(request.init.body).toBeInstanceOf(FormData);
  const contributions = Array.from({ length: 784 }, () => 0);
  contributions[0] = 0.4;
  contributions[783] = -0.1;
  request.answer(200, {
    explanation: {
      method: 'integrated',
      steps: 32,
      label: '7',
      score: 0.9,
      baseline_score: 0.1,
      sum: 0.8,
      contributions,
    },
  });
  const map = await screen.findByRole('img', { name: 'What each pixel has added to 7' });
  expect(map).toHaveAccessibleDescription(
    /Most spoke for it at the top left, most against it at the bottom right\..*28 × 28/,
  );
  expect(screen.getByText(/^against 7/)).toBeVisible();
  const cells = painted.filter(({ call, numbers }) => call === 'fillRect' && numbers[2] === 1);
  expect(cells).toHaveLength(784);
  expect(cells[0]).toEqual({ call: 'fillRect', colour: 'rgb(18 150 137 / 1.000)', numbers: [0, 0, 1, 1] });
  expect(cells[783]).toEqual({ call: 'fillRect', colour: 'rgb(214 92 36 / 0.500)', numbers: [27, 27, 1, 1] });
});

test('what cannot be explained is told, and the answer stays', async () => {
  const { asked, user } = await drawSeven();
  await user.click(screen.getByRole('button', { name: 'Why?' }));
  (await nthRequest(asked, 2)).answer(422, { error: 'the gradient is not finite' });
  expect(await screen.findByRole('alert')).toHaveTextContent('the gradient is not finite');
  expect(screen.getByTestId('label')).toHaveTextContent('7');
});
