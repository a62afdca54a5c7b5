import { useMutation, useQueryClient } from '@tanstack/react-query';

import { decide, type Decision } from '../api/decide';

/** What deciding needs: the model, and the token that lets in. */
export interface Admin {
  model: string;
  /** Kept in memory only: gone with the page. */
  token: string;
}

/** Sends a decision; what is shown of models is read again after it. */
export function useDecision({ model, token }: Admin) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (decision: Decision) => decide(model, token, decision),
    networkMode: 'always',
    onSuccess: () =>
      Promise.all(['models', 'audit'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
