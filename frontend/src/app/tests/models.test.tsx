import { render, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { App } from '@/app/app';
import { Providers } from '@/app/providers';
import { MODELS } from '@/testing/models';
import { drawLine, nthRequest, openPage } from '@/testing/open-page';
import { digit, serve } from '@/testing/server';

test('the default version is chosen; a broken one cannot be, and its reason is told', async () => {
  serve();
  await openPage();
  expect(screen.getByLabelText('Model')).toHaveDisplayValue('mnist');
  const version = screen.getByLabelText('Version');
  expect(version).toHaveDisplayValue('2 (default)');
  expect(within(version).getByRole('option', { name: '3 (failed)' })).toBeDisabled();
  expect(
    screen.getByText(/Version 3 is not served: weights.safetensors is 12 bytes short/),
  ).toBeInTheDocument();
});

test('another version is asked about the same drawing at once', async () => {
  const asked = serve();
  const { user, pad } = await openPage();
  drawLine(pad, [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(7));
  await screen.findByTestId('label');

  await user.selectOptions(screen.getByLabelText('Version'), '1');
  const request = await nthRequest(asked, 2);
  expect(request.url.search).toBe('?model=mnist&version=1');
  request.answer(200, digit(1, 1));
  expect(await screen.findByText('mnist, version 1')).toBeVisible();
  expect(screen.getByTestId('label')).toHaveTextContent('1');
});

test('a model that takes no picture gets numbers, as JSON', async () => {
  const asked = serve();
  const { user } = await openPage();
  await user.selectOptions(screen.getByLabelText('Model'), 'iris');
  expect(screen.queryByLabelText('Drawing pad')).toBeNull();

  await user.type(screen.getByLabelText('Numbers'), '5.1, 3.5, x, 0.2');
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  expect(screen.getByRole('alert')).toHaveTextContent('“x” (value 3) is not a finite number.');
  expect(asked).toHaveLength(0);

  await user.clear(screen.getByLabelText('Numbers'));
  await user.type(screen.getByLabelText('Numbers'), '5.1, 3.5, 1.4, 0.2');
  expect(screen.getByText('Separated by commas: 4 of 4.')).toBeVisible();
  await user.click(screen.getByRole('button', { name: 'Ask' }));
  const request = await nthRequest(asked, 1);
  expect(request.url.search).toBe('?model=iris&version=1');
  expect(request.init.body).toBe('{"data":[5.1,3.5,1.4,0.2]}');
  expect(new Headers(request.init.headers).get('Content-Type')).toBe('application/json');
  request.answer(200, { score: 0.9, label: 'setosa', scores: [0.9, 0.06, 0.04], model: 'iris', version: 1 });
  expect(await screen.findByTestId('label')).toHaveTextContent('setosa');
});

test('a list of models that cannot be had is an error that can be tried again', async () => {
  serve({ error: 'still starting' }, 503);
  render(<App />, { wrapper: Providers });
  expect(await screen.findByRole('alert')).toHaveTextContent('still starting');
  expect(screen.getByRole('button', { name: 'Try again' })).toBeVisible();
});

test('without any version that works, the reasons are told', async () => {
  const [mnist] = MODELS;
  serve({ models: [{ ...mnist, default: null, versions: mnist?.versions.slice(0, 1) }] });
  render(<App />, { wrapper: Providers });
  expect(await screen.findByRole('alert')).toHaveTextContent(
    'No model can answer. mnist, version 3: weights.safetensors is 12 bytes short.',
  );
});
