import { request, type Reply } from './api-client';

/** A row as JSON: numbers, a text, or a record of columns and inputs by name. */
export type Row = readonly number[] | string | Readonly<Record<string, unknown>>;

/** What /classify takes: a form with a picture in `data`, or a row. */
export type Input = FormData | Row;

interface Asked {
  model: string;
  version: number;
  /** Further parameters of the query. */
  more?: Record<string, string>;
}

/** Asks one version about one input. */
export function postInput<T>(
  { model, version, more }: Asked,
  input: Input,
  signal: AbortSignal,
): Promise<Reply<T>> {
  const query = new URLSearchParams({ model, version: String(version), ...more });
  const content =
    input instanceof FormData
      ? { body: input }
      : { body: JSON.stringify(wrapped(input)), headers: { 'Content-Type': 'application/json' } };
  return request<T>(`classify?${query.toString()}`, { method: 'POST', signal, ...content });
}

/** A record goes as it is: it may have a column that is named data. */
function wrapped(row: Row): unknown {
  return typeof row === 'string' || Array.isArray(row) ? { data: row } : row;
}
