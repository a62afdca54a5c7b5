import { useQuery, useQueryClient } from '@tanstack/react-query';

import { getAccuracy, getCompared, getDrift } from '../api/get-insight';
import { getStats } from '../api/get-stats';
import { ratesOf, type Rates, type Reading } from '../lib/rates';

/** Asked again this often while the page is in sight, in milliseconds. */
const OFTEN = 2_000;
const SELDOM = 10_000;

/** What the server is doing. */
export function useStats() {
  const client = useQueryClient();
  return useQuery({
    queryKey: ['stats'],
    queryFn: async ({ signal }): Promise<Reading & { rates: Rates }> => {
      const stats = await getStats(signal);
      const now = { at: performance.now(), stats };
      return { ...now, rates: ratesOf(now, client.getQueryData<Reading>(['stats'])) };
    },
    refetchInterval: OFTEN,
    gcTime: 0,
  });
}

export function useCompared(model: string) {
  return useQuery({
    queryKey: ['compared', model],
    queryFn: ({ signal }) => getCompared(model, signal),
    refetchInterval: OFTEN,
  });
}

export function useDrift(model: string, version: number) {
  return useQuery({
    queryKey: ['drift', model, version],
    queryFn: ({ signal }) => getDrift(model, version, signal),
    refetchInterval: SELDOM,
  });
}

export function useAccuracy(model: string) {
  return useQuery({
    queryKey: ['accuracy', model],
    queryFn: ({ signal }) => getAccuracy(model, signal),
    refetchInterval: SELDOM,
  });
}
