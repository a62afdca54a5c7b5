import type { ModelVersion } from '@/shared/api/schema';

export type Fact = readonly [name: string, value: string];

/** What is known about a version, as names and values in reading order. */
export function factsOf(version: ModelVersion): Fact[] {
  const { task, inputs, parameters, nbytes, provenance } = version;
  const facts: Fact[] = [];
  if (task) {
    facts.push(['task', task]);
  }
  for (const input of inputs) {
    const shape = input.shape.join(' × ');
    facts.push(['input', `${input.name}, ${shape}${input.takes_image ? ', or a picture' : ''}`]);
  }
  if (parameters > 0) {
    facts.push(['parameters', formatNumber(parameters)]);
  }
  if (nbytes > 0) {
    facts.push(['memory', `${formatNumber(Math.round(nbytes / 1000))} kB`]);
  }
  return [...facts, ...flatten(provenance)];
}

/** Provenance is free in form: nested objects are listed by their inner names. */
function flatten(values: Record<string, unknown>): Fact[] {
  return Object.entries(values).flatMap(([name, value]): Fact[] => {
    if (value === null || value === undefined) {
      return [];
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      return flatten(value as Record<string, unknown>);
    }
    return [[name.replaceAll('_', ' '), format(value)]];
  });
}

function format(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  return typeof value === 'number' ? formatNumber(value) : JSON.stringify(value);
}

function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 4 });
}
