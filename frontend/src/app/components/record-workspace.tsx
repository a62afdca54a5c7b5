import { useAnswer } from '@/features/answer/hooks/use-answer';
import { RecordForm } from '@/features/record/components/record-form';
import { takesBareText } from '@/features/record/lib/fields';
import { ErrorMessage } from '@/shared/components/error-message';

import { useRowQuestion } from '../hooks/use-row-question';
import type { Asked } from '../lib/asked';
import { AnswerColumn } from './answer-column';
import { Columns } from './columns';

/** Fill in a row of a table, or write a text, and see the answer. */
export function RecordWorkspace({ asked }: { asked: Asked }) {
  const [question, ask] = useRowQuestion();
  const answer = useAnswer(asked.target, question);
  return (
    <Columns
      input={
        <RecordForm inputs={asked.inputs} onRow={ask}>
          {answer.error && <ErrorMessage error={answer.error} onRetry={() => void answer.refetch()} />}
        </RecordForm>
      }
      answer={
        <AnswerColumn
          asked={asked}
          answer={answer}
          question={question}
          hint={
            takesBareText(asked.inputs)
              ? 'Write or paste a text, and ask what the model makes of it.'
              : 'Fill in a row, and ask what the model makes of it.'
          }
        />
      }
    />
  );
}
