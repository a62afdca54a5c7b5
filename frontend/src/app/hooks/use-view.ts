import { useSyncExternalStore } from 'react';

/** What the page shows of the chosen model, and how that is called. */
export const VIEWS = { try: 'Try', versions: 'Versions', traffic: 'Traffic' } as const;

export type View = keyof typeof VIEWS;

/** The view that the address names after its #: so it can be linked to, and the browser's way back leads out of it. */
export function useView(): View {
  return useSyncExternalStore(subscribe, current);
}

function current(): View {
  const name = location.hash.slice(1);
  return name in VIEWS ? (name as View) : 'try';
}

function subscribe(notify: () => void): () => void {
  window.addEventListener('hashchange', notify);
  return () => window.removeEventListener('hashchange', notify);
}
