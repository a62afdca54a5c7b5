import { skipToken, useQuery } from '@tanstack/react-query';

import { classify } from '../api/classify';
import type { Question, Target } from '../lib/question';

/**
 * The answer of `target` to the question; a new question or target aborts the request of the one before.
 * The key names both, so an answer can only ever be shown for what it was asked.
 */
export function useAnswer(target: Target, question: Question | null) {
  return useQuery({
    queryKey: ['answer', target.model, target.version, question?.page, question?.id],
    queryFn: question
      ? async ({ signal }) => {
          await pause(question.settleMs, signal);
          return classify(target, await question.body(), signal);
        }
      : skipToken,
    placeholderData: (previous, asked) =>
      question && asked?.queryKey[3] === question.page ? previous : undefined,
    gcTime: 0,
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
