/** The one HTTP client of the page. */
import type { ApiFailure } from '@/shared/api/schema';

/** What went wrong with a request, in words that can be shown. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  /** JSON pointer to the part of the input that is wrong, if the server named one. */
  readonly where: string | undefined;

  constructor(message: string, status: number, where?: string) {
    super(message);
    this.status = status;
    this.where = where;
  }

  /** Whether the same request may well succeed later. */
  get isTransient(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

export interface Reply<T> {
  body: T;
  headers: Headers;
}

/**
 * Sends a request and reads its JSON answer; throws ApiError for everything else but an abort.  The URL is relative to the
 * page: the API is beside it, whatever prefix an app or a proxy puts before both.
 */
export async function request<T>(url: string, init: RequestInit): Promise<Reply<T>> {
  const response = await send(url, init);
  const text = await read(response);
  const body = parse(text);
  if (!response.ok) {
    throw failure(response, body);
  }
  if (body === undefined) {
    throw new ApiError(`The server's answer to ${url} is not JSON.`, response.status);
  }
  return { body: body as T, headers: response.headers };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw unlessAborted(error, 'The server cannot be reached.');
  }
}

async function read(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw unlessAborted(error, 'The connection broke before the answer was complete.');
  }
}

function unlessAborted(error: unknown, message: string): unknown {
  return error instanceof DOMException && error.name === 'AbortError' ? error : new ApiError(message, 0);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(response: Response, body: unknown): ApiError {
  const { error, where } = (body ?? {}) as Partial<Record<keyof ApiFailure, unknown>>;
  return new ApiError(
    typeof error === 'string' ? error : `The server answered ${response.status} without saying why.`,
    response.status,
    typeof where === 'string' ? where : undefined,
  );
}
