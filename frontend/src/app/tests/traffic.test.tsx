import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { openPage } from '@/testing/open-page';
import { serve } from '@/testing/server';
import { accuracy, compared, drift, stats } from '@/testing/traffic';

async function openTraffic(others: Record<string, unknown>) {
  serve(undefined, 200, others);
  const { user } = await openPage();
  await user.click(screen.getByRole('link', { name: 'Traffic' }));
}

function rowsIn(part: HTMLElement) {
  return within(part)
    .getAllByRole('row')
    .map((row) => row.textContent);
}

test('requests are told by version and step, with batches, and rates from the second reading on', async () => {
  await openTraffic({ '/api/stats': stats });
  const part = await screen.findByRole('region', { name: 'Requests' });
  await within(part).findByText('Rows that wait');
  expect(within(part).getByText('Requests per second').nextSibling).toHaveTextContent('…');
  expect(within(part).getByText('Refused or too late').nextSibling).toHaveTextContent('3');
  expect(part).toHaveTextContent(
    'Version 2 since the server started: 3 answered, 4 refused or failed, 30 rows, batches of 10 (99%: up to 15) rows',
  );
  expect(rowsIn(part)).toEqual(['StepHalf within99% withinMean', 'parse———', 'total0.40 ms1.5 ms0.50 ms']);
  expect(await within(part).findAllByText('0')).toHaveLength(2);
});

test('two versions on the same traffic: agreement, distances, latency, errors and where they disagree', async () => {
  await openTraffic({ '/api/models/mnist/compare': { compared: [compared] } });
  const part = await screen.findByRole('region', { name: 'Comparison' });
  await within(part).findByText('97.5%');
  expect(part).toHaveTextContent('Where the truth is known, 90.0% and 80.0% are right.');
  expect(rowsIn(part)).toEqual([
    'VersionHalf within99% withinErrors',
    '20.50 ms2.0 ms0',
    '10.50 ms2.0 ms3 (others is missing)',
    'Version 2 saysVersion 1 saysRows',
    '711',
  ]);
  const bars = within(within(part).getByRole('list', { name: 'Distances of versions 2 and 1' }));
  expect(bars.getAllByRole('listitem').map((bar) => bar.textContent)).toEqual(['≤ 0.0139', 'more1']);
});

test('drift is told by feature and label, with what is said of it', async () => {
  await openTraffic({ '/api/models/mnist/drift': drift });
  const bars = within(await screen.findByRole('list', { name: 'Population stability index' }));
  expect(bars.getAllByRole('listitem').map((bar) => bar.textContent)).toEqual([
    'predicted label0.125 moderate',
    'pixels[7]0.300 large',
    'pixels[8]0.050 stable',
  ]);
  expect(screen.getByRole('region', { name: 'Drift' })).toHaveTextContent(
    'Drift of 1,000 rows from the 60,000 of training: large.',
  );
});

test('accuracy is told by version and over time; without feedback, what it needs', async () => {
  await openTraffic({
    '/api/models/mnist/accuracy': { versions: [accuracy] },
    '/api/models/mnist/compare': { compared: [] },
  });
  const part = await screen.findByRole('region', { name: 'Accuracy' });
  await within(part).findByText('Of the last 24 hours');
  expect(rowsIn(part)).toEqual(['VersionRightRows', '275.0%20']);
  expect(screen.getByRole('list', { name: 'Accuracy of version 2 over time' })).toHaveTextContent(
    '75.0% of 20',
  );
  expect(await screen.findByText(/Nothing is compared yet/)).toBeVisible();
});
