import { useQuery } from '@tanstack/react-query';

import { modelsQuery } from '../api/get-models';

/** How often, in milliseconds, versions are asked about that may be loading or failing right now. */
const OFTEN = 2_000;

/** Keeps the list of models fresh while this is in sight. */
export function useLiveModels(): void {
  useQuery({ ...modelsQuery, refetchInterval: OFTEN });
}
