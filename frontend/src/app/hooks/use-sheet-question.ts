import { useMemo } from 'react';

import type { Question } from '@/features/answer/lib/question';
import { toPng } from '@/features/draw/lib/to-png';

import { isEmpty, type History } from './use-sheet';

/** A digit often has several strokes: one that follows at once makes the answer to the first needless. */
const SETTLE_MS = 120;

/** What to ask about the sheet; null if it's empty. */
export function useSheetQuestion({ sheet, revision, page }: History): Question | null {
  return useMemo(() => {
    if (isEmpty(sheet)) {
      return null;
    }
    const { picture, strokes } = sheet;
    return {
      id: revision,
      page,
      body: async () => {
        const form = new FormData();
        form.append('data', picture ?? (await toPng(strokes)));
        return form;
      },
      settleMs: picture ? 0 : SETTLE_MS,
    };
  }, [sheet, revision, page]);
}
