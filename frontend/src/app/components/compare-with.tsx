import { useState } from 'react';

import type { Answer } from '@/features/answer/api/classify';
import { Comparison } from '@/features/answer/components/comparison';
import { useAnswer } from '@/features/answer/hooks/use-answer';
import type { Question, Target } from '@/features/answer/lib/question';
import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';

interface Props {
  others: readonly Target[];
  answer: Answer;
  question: Question;
}

/** Asks another version the same, and shows both answers side by side. */
export function CompareWith({ others, answer, question }: Props) {
  const [chosen, setChosen] = useState<number | null>(null);
  const other = others.find(({ version }) => version === chosen);
  const nobody: Target = { model: answer.model, version: 0, labels: [] };
  const second = useAnswer(other ?? nobody, other ? question : null);
  return (
    <>
      <label className={controls.label}>
        Compare with
        <select
          className={controls.field}
          value={other?.version ?? ''}
          onChange={(event) => setChosen(event.target.value === '' ? null : Number(event.target.value))}
        >
          <option value="">nothing else</option>
          {others.map(({ version }) => (
            <option key={version} value={version}>
              {version}
            </option>
          ))}
        </select>
      </label>
      {second.error && <ErrorMessage error={second.error} onRetry={() => void second.refetch()} />}
      {other && second.data?.version === other.version && <Comparison first={answer} second={second.data} />}
    </>
  );
}
