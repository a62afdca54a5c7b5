import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { modelsQuery } from '../api/get-models';
import { choose, type Choice } from '../lib/choose';

/** The models that are served, and which one and which version of it is to answer. */
export function useModelChoice() {
  const { data: models, error, isPending, refetch } = useQuery(modelsQuery);
  const [choice, setChoice] = useState<Choice>({});
  return { models, selection: choose(models ?? [], choice), setChoice, error, isPending, refetch };
}
