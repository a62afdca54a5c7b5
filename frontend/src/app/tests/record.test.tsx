import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { TABLES } from '@/testing/models';
import { nthRequest, openPage } from '@/testing/open-page';
import { serve } from '@/testing/server';

async function openModel(name: string) {
  const asked = serve({ models: TABLES });
  const { user } = await openPage();
  await user.selectOptions(screen.getByLabelText('Model'), name);
  return { asked, user };
}

test('a table has a field for each column; a wrong value is told, a missing one left out', async () => {
  const { asked, user } = await openModel('titanic');
  const country = screen.getByLabelText('port (optional)');
  expect(within(country).getAllByRole('option')).toHaveLength(3);
  await user.type(screen.getByLabelText('age (optional)'), 'old');
  await user.type(screen.getByLabelText('fare'), '7.25');
  await user.selectOptions(screen.getByLabelText('sex'), 'female');
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  expect(screen.getByRole('alert')).toHaveTextContent('age: “old” is not a finite number.');
  expect(screen.getByLabelText('age (optional)')).toHaveAttribute('aria-invalid', 'true');
  expect(asked).toHaveLength(0);

  await user.clear(screen.getByLabelText('age (optional)'));
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  const request = await nthRequest(asked, 1);
  expect(request.url.search).toBe('?model=titanic&version=1');
  expect(JSON.parse(request.init.body as string)).toEqual({ fare: 7.25, sex: 'female' });
  request.answer(200, { label: 'survived', score: 0.9, scores: [0.1, 0.9], model: 'titanic', version: 1 });
  expect(await screen.findByTestId('label')).toHaveTextContent('survived');
});

test('a column of a table is explained by a bar, the largest first', async () => {
  const { asked, user } = await openModel('titanic');
  await user.type(screen.getByLabelText('fare'), '7.25');
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  (await nthRequest(asked, 1)).answer(200, { label: 'died', score: 0.8, scores: [0.8, 0.2], version: 1 });
  await user.click(await screen.findByRole('button', { name: 'Why?' }));
  const request = await nthRequest(asked, 2);
  expect(request.url.search).toBe('?model=titanic&version=1&explain=1');
  request.answer(200, {
    explanation: {
      method: 'integrated',
      steps: 32,
      label: 'died',
      score: 0.8,
      baseline_score: 0.6,
      sum: 0.2,
      contributions: { fare: -0.1, sex: 0.3 },
    },
  });
  const bars = within(await screen.findByRole('list', { name: 'Contributions' })).getAllByRole('listitem');
  expect(bars.map((bar) => bar.textContent)).toEqual(['sex+0.300', 'fare−0.100']);
  expect(screen.getByRole('region', { name: 'Explanation' })).toHaveTextContent(
    'What speaks for and against died: its score is 0.8, and 0.6 for an empty input; together the parts add +0.200.',
  );
});

test('a model of texts gets a text', async () => {
  const { asked, user } = await openModel('sms');
  await user.type(screen.getByLabelText('mail'), 'win a prize');
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  expect((await nthRequest(asked, 1)).init.body).toBe('{"data":"win a prize"}');
});
