import { queryOptions } from '@tanstack/react-query';

import { request } from '@/shared/lib/api-client';

export interface ModelInput {
  name: string;
  /** One row, without the batch. */
  shape: number[];
  takes_image: boolean;
  kind?: string;
  /** What a picture becomes. */
  image?: { height: number; width: number; channels: number };
  /** Of a table. */
  columns?: ModelColumn[];
}

export interface ModelColumn {
  name: string;
  type: 'number' | 'boolean' | 'category' | 'text';
  categories?: string[];
  missing?: string | number;
}

export interface ModelVersion {
  version: number;
  state: string;
  /** Why the version is not available. */
  reason: string;
  task?: string;
  description?: string;
  inputs?: ModelInput[];
  labels?: string[];
  parameters?: number;
  nbytes?: number;
  provenance?: Record<string, unknown>;
}

/** What people have decided about a model; shares are in hundredths of a percent. */
export interface Routing {
  /** The newest promotion first; none: the newest version answers. */
  promoted: number[];
  split: Record<string, number> | null;
  shadow: { target: string; points: number } | null;
  policy: string | null;
}

export interface Model {
  name: string;
  /** The version that answers when none is asked for. */
  default: number | null;
  /** Label → the version that answers for it. */
  labels?: Record<string, number>;
  routing?: Routing;
  /** Newest first. */
  versions: ModelVersion[];
}

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async ({ signal }) => {
    const { body } = await request<{ models: Model[] }>('/api/models', { signal });
    return body.models;
  },
  // Versions come and go while the server runs; the list is read again when the page is looked at again.
  staleTime: 10_000,
  refetchOnWindowFocus: true,
});
