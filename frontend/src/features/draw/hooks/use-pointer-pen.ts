import { useRef, type PointerEvent } from 'react';

import { clampToPad, type Point } from '../lib/stroke';
import type { Pen } from './use-pen';

type CanvasPointerEvent = PointerEvent<HTMLCanvasElement>;

/** Handlers that let a mouse, a finger or a stylus move the pen. */
export function usePointerPen(pen: Pen) {
  // The pointer that draws: a palm or a second finger must not join in.
  const drawing = useRef<number | null>(null);

  function lift(event: CanvasPointerEvent) {
    if (drawing.current === event.pointerId) {
      drawing.current = null;
      pen.lift();
    }
  }

  return {
    onPointerDown(event: CanvasPointerEvent) {
      if (drawing.current === null && event.isPrimary && event.button === 0) {
        drawing.current = event.pointerId;
        // The stroke goes on when the pointer leaves the pad for a moment.
        event.currentTarget.setPointerCapture(event.pointerId);
        pen.down(pointOf(event.nativeEvent, event.currentTarget));
      }
    },
    onPointerMove(event: CanvasPointerEvent) {
      if (drawing.current === event.pointerId) {
        const canvas = event.currentTarget;
        pen.move(everyMove(event.nativeEvent).map((move) => pointOf(move, canvas)));
      }
    },
    onPointerUp: lift,
    onPointerCancel: lift,
    onLostPointerCapture: lift,
  };
}

/** The moves that the browser joined into one event; over plain HTTP from another machine it does not tell. */
function everyMove(event: globalThis.PointerEvent): globalThis.PointerEvent[] {
  const joined = 'getCoalescedEvents' in event ? event.getCoalescedEvents() : [];
  return joined.length > 0 ? joined : [event];
}

function pointOf(event: globalThis.PointerEvent, canvas: HTMLCanvasElement): Point {
  const box = canvas.getBoundingClientRect();
  return clampToPad({
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
  });
}
