import { useRef, useState, type KeyboardEvent } from 'react';

import { clampToPad, type Point } from '../lib/stroke';
import type { Pen } from './use-pen';

const STEP = 0.04;
const FINE_STEP = 0.01;

const DIRECTIONS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

interface Commands {
  undo: () => void;
  clear: () => void;
}

/** Lets arrow keys move the pen (two at once: diagonally), and Space put it down and lift it. */
export function useKeyboardPen(pen: Pen, { undo, clear }: Commands) {
  const [position, setPosition] = useState<Point>({ x: 0.5, y: 0.2 });
  const held = useRef(new Set<string>());

  function move(step: number) {
    const directions = [...held.current].map((key) => DIRECTIONS[key] ?? { x: 0, y: 0 });
    const next = clampToPad({
      x: position.x + step * directions.reduce((sum, direction) => sum + direction.x, 0),
      y: position.y + step * directions.reduce((sum, direction) => sum + direction.y, 0),
    });
    setPosition(next);
    pen.move([next]);
  }

  function press(event: KeyboardEvent): boolean {
    const isShortcut = event.ctrlKey || event.metaKey;
    if (isShortcut && event.key.toLowerCase() === 'z') {
      pen.lift();
      undo();
    } else if (isShortcut || event.altKey) {
      return false;
    } else if (event.key in DIRECTIONS) {
      held.current.add(event.key);
      move(event.shiftKey ? FINE_STEP : STEP);
    } else if (event.key === ' ') {
      if (pen.isDown) {
        pen.lift();
      } else if (!event.repeat) {
        pen.down(position);
      }
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      pen.lift();
      clear();
    } else {
      return false;
    }
    return true;
  }

  return {
    position,
    handlers: {
      onKeyDown(event: KeyboardEvent) {
        if (press(event)) {
          event.preventDefault();
        }
      },
      onKeyUp(event: KeyboardEvent) {
        held.current.delete(event.key);
      },
      onBlur() {
        held.current.clear();
        pen.lift();
      },
    },
  };
}
