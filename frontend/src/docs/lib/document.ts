/** The parts of an OpenAPI document that are shown, and how to follow its references. */

export interface Schema {
  $ref?: string;
  type?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  minItems?: number;
  maxItems?: number;
}

export interface Content {
  schema?: Schema;
  examples?: Record<string, { $ref?: string; value?: unknown }>;
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: 'path' | 'query' | 'header';
  description?: string;
  required?: boolean;
  schema?: Schema;
  examples?: Record<string, { value: string }>;
}

export interface Reply {
  $ref?: string;
  description: string;
  content?: Record<string, Content>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, Reply>;
  security?: Record<string, unknown>[];
}

export interface ApiDocument {
  info: { title: string; version: string };
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
}

export interface Route {
  method: string;
  path: string;
  operation: Operation;
}

/** What a reference means; anything else as it is. */
export function resolve<T extends { $ref?: string }>(document: ApiDocument, value: T): T {
  if (value.$ref === undefined) {
    return value;
  }
  let found: unknown = document;
  for (const step of value.$ref.slice(2).split('/')) {
    found = (found as Record<string, unknown>)[step];
  }
  return found as T;
}

/** Every route in whose method, path or words `part` is, by tag, in the document's order. */
export function routesByTag(document: ApiDocument, part = ''): [string, Route[]][] {
  const wanted = part.trim().toLowerCase();
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const found = routes.filter(({ method, path, operation }) =>
    `${method} ${path} ${operation.summary}`.toLowerCase().includes(wanted),
  );
  return document.tags
    .map(({ name }): [string, Route[]] => [name, found.filter(({ operation }) => operation.tags[0] === name)])
    .filter(([, ofTag]) => ofTag.length > 0);
}

/** A schema in a few words: `number[3]`, `Error`, `text | null`. */
export function inWords(schema: Schema | undefined): string {
  if (schema === undefined || Object.keys(schema).length === 0) {
    return 'anything';
  }
  if (schema.$ref !== undefined) {
    return schema.$ref.split('/').at(-1) ?? '';
  }
  if (schema.anyOf) {
    return schema.anyOf.map(inWords).join(' | ');
  }
  if (schema.enum) {
    return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  }
  if (schema.const !== undefined) {
    return JSON.stringify(schema.const);
  }
  if (schema.prefixItems) {
    return `[${schema.prefixItems.map(inWords).join(', ')}]`;
  }
  if (schema.type === 'array') {
    const size = schema.minItems !== undefined && schema.minItems === schema.maxItems ? schema.minItems : '';
    return `${inWords(schema.items)}[${size}]`;
  }
  return schema.type ?? 'anything';
}
