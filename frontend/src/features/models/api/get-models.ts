import { queryOptions } from '@tanstack/react-query';

import type { ModelList } from '@/shared/api/schema';
import { request } from '@/shared/lib/api-client';

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async ({ signal }) => (await request<ModelList>('api/models', { signal })).body.models,
  // Versions come and go while the server runs; the list is read again when the page is looked at again.
  staleTime: 10_000,
  refetchOnWindowFocus: true,
});
