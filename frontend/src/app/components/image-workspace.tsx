import { useState } from 'react';

import { useAnswer } from '@/features/answer/hooks/use-answer';
import { DrawingPad } from '@/features/draw/components/drawing-pad';
import { PictureButton } from '@/features/upload/components/picture-button';
import { PicturePreview } from '@/features/upload/components/picture-preview';
import { useDropAndPaste } from '@/features/upload/hooks/use-drop-and-paste';
import { pickPicture } from '@/features/upload/lib/pick-picture';
import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';

import { isEmpty, useSheet } from '../hooks/use-sheet';
import { useSheetQuestion } from '../hooks/use-sheet-question';
import type { Asked } from '../lib/asked';
import { AnswerColumn } from './answer-column';
import { Columns } from './columns';
import styles from './image-workspace.module.css';

/** Draw, drop, paste or choose a picture, and see the answer. */
export function ImageWorkspace({ asked }: { asked: Asked }) {
  const [history, dispatch] = useSheet();
  const { sheet, past } = history;
  const [fileError, setFileError] = useState<Error | null>(null);
  const question = useSheetQuestion(history);
  const answer = useAnswer(asked.target, question);
  const error = fileError ?? answer.error;

  function change(...[action]: Parameters<typeof dispatch>) {
    setFileError(null);
    dispatch(action);
  }
  function takeFiles(files: File[]) {
    try {
      change({ type: 'show', picture: pickPicture(files) });
    } catch (problem) {
      setFileError(problem as Error);
    }
  }
  const undo = () => change({ type: 'undo' });
  const clear = () => change({ type: 'clear' });
  const isOver = useDropAndPaste(takeFiles);

  return (
    <Columns
      input={
        <>
          <div className={styles.pad} data-over={isOver}>
            <DrawingPad
              strokes={sheet.strokes}
              onStroke={(stroke) => change({ type: 'draw', stroke })}
              onUndo={undo}
              onClear={clear}
            >
              {sheet.picture && <PicturePreview picture={sheet.picture} />}
              {isEmpty(sheet) && <p className={styles.invitation}>Draw here, or drop a picture</p>}
            </DrawingPad>
          </div>
          {error && <ErrorMessage error={error} onRetry={() => void answer.refetch()} />}
          <div className={styles.tools}>
            <button
              type="button"
              className={controls.button}
              aria-disabled={past.length === 0}
              onClick={undo}
            >
              Undo
            </button>
            <button type="button" className={controls.button} aria-disabled={isEmpty(sheet)} onClick={clear}>
              Clear
            </button>
            <PictureButton onFiles={takeFiles} />
          </div>
        </>
      }
      answer={
        <AnswerColumn
          asked={asked}
          answer={answer}
          question={question}
          hint="Draw something: the answer appears as soon as you lift the pen. A picture can be dropped or pasted anywhere on this page."
        />
      }
    />
  );
}
