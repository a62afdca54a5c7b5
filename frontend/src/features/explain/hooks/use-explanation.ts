import { skipToken, useQuery } from '@tanstack/react-query';

import type { Classified } from '@/shared/api/schema';
import { postInput, type Input } from '@/shared/lib/classify';

/** An input, and the version whose answer to it is to be explained. */
export interface Unexplained {
  model: string;
  version: number;
  /** Different for each input. */
  id: number;
  body: () => Promise<Input>;
}

/** Why the version answers as it does; asks only for what is not null. */
export function useExplanation(asked: Unexplained | null) {
  return useQuery({
    queryKey: ['explanation', asked?.model, asked?.version, asked?.id],
    queryFn: asked
      ? async ({ signal }) => {
          const { model, version } = asked;
          const input = await asked.body();
          const reply = await postInput<Classified>(
            { model, version, more: { explain: '1' } },
            input,
            signal,
          );
          return reply.body.explanation;
        }
      : skipToken,
    gcTime: 0,
  });
}
