import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';

const STORED = 'theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

/** The theme in use, and a setter that keeps a person's choice for the next visit. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(subscribe, current), setTheme];
}

/** The stylesheet looks at the document's theme; called once before the page is first painted. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = stored() ?? (system.matches ? 'dark' : 'light');
}

function current(): Theme {
  return document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
}

function setTheme(theme: Theme): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
  document.documentElement.dataset.theme = theme;
}

function stored(): Theme | null {
  try {
    const theme = localStorage.getItem(STORED);
    return theme === 'light' || theme === 'dark' ? theme : null;
  } catch {
    return null;
  }
}

function subscribe(notify: () => void): () => void {
  const observer = new MutationObserver(notify);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  system.addEventListener('change', applyTheme);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', applyTheme);
  };
}
