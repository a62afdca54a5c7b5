import { AnswerPanel } from '@/features/answer/components/answer-panel';
import type { useAnswer } from '@/features/answer/hooks/use-answer';
import type { Question } from '@/features/answer/lib/question';
import { Why } from '@/features/explain/components/why';

import type { Asked } from '../lib/asked';
import styles from './answer-column.module.css';
import { CompareWith } from './compare-with';

interface Props {
  asked: Asked;
  answer: ReturnType<typeof useAnswer>;
  question: Question | null;
  /** What to do to get an answer. */
  hint: string;
}

/** The answer; what another version says of the same input, and why, for those who want to know. */
export function AnswerColumn({ asked, answer, question, hint }: Props) {
  const { target, others, grid } = asked;
  return (
    <>
      <AnswerPanel answer={answer.data} target={target} isBusy={answer.isFetching} hint={hint} />
      {question && answer.data && (
        <div className={styles.tools}>
          <Why
            asked={{ model: target.model, version: target.version, id: question.id, body: question.body }}
            grid={grid}
          />
          {others.length > 0 && <CompareWith others={others} answer={answer.data} question={question} />}
        </div>
      )}
    </>
  );
}
