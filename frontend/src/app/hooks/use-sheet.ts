import { useReducer } from 'react';

import type { Stroke } from '@/features/draw/lib/stroke';

/** What lies on the pad: a drawing, or a picture in its place. */
export interface Sheet {
  readonly strokes: readonly Stroke[];
  readonly picture: File | null;
}

export interface History {
  readonly sheet: Sheet;
  /** What was on the pad before, for undo. */
  readonly past: readonly Sheet[];
  /** Counts the changes. */
  readonly revision: number;
  /** Counts how often the pad was emptied. */
  readonly page: number;
}

type Action =
  { type: 'draw'; stroke: Stroke } | { type: 'show'; picture: File } | { type: 'clear' } | { type: 'undo' };

const EMPTY: Sheet = { strokes: [], picture: null };

export function isEmpty(sheet: Sheet): boolean {
  return sheet.strokes.length === 0 && sheet.picture === null;
}

export function useSheet() {
  return useReducer(step, { sheet: EMPTY, past: [], revision: 0, page: 0 });
}

function step(history: History, action: Action): History {
  const { sheet, past } = apply(history, action);
  if (sheet === history.sheet) {
    return history;
  }
  return {
    sheet,
    past,
    revision: history.revision + 1,
    page: history.page + (isEmpty(sheet) ? 1 : 0),
  };
}

function apply({ sheet, past }: History, action: Action): Pick<History, 'sheet' | 'past'> {
  switch (action.type) {
    case 'draw':
      return { sheet: { strokes: [...sheet.strokes, action.stroke], picture: null }, past: [...past, sheet] };
    case 'show':
      return { sheet: { strokes: [], picture: action.picture }, past: [...past, sheet] };
    case 'clear':
      return isEmpty(sheet) ? { sheet, past } : { sheet: EMPTY, past: [...past, sheet] };
    case 'undo':
      return { sheet: past.at(-1) ?? sheet, past: past.slice(0, -1) };
  }
}
