import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';

import generic from '../../openapi.json';
import { Docs } from './docs';
import { urlOf } from './lib/ask';

const EXAMPLE = { 'application/json': { schema: {}, examples: { pets: { value: [1, 2] } } } };

function serve() {
  const document = structuredClone(generic);
  Object.assign(document.paths['/classify'].post.requestBody, { content: EXAMPLE });
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (url === 'openapi.json') {
      return Promise.resolve(Response.json(document));
    }
    asked.push({ url, init });
    return Promise.resolve(Response.json({ label: 'cat' }));
  });
  return asked;
}

function operation(path: string) {
  const found = screen.getAllByText(path)[0]?.closest('details');
  if (!found) {
    throw new Error(`${path} is not shown`);
  }
  return found;
}

test('every route is shown, and one can be asked with its example', async () => {
  const asked = serve();
  render(<Docs />);
  await screen.findByRole('heading', { name: 'Classify' });
  for (const path of Object.keys(generic.paths)) {
    expect(screen.getAllByText(path).length).toBeGreaterThan(0);
  }
  const user = userEvent.setup();
  await user.type(screen.getByLabelText(/API key/), 'secret');
  const classify = operation('/classify');
  classify.open = true;
  const form = within(
    await within(classify)
      .findByRole('button', { name: 'Send' })
      .then(() => classify),
  );
  expect(form.getByLabelText('Body')).toHaveValue('[1,2]');
  await user.type(form.getByLabelText('top (query)'), '3');
  await user.click(form.getByRole('button', { name: 'Send' }));
  await waitFor(() => expect(form.getByRole('status')).toHaveTextContent('"label":"cat"'));
  expect(asked[0]?.url).toBe('./classify?top=3');
  expect(asked[0]?.init.body).toBe('[1,2]');
  expect(new Headers(asked[0]?.init.headers).get('X-API-Key')).toBe('secret');
});

test('what stands in a path is escaped', () => {
  const route = { method: 'GET', path: '/v1/models/{name}', operation: generic.paths['/healthz'].get };
  const url = urlOf(route, [{ name: 'name', in: 'path' }], { name: 'a/b c' }, '/ml');
  expect(url).toBe('/ml/v1/models/a%2Fb%20c');
});
