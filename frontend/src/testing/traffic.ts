/** What the server tells of the traffic of the model that is chosen first. */
import type { Comparison, Drift, Stats, VersionAccuracy } from '@/shared/api/schema';

const time = { count: 3, mean: 0.5, p50: 0.4, p99: 1.5 };
export const stats: Stats = {
  requests: 3,
  rows: 30,
  batches: 3,
  rejected: 1,
  expired: 2,
  cancelled: 0,
  queued_rows: 5,
  running: 0,
  models: [
    {
      model: 'mnist',
      version: 2,
      rows: 30,
      requests: { OK: 3, MALFORMED: 4 },
      batch_rows: { count: 3, mean: 10, p50: 7, p99: 15 },
      times_ms: { parse: { count: 0, mean: null, p50: null, p99: null }, total: time },
    },
    { model: 'iris', version: 1, rows: 1, requests: { OK: 1 }, batch_rows: time, times_ms: { total: time } },
  ],
};
const side = { errors: 0, last_error: '', mean_ms: 1, p50_ms: 0.5, p99_ms: 2 };
export const compared: Comparison = {
  versions: [2, 1],
  requests: 10,
  rows: 40,
  agreement: 0.975,
  mean_distance: 0.1,
  distance: [
    { at_most: 0.01, rows: 39 },
    { at_most: null, rows: 1 },
  ],
  confusion: { '7': { '7': 39, '1': 1 } },
  accuracy: [0.9, 0.8],
  first: side,
  second: { ...side, errors: 3, last_error: 'others is missing' },
};
export const drift: Drift = {
  model: 'mnist',
  sampled: 1000,
  version: 2,
  rows: 1000,
  trained_rows: 60_000,
  level: 'large',
  features: [
    { name: 'pixels', index: 7, psi: 0.3, level: 'large', expected: [], seen: [] },
    { name: 'pixels', index: 8, psi: 0.05, level: 'stable', expected: [], seen: [] },
  ],
  label: { psi: 0.125, level: 'moderate', labels: {} },
};
export const accuracy: VersionAccuracy = {
  version: 2,
  rows: 20,
  right: 15,
  over_time: [{ from: '2026-01-02T03:00:00+00:00', rows: 20, right: 15 }],
};
