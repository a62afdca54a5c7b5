import type { Accuracy, Compared, Comparison, Drift, VersionAccuracy } from '@/shared/api/schema';
import { request } from '@/shared/lib/api-client';

/** Of every two versions of which one has shadowed the other. */
export async function getCompared(model: string, signal: AbortSignal): Promise<Comparison[]> {
  return (await request<Compared>(url(model, 'compare'), { signal })).body.compared;
}

export async function getAccuracy(model: string, signal: AbortSignal): Promise<VersionAccuracy[]> {
  return (await request<Accuracy>(url(model, 'accuracy'), { signal })).body.versions;
}

export async function getDrift(model: string, version: number, signal: AbortSignal): Promise<Drift> {
  return (await request<Drift>(`${url(model, 'drift')}?version=${version}`, { signal })).body;
}

function url(model: string, what: string): string {
  return `api/models/${encodeURIComponent(model)}/${what}`;
}
