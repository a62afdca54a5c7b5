import { useId, useRef, type ReactNode } from 'react';

import controls from '@/shared/components/controls.module.css';

import { useKeyboardPen } from '../hooks/use-keyboard-pen';
import { usePen } from '../hooks/use-pen';
import { usePointerPen } from '../hooks/use-pointer-pen';
import type { Stroke } from '../lib/stroke';
import styles from './drawing-pad.module.css';

/** Pixels of the canvas's edge: enough for a sharp line at the pad's largest size on a dense screen. */
const RESOLUTION = 840;

interface Props {
  strokes: readonly Stroke[];
  onStroke: (stroke: Stroke) => void;
  onUndo: () => void;
  onClear: () => void;
  /** What lies on the paper in place of a drawing. */
  children?: ReactNode;
}

export function DrawingPad({ strokes, onStroke, onUndo, onClear, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pen = usePen(canvas, strokes, onStroke);
  const pointer = usePointerPen(pen);
  const keyboard = useKeyboardPen(pen, { undo: onUndo, clear: onClear });
  const helpId = useId();

  return (
    <div className={styles.pad}>
      <div className={styles.paper}>
        {!pen.isDown && children}
        <canvas
          ref={canvas}
          className={styles.canvas}
          width={RESOLUTION}
          height={RESOLUTION}
          // The keyboard draws on it, so it takes the focus and its keys.
          // eslint-disable-next-line jsx-a11y/no-interactive-element-to-noninteractive-role
          role="application"
          aria-label="Drawing pad"
          aria-describedby={helpId}
          tabIndex={0}
          {...pointer}
          {...keyboard.handlers}
        />
        <span
          className={styles.pen}
          data-down={pen.isDown}
          style={{ left: `${keyboard.position.x * 100}%`, top: `${keyboard.position.y * 100}%` }}
        />
      </div>
      <p id={helpId} className={styles.help}>
        <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> move the pen, with <kbd>Shift</kbd> finely.{' '}
        <kbd>Space</kbd> puts it down and lifts it. <kbd>Ctrl</kbd> <kbd>Z</kbd> undoes, <kbd>Delete</kbd>{' '}
        clears.
      </p>
      <span className={controls.hidden} aria-live="polite">
        {pen.isDown ? 'Pen down' : ''}
      </span>
    </div>
  );
}
