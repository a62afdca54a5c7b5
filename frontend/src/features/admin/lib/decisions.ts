import type { Decision } from '../api/decide';

export function promote(version: number | 'newest'): Decision {
  return { method: 'POST', path: ['promote'], body: { version } };
}

export function rollBack(): Decision {
  return { method: 'POST', path: ['rollback'] };
}

export function setLabel(label: string, version: number): Decision {
  return { method: 'PUT', path: ['labels', label], body: { version } };
}

export function removeLabel(label: string): Decision {
  return { method: 'DELETE', path: ['labels', label] };
}

/** Percents by version; versions without a share are left out. */
export function split(percents: ReadonlyMap<string, number>): Decision {
  const shares = Object.fromEntries([...percents].filter(([, percent]) => percent !== 0));
  return { method: 'PUT', path: ['split'], body: { shares } };
}

export function endSplit(): Decision {
  return { method: 'DELETE', path: ['split'] };
}

export function shadow(target: string, percent: number): Decision {
  return { method: 'PUT', path: ['shadow'], body: { target, percent } };
}

export function endShadow(): Decision {
  return { method: 'DELETE', path: ['shadow'] };
}
