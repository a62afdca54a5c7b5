import { useState } from 'react';

import { AnswerPanel } from '@/features/answer/components/answer-panel';
import { useAnswer } from '@/features/answer/hooks/use-answer';
import type { Question, Target } from '@/features/answer/lib/question';
import { NumbersForm } from '@/features/numbers/components/numbers-form';
import { ErrorMessage } from '@/shared/components/error-message';

import { Columns } from './columns';

interface Props {
  target: Target;
  /** How many numbers the model takes. */
  expected: number;
}

/** Type or paste a row of numbers, and see the answer. */
export function NumbersWorkspace({ target, expected }: Props) {
  const [question, setQuestion] = useState<Question | null>(null);
  const answer = useAnswer(target, question);

  function ask(numbers: number[]) {
    setQuestion((before) => ({
      id: (before?.id ?? 0) + 1,
      page: 0,
      body: () => Promise.resolve(numbers),
      settleMs: 0,
    }));
  }

  return (
    <Columns
      input={
        <NumbersForm expected={expected} onNumbers={ask}>
          {answer.error && <ErrorMessage error={answer.error} onRetry={() => void answer.refetch()} />}
        </NumbersForm>
      }
      answer={
        <AnswerPanel
          answer={answer.data}
          target={target}
          isBusy={answer.isFetching}
          hint={`This model takes ${expected.toLocaleString('en')} numbers, not a picture.`}
        />
      }
    />
  );
}
