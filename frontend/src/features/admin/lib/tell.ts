import type { Routing } from '@/shared/api/schema';

/** What was decided about a model, in words. */
export function tell(routing: Routing | null): string {
  if (!routing) {
    return '—';
  }
  const { promoted, labels, split, shadow, policy } = routing;
  const parts = [
    promoted[0] === undefined ? '' : `default ${promoted[0]}`,
    ...Object.entries(labels).map(([label, versions]) => `${label} ${versions[0] ?? '—'}`),
    split ? `split ${Object.entries(split).map(share).join(', ')}` : '',
    shadow ? `shadow ${share([shadow.target, shadow.points])}` : '',
    policy === null ? '' : `policy ${policy}`,
  ];
  return parts.filter((part) => part !== '').join('; ') || '—';
}

function share([target, points]: [string, number]): string {
  return `${target}: ${points / 100}%`;
}
