import { request } from '@/shared/lib/api-client';

/** How one of two versions did on what both were asked. */
export interface Side {
  errors: number;
  last_error: string;
  p50_ms: number | null;
  p99_ms: number | null;
}

/** Two versions on the same rows, of a shadow. */
export interface Compared {
  versions: [number, number];
  requests: number;
  rows: number;
  /** The share of rows to which both say the same. */
  agreement: number | null;
  mean_distance: number | null;
  /** Rows by how far their scores are apart; null: beyond all bounds. */
  distance: { at_most: number | null; rows: number }[];
  /** First's label → second's → rows. */
  confusion: Record<string, Record<string, number>>;
  /** Of rows whose truth was told. */
  accuracy: [number, number] | null;
  first: Side;
  second: Side;
}

/** Of a version whose answers people have told the truth about. */
export interface Accuracy {
  version: number;
  rows: number;
  right: number;
  over_time: { from: string; rows: number; right: number }[];
}

/** How far a distribution is from that of training: PSI, and what is said of it. */
export interface Shift {
  psi: number;
  level: string;
}

export interface Drift {
  version: number;
  rows: number;
  trained_rows: number;
  level: string;
  features: (Shift & { name: string; index?: number })[];
  label: Shift | null;
}

export async function getCompared(model: string, signal: AbortSignal): Promise<Compared[]> {
  return (await request<{ compared: Compared[] }>(url(model, 'compare'), { signal })).body.compared;
}

export async function getAccuracy(model: string, signal: AbortSignal): Promise<Accuracy[]> {
  return (await request<{ versions: Accuracy[] }>(url(model, 'accuracy'), { signal })).body.versions;
}

export async function getDrift(model: string, version: number, signal: AbortSignal): Promise<Drift> {
  return (await request<Drift>(`${url(model, 'drift')}?version=${version}`, { signal })).body;
}

function url(model: string, what: string): string {
  return `/api/models/${encodeURIComponent(model)}/${what}`;
}
