import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { MODELS } from '@/testing/models';
import { drawLine, nthRequest, openPage } from '@/testing/open-page';
import { digit, serve } from '@/testing/server';

const routing = {
  promoted: [2],
  labels: { stable: [1] },
  split: { '1': 2500, '2': 7500 },
  shadow: null,
  policy: null,
};
const models = MODELS.map((model) =>
  model.name === 'mnist' ? { ...model, labels: { stable: 1 }, routing } : model,
);

async function openVersions(others: Record<string, unknown> = {}) {
  const asked = serve({ models }, 200, others);
  const { user, pad } = await openPage();
  await user.click(screen.getByRole('link', { name: 'Versions' }));
  return { asked, user, pad };
}

test('every version is listed with its state and what was decided about it', async () => {
  await openVersions();
  const rows = screen.getAllByRole('row').map((row) => row.textContent);
  expect(rows.slice(1)).toEqual([
    '3FAILEDweights.safetensors is 12 bytes short——',
    '2AVAILABLEdefault (promoted), 75% of the traffic500 kB',
    '1AVAILABLElabel stable, 25% of the traffic500 kB',
  ]);
});

test('nothing can be decided without a token, which is kept nowhere', async () => {
  const { asked, user } = await openVersions();
  expect(screen.queryByRole('button', { name: 'Promote' })).toBeNull();
  await user.type(screen.getByLabelText('Admin token'), 's3cret');
  const form = within(screen.getByRole('group', { name: 'Default' }));
  await user.selectOptions(form.getByLabelText('To version'), '1');
  await user.click(form.getByRole('button', { name: 'Promote' }));

  const request = await nthRequest(asked, 1);
  expect([request.init.method, request.url.pathname]).toEqual(['POST', '/api/models/mnist/promote']);
  expect(new Headers(request.init.headers).get('Authorization')).toBe('Bearer s3cret');
  expect(request.init.body).toBe('{"version":1}');
  request.answer(200, {});
  expect(await form.findByText('Done.')).toBeVisible();
  expect(localStorage).toHaveLength(0);
  expect(sessionStorage).toHaveLength(0);
});

test('a refusal is shown where it was asked for', async () => {
  const { asked, user } = await openVersions();
  await user.type(screen.getByLabelText('Admin token'), 'wrong');
  const form = within(screen.getByRole('group', { name: 'Split' }));
  await user.clear(form.getByLabelText('Percent of 2'));
  await user.type(form.getByLabelText('Percent of 2'), '90');
  await user.click(form.getByRole('button', { name: 'Split the traffic' }));
  const request = await nthRequest(asked, 1);
  expect([request.init.method, request.init.body]).toEqual(['PUT', '{"shares":{"2":90}}']);
  request.answer(401, { error: 'Authorization must be: Bearer' });
  expect(await form.findByRole('alert')).toHaveTextContent('Authorization must be: Bearer');
});

test.each([
  ['Default', 'Roll back', 'POST', 'rollback', undefined],
  ['Default', 'Follow the newest', 'POST', 'promote', '{"version":"newest"}'],
  ['Labels', 'Set the label', 'PUT', 'labels/canary', '{"version":2}'],
  ['Labels', 'Remove stable', 'DELETE', 'labels/stable', undefined],
  ['Split', 'End the split', 'DELETE', 'split', undefined],
  ['Shadow', 'Shadow the traffic', 'PUT', 'shadow', '{"target":"2","percent":10}'],
  ['Shadow', 'End the shadow', 'DELETE', 'shadow', undefined],
])('%s: %s', async (group, button, method, path, body) => {
  const { asked, user } = await openVersions();
  await user.type(screen.getByLabelText('Admin token'), 's3cret');
  await user.click(within(screen.getByRole('group', { name: group })).getByRole('button', { name: button }));
  const { url, init } = await nthRequest(asked, 1);
  expect([init.method, url.pathname, init.body]).toEqual([method, `/api/models/mnist/${path}`, body]);
});

test('the audit tells who changed what', async () => {
  const change = {
    at: '2026-01-02T03:04:05+00:00',
    who: 'Ann',
    action: 'promote',
    before: null,
    after: routing,
  };
  const { user } = await openVersions({ '/api/models/mnist/audit': { audit: [change] } });
  await user.type(screen.getByLabelText('Admin token'), 's3cret');
  await user.click(screen.getByRole('button', { name: 'Audit' }));
  expect(
    await screen.findByRole('row', { name: /Ann promote — default 2; stable 1; split 1: 25%, 2: 75%/ }),
  ).toBeVisible();
});

test('the drawing and its answer are there again when one comes back', async () => {
  const { asked, user } = await openVersions();
  await user.click(screen.getByRole('link', { name: 'Try' }));
  drawLine(screen.getByLabelText('Drawing pad'), [50, 20], [50, 80]);
  (await nthRequest(asked, 1)).answer(200, digit(7));
  await screen.findByTestId('label');
  await user.click(screen.getByRole('link', { name: 'Versions' }));
  expect(screen.getByLabelText('Drawing pad')).not.toBeVisible();
  await user.click(screen.getByRole('link', { name: 'Try' }));
  expect(await screen.findByText('7', { selector: '[data-testid]' })).toBeVisible();
});
