import { useState } from 'react';

import type { Question } from '@/features/answer/lib/question';
import type { Row } from '@/shared/lib/classify';

/** The question that the row last sent asks, and how to send one. */
export function useRowQuestion(): [Question | null, (row: Row) => void] {
  const [question, setQuestion] = useState<Question | null>(null);
  function ask(row: Row) {
    setQuestion((before) => ({
      id: (before?.id ?? 0) + 1,
      page: 0,
      body: () => Promise.resolve(row),
      settleMs: 0,
    }));
  }
  return [question, ask];
}
