import type { Answer } from '../api/classify';
import type { Target } from '../lib/question';
import styles from './answer-panel.module.css';
import { Headline } from './headline';
import { ScoreBars } from './score-bars';
import { Timing } from './timing';
import { ValueList } from './value-list';

interface Props {
  answer: Answer | undefined;
  target: Target;
  /** A newer answer is on its way. */
  isBusy: boolean;
  /** What to do to get an answer. */
  hint: string;
}

/** The answer; a screen reader announces its headline and leaves the rest to be read at leisure. */
export function AnswerPanel({ answer, target, isBusy, hint }: Props) {
  const values = answer?.values;
  return (
    <div role="status" aria-label="Answer" aria-atomic="false" className={styles.panel} data-busy={isBusy}>
      <div aria-atomic="true">
        {answer ? <Headline answer={answer} /> : <p className={styles.hint}>{hint}</p>}
      </div>
      <div aria-live="off" className={styles.detail}>
        {values ? (
          <ValueList values={values} />
        ) : (
          <ScoreBars labels={(answer ?? target).labels} scores={answer?.scores} />
        )}
        {answer && <Timing answer={answer} />}
      </div>
    </div>
  );
}
