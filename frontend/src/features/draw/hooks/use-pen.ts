import { useEffect, useMemo, useRef, useState, type RefObject } from 'react';

import { paint } from '../lib/paint';
import type { Point, Stroke } from '../lib/stroke';

/** Draws one stroke at a time; mouse, finger, stylus and keyboard all move the same pen. */
export interface Pen {
  isDown: boolean;
  down: (point: Point) => void;
  move: (points: readonly Point[]) => void;
  lift: () => void;
}

export function usePen(
  canvas: RefObject<HTMLCanvasElement | null>,
  strokes: readonly Stroke[],
  onStroke: (stroke: Stroke) => void,
): Pen {
  const latest = useRef({ strokes, onStroke });
  const current = useRef<Point[] | null>(null);
  const [isDown, setIsDown] = useState(false);

  const { repaint, ...actions } = useMemo(() => {
    function repaint() {
      const context = canvas.current?.getContext('2d');
      if (context) {
        const size = context.canvas.width;
        context.clearRect(0, 0, size, size);
        paint(context, size, [...latest.current.strokes, current.current ?? []]);
      }
    }
    function lift() {
      const stroke = current.current;
      current.current = null;
      setIsDown(false);
      if (stroke) {
        latest.current.onStroke(stroke);
      }
    }
    function down(point: Point) {
      lift();
      current.current = [point];
      setIsDown(true);
      repaint();
    }
    function move(points: readonly Point[]) {
      if (current.current) {
        current.current.push(...points);
        repaint();
      }
    }
    return { down, move, lift, repaint };
  }, [canvas]);

  useEffect(() => {
    latest.current = { strokes, onStroke };
    repaint();
  }, [repaint, strokes, onStroke]);

  return { ...actions, isDown };
}
