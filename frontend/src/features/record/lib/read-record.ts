import { parseNumbers } from '@/shared/lib/parse-numbers';

import type { Field } from './fields';

/** What is wrong with the value of one field, in words. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}

/** The record that texts in form fields stand for, in the fields' order; throws a FieldError for the first wrong one. */
export function readRecord(fields: readonly Field[], texts: readonly string[]): Record<string, unknown> {
  const entries = fields.map((field, index) => [field.name, readValue(field, texts[index] ?? '')] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Undefined: missing. */
function readValue(field: Field, text: string): unknown {
  if (field.type === 'text' ? text === '' && field.mayBeMissing : text.trim() === '') {
    if (!field.mayBeMissing) {
      throw new FieldError(field.name, 'a value is needed.');
    }
    return undefined;
  }
  switch (field.type) {
    case 'number':
      return readNumber(field, text);
    case 'numbers':
      return readNumbers(field, text);
    case 'boolean':
      return text === 'true';
    case 'category':
    case 'text':
      return text;
  }
}

function readNumber(field: Field, text: string): number {
  // Many keyboards have a comma where a point is meant.
  const number = Number(text.trim().replace(/^([^,]*),([^,]*)$/, '$1.$2'));
  if (!Number.isFinite(number)) {
    throw new FieldError(field.name, `“${text.trim().slice(0, 20)}” is not a finite number.`);
  }
  return number;
}

function readNumbers(field: Field, text: string): number[] {
  try {
    return parseNumbers(text);
  } catch (problem) {
    throw new FieldError(field.name, (problem as Error).message);
  }
}
