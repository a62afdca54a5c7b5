import { request } from '@/shared/lib/api-client';

/** Of a histogram; null where nothing was counted. */
export interface Summary {
  count: number;
  mean: number | null;
  p50: number | null;
  p99: number | null;
}

export interface VersionStats {
  model: string;
  version: number;
  rows: number;
  /** By outcome. */
  requests: Record<string, number>;
  batch_rows: Summary;
  /** By step. */
  times_ms: Record<string, Summary>;
}

/** Counts since the server started. */
export interface Stats {
  requests: number;
  rows: number;
  rejected: number;
  expired: number;
  cancelled: number;
  queued_rows: number;
  running: number;
  models: VersionStats[];
}

export async function getStats(signal: AbortSignal): Promise<Stats> {
  return (await request<Stats>('/api/stats', { signal })).body;
}
