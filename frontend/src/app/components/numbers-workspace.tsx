import { useAnswer } from '@/features/answer/hooks/use-answer';
import { NumbersForm } from '@/features/numbers/components/numbers-form';
import { ErrorMessage } from '@/shared/components/error-message';

import { useRowQuestion } from '../hooks/use-row-question';
import type { Asked } from '../lib/asked';
import { AnswerColumn } from './answer-column';
import { Columns } from './columns';

interface Props {
  asked: Asked;
  /** How many numbers the model takes. */
  expected: number;
}

/** Type or paste a row of numbers, and see the answer. */
export function NumbersWorkspace({ asked, expected }: Props) {
  const [question, ask] = useRowQuestion();
  const answer = useAnswer(asked.target, question);
  return (
    <Columns
      input={
        <NumbersForm expected={expected} onNumbers={ask}>
          {answer.error && <ErrorMessage error={answer.error} onRetry={() => void answer.refetch()} />}
        </NumbersForm>
      }
      answer={
        <AnswerColumn
          asked={asked}
          answer={answer}
          question={question}
          hint={`This model takes ${expected.toLocaleString('en')} numbers, not a picture.`}
        />
      }
    />
  );
}
