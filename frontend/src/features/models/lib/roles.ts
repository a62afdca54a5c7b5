import type { Model } from '@/shared/api/schema';

/** What a version is for, as was decided: in words. */
export function rolesOf(model: Model, version: number): string[] {
  const { labels, routing } = model;
  const roles: string[] = [];
  if (model.default === version) {
    roles.push(routing.promoted.length > 0 ? 'default (promoted)' : 'default');
  }
  const own = Object.keys(labels).filter((label) => labels[label] === version);
  roles.push(...own.map((label) => `label ${label}`));
  const isMeant = (target: string) => target === String(version) || own.includes(target);
  for (const [target, points] of Object.entries(routing.split ?? {})) {
    if (isMeant(target)) {
      roles.push(`${percentOf(points)} of the traffic`);
    }
  }
  if (routing.shadow && isMeant(routing.shadow.target)) {
    roles.push(`shadow of ${percentOf(routing.shadow.points)}`);
  }
  return roles;
}

/** Points are hundredths of a percent. */
export function percentOf(points: number): string {
  return `${points / 100}%`;
}
