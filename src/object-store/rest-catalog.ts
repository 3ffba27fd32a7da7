// A client of Iceberg REST catalogs: loads and creates tables, and changes them by one commit with requirements.
// Callers define the commit.
import { parse, stringify } from 'lossless-json';
import { TsdbtError } from '../errors.ts';
import { requestReason } from '../http/request-reason.ts';
import { OauthTokens, type TokenEndpoint } from '../http/oauth-tokens.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { sleep } from '../within.ts';

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 100;
const SILENT_MS = 60_000;
const MAX_ANSWER_MIB = 128;
const UNAUTHORIZED = 'unauthorized';

export interface CatalogSettings {
  /** Name of the connection. */
  readonly name: string;
  /** The file of the connection, for errors. */
  readonly path: string;
  readonly uri: string;
  readonly warehouse: string | null;
  readonly token: (() => string) | null;
  /** The source of tokens, if there is no `token`. */
  readonly oauth: TokenEndpoint | null;
}

/** Numbers beyond 2^53, such as snapshot ids, are bigints. */
export type CatalogJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly CatalogJson[]
  | { readonly [name: string]: CatalogJson };

export interface CatalogAnswer {
  readonly status: number;
  readonly body: CatalogJson;
}

/** The path of a namespace. @param parts the parts of its name, two for `a.b` */
export function namespacePath(parts: readonly string[]): string {
  return `namespaces/${encodeURIComponent(parts.join('\u001f'))}`;
}

export class RestCatalog {
  readonly settings: CatalogSettings;
  readonly #tokens: OauthTokens | null;
  #prefix: Promise<string> | null = null;

  constructor(settings: CatalogSettings) {
    this.settings = settings;
    const { oauth } = settings;
    this.#tokens = oauth === null ? null : new OauthTokens(oauth, settings, Date.now);
  }

  /**
   * @param path relative to the catalog's prefix
   * @param expected statuses in addition to 200 and 204 that are valid answers
   * @param repeat false: a request that may have been executed is not sent again
   * @throws `connection` error if it is unknown whether the request was executed, otherwise `runtime`
   */
  async ask(
    method: 'GET' | 'POST',
    path: string,
    body: CatalogJson | undefined,
    expected: readonly number[],
    repeat = true,
  ): Promise<CatalogAnswer> {
    this.#prefix ??= this.#configured();
    const prefix = await this.#prefix.catch((error: unknown) => {
      this.#prefix = null;
      throw error;
    });
    return this.#ask(method, `v1/${prefix}${path}`, body, expected, repeat);
  }

  async #configured(): Promise<string> {
    const { warehouse } = this.settings;
    const query = warehouse === null ? '' : `?warehouse=${encodeURIComponent(warehouse)}`;
    const { body } = await this.#ask('GET', `v1/config${query}`, undefined, [], true);
    const prefix =
      text(member(member(body, 'overrides'), 'prefix')) ?? text(member(member(body, 'defaults'), 'prefix'));
    return prefix === null ? '' : `${prefix}/`;
  }

  async #ask(
    method: string,
    path: string,
    body: CatalogJson | undefined,
    expected: readonly number[],
    repeat: boolean,
  ): Promise<CatalogAnswer> {
    for (let attempt = 1; ; attempt++) {
      let failure = await this.#once(method, path, body, expected);
      // A token may be revoked early; the request was not executed.
      if (failure instanceof TsdbtError && failure.details.code === UNAUTHORIZED && this.#tokens !== null) {
        this.#tokens.forget();
        failure = await this.#once(method, path, body, expected);
      }
      if (!(failure instanceof TsdbtError)) return failure;
      if (failure.kind !== 'connection' || !repeat || attempt === ATTEMPTS) throw failure;
      await sleep(FIRST_WAIT_MS * 4 ** (attempt - 1));
    }
  }

  async #once(
    method: string,
    path: string,
    body: CatalogJson | undefined,
    expected: readonly number[],
  ): Promise<CatalogAnswer | TsdbtError> {
    const { uri, token } = this.settings;
    let answer: Response;
    let said: string;
    try {
      const bearer = (await this.#tokens?.token()) ?? token?.() ?? null;
      answer = await fetch(`${uri}/${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        },
        ...(body === undefined ? {} : { body: stringify(body) ?? '' }),
        // Metadata is sent only to the configured address.
        redirect: 'manual',
        signal: AbortSignal.timeout(SILENT_MS),
      });
      said = await this.#textOf(answer, `${method} ${path}`);
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      return this.#error('connection', `cannot be reached: ${requestReason(error)}`);
    }
    const { status } = answer;
    const asked = `answers ${status} to ${method} ${path}`;
    const parsed = jsonOf(said);
    const why = text(member(member(parsed ?? null, 'error'), 'message')) ?? '';
    // A gateway answers with HTML: the request may have been executed.
    if (status >= 500 || status === 429 || status === 408)
      return this.#error('connection', why === '' ? asked : `${asked}: ${why}`);
    if (status === 401 || status === 403)
      return this.#error(
        'runtime',
        `refuses ${method} ${path}: ${why || `status ${status}`}`,
        `Correct '${this.#tokens === null ? 'token' : 'credential'}', or what it may do.`,
        status === 401 ? UNAUTHORIZED : undefined,
      );
    if (parsed === undefined || (status === 200 && parsed === null))
      return this.#error(status < 300 ? 'connection' : 'runtime', `${asked}, and no JSON`, 'Is it a REST catalog?');
    if (status === 200 || status === 204 || expected.includes(status)) return { status, body: parsed };
    return this.#error('runtime', `${asked}: ${why}`);
  }

  /** @param asked the request, for errors */
  async #textOf({ body }: Response, asked: string): Promise<string> {
    const decoder = new TextDecoder();
    let said = '';
    let bytes = 0;
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_MIB * 1024 ** 2)
        throw this.#error('runtime', `answers ${asked} with more than ${MAX_ANSWER_MIB} MiB`);
      said += decoder.decode(chunk, { stream: true });
    }
    return said + decoder.decode();
  }

  #error(kind: 'connection' | 'runtime', message: string, hint?: string, code?: string): TsdbtError {
    const { name, uri, path } = this.settings;
    return new TsdbtError(kind, `The catalog '${name}' at ${uri} ${message}`, { path, hint, code });
  }
}

/** Parses an answer: null if it is empty, undefined if it is not JSON. */
function jsonOf(said: string): CatalogJson | undefined {
  try {
    return said === '' ? null : readCatalogJson(said);
  } catch {
    return undefined;
  }
}

/** @throws SyntaxError for text that is not JSON */
export function readCatalogJson(written: string): CatalogJson {
  const value = parse(written, undefined, wholeNumber);
  return isJson(value) ? value : null;
}

function wholeNumber(written: string): number | bigint {
  const number = Number(written);
  return /^-?\d+$/.test(written) && !Number.isSafeInteger(number) ? BigInt(written) : number;
}

/** The parser returns only these types. */
function isJson(value: unknown): value is CatalogJson {
  return value !== undefined;
}

/** A member of an object; null if it does not exist, or the value is not an object. */
export function member(value: CatalogJson, name: string): CatalogJson {
  return isDictionary(value) ? (value[name] ?? null) : null;
}

/** The members of an object by name; empty if it is not an object. */
export function entries(value: CatalogJson): [string, CatalogJson][] {
  return isDictionary(value) ? Object.entries(value) : [];
}

/** The items of an array; empty if it is not an array. */
export function items(value: CatalogJson): readonly CatalogJson[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: CatalogJson): string | null {
  return typeof value === 'string' ? value : null;
}
