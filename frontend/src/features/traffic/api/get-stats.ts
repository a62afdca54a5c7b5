import type { Stats } from '@/shared/api/schema';
import { request } from '@/shared/lib/api-client';

export async function getStats(signal: AbortSignal): Promise<Stats> {
  return (await request<Stats>('api/stats', { signal })).body;
}
