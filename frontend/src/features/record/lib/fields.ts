import type { ModelInput, TableColumn } from '@/shared/api/schema';

/** One value of a row, as a person enters it. */
export interface Field {
  name: string;
  /** `numbers`: an input that is a tensor. */
  type: TableColumn['type'] | 'numbers';
  categories: readonly string[];
  mayBeMissing: boolean;
  /** How many numbers a tensor takes. */
  size: number;
}

/** The fields of a row: the columns of a table, and each other input under its own name. */
export function fieldsOf(inputs: readonly ModelInput[]): Field[] {
  return inputs.flatMap(({ name, kind, shape, columns }): Field[] => {
    if (kind === 'table') {
      return (columns ?? []).map((column) => ({
        name: column.name,
        type: column.type,
        categories: column.categories ?? [],
        mayBeMissing: column.missing !== undefined && column.missing !== 'error',
        size: 1,
      }));
    }
    const size = shape.reduce((product, edge) => product * edge, 1);
    return [{ name, type: kind === 'text' ? 'text' : 'numbers', categories: [], mayBeMissing: false, size }];
  });
}

/** A model that takes one text and nothing else gets the text itself, not a record. */
export function takesBareText(inputs: readonly ModelInput[]): boolean {
  return inputs.length === 1 && inputs[0]?.kind === 'text';
}
