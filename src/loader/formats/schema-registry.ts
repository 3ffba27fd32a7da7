// Reads schemas, with their references, from a Confluent-compatible Schema Registry, and registers those of `produce`.
// json-schema.ts and avro/ apply them to messages.
import { TsdbtError } from '../../errors.ts';
import type { LoadConnection } from '../../connections/kafka-connection.ts';
import { ask, type HttpAnswer, isCertificateError } from '../../http/ask.ts';
import { requestReason } from '../../http/request-reason.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

type Registry = NonNullable<LoadConnection['registry']>;

/** A schema as the registry returns it. */
export interface RegisteredSchema {
  readonly schema: string;
  /** `AVRO` if the registry names none. */
  readonly type: string;
  /** The text of each directly or indirectly referenced schema, by the name of the reference. */
  readonly references: ReadonlyMap<string, string>;
}

/**
 * Limits of a schema and everything that it references: Kafka, where registries store them, accepts a megabyte for
 * each.
 */
const [MAX_CHARACTERS, MAX_REFERENCES] = [4 * 1024 * 1024, 1000];
/** Maximum time for reading a schema with everything that it references. */
const MAX_MS = 60_000;

/** A schema is longer, or references more others, than can be read. */
export class SchemaTooLarge extends TsdbtError {}

/** Characters of a schema and of those that it references. */
export function sizeOf({ schema, references }: Pick<RegisteredSchema, 'schema' | 'references'>): number {
  let size = schema.length;
  for (const text of references.values()) size += text.length;
  return size;
}

/** The registry's error codes for a missing subject, version or schema. */
const NOT_FOUND = new Set([40401, 40402, 40403]);

export class SchemaRegistry {
  readonly #registry: Registry;
  readonly #path: string;
  readonly #limitMs: number;

  /** @param path the file that names the registry, for errors @param limitMs for a schema and what it references */
  constructor(registry: Registry, path: string, limitMs = MAX_MS) {
    this.#registry = registry;
    this.#path = path;
    this.#limitMs = limitMs;
  }

  /**
   * @returns null if the registry has no such schema
   * @throws `connection` error while it is unavailable, `runtime` error if it denies access or is not a registry
   */
  async schema(id: number): Promise<RegisteredSchema | null> {
    const found = await this.#get(`/schemas/ids/${id}`);
    return found === null ? null : this.#registered(found);
  }

  /** The live versions of a subject, oldest first; empty if there is no such subject. @throws like `schema` */
  async versions(subject: string): Promise<{ readonly version: number; readonly schema: RegisteredSchema }[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const numbers = await this.#answer(path);
    const found: { version: number; schema: RegisteredSchema }[] = [];
    for (const version of Array.isArray(numbers) ? numbers.map(Number) : []) {
      const schema = await this.#get(`${path}/${version}`);
      if (schema !== null) found.push({ version, schema: await this.#registered(schema) });
    }
    return found;
  }

  /** The newest version of a subject; null if it has none. @throws like `schema` */
  async latest(subject: string): Promise<{ readonly id: number; readonly schema: RegisteredSchema } | null> {
    const found = await this.#get(`/subjects/${encodeURIComponent(subject)}/versions/latest`);
    return found === null ? null : { id: Number(found['id']), schema: await this.#registered(found) };
  }

  /**
   * A schema among a subject's, with its id and its references.
   * @param references as in the registry: name, subject, version
   * @param register adds it to the subject
   * @returns null if the subject does not have it
   * @throws like `schema`, and `runtime` error if the registry rejects it
   */
  async among(
    subject: string,
    { schema, type, references }: { schema: string; type: 'AVRO' | 'JSON'; references: readonly unknown[] },
    register: boolean,
  ): Promise<{ readonly id: number; readonly schema: RegisteredSchema } | null> {
    const path = `/subjects/${encodeURIComponent(subject)}${register ? '/versions' : ''}`;
    const sent = { schema, schemaType: type, ...(references.length === 0 ? {} : { references }) };
    const found = await this.#get(path, JSON.stringify(sent));
    return found === null ? null : { id: Number(found['id']), schema: await this.#registered(sent) };
  }

  async #registered(found: Readonly<Record<string, unknown>>): Promise<RegisteredSchema> {
    const references = new Map<string, string>();
    const schema = this.#schemaOf(found);
    await this.#resolve(found, schema, references, performance.now() + this.#limitMs);
    return {
      schema,
      type: typeof found['schemaType'] === 'string' ? found['schemaType'] : 'AVRO',
      references,
    };
  }

  /** The number of subjects that are visible with these credentials. @throws like `schema` */
  async subjects(): Promise<number> {
    const found = await this.#answer('/subjects');
    return Array.isArray(found) ? found.length : 0;
  }

  /** Makes a request that every registry answers. @throws like `schema` */
  async check(subject: string): Promise<void> {
    await this.#get(`/subjects/${encodeURIComponent(subject)}/versions/latest`);
  }

  /**
   * @param root the text of the schema that all of them are referenced from
   * @param until when it gives up
   * @throws SchemaTooLarge
   */
  async #resolve(
    schema: Readonly<Record<string, unknown>>,
    root: string,
    references: Map<string, string>,
    until: number,
  ): Promise<void> {
    if (references.size > MAX_REFERENCES) throw this.#tooLarge(`it refers to more than ${MAX_REFERENCES} others`);
    if (sizeOf({ schema: root, references }) > MAX_CHARACTERS)
      throw this.#tooLarge(`with what it refers to it has more than ${MAX_CHARACTERS / 1024 ** 2} MB`);
    for (const reference of Array.isArray(schema['references']) ? schema['references'] : []) {
      const { name, subject, version } = dictionary(reference) ?? {};
      if (typeof name !== 'string' || !isSubject(subject) || !Number.isSafeInteger(version))
        return this.#noRegistry('a reference without a name, a subject and a version');
      if (references.has(name)) continue;
      if (performance.now() > until)
        throw this.#tooLarge(`the registry takes more than ${this.#limitMs / 1000} s for what it refers to`);
      const found = await this.#get(`/subjects/${encodeURIComponent(subject)}/versions/${Number(version)}`);
      references.set(name, found === null ? '' : this.#schemaOf(found));
      await this.#resolve(found ?? {}, root, references, until);
    }
  }

  #tooLarge(why: string): SchemaTooLarge {
    return new SchemaTooLarge('runtime', why, { path: this.#path });
  }

  /** A dictionary from the registry; null if it does not exist. */
  async #get(path: string, body: string | null = null): Promise<Record<string, unknown> | null> {
    const answer = await this.#answer(path, body);
    return answer === null ? null : (dictionary(answer) ?? this.#noRegistry(`a list for ${path}`));
  }

  /** The text of a schema that exists according to the registry. */
  #schemaOf(found: Readonly<Record<string, unknown>>): string {
    return typeof found['schema'] === 'string' ? found['schema'] : this.#noRegistry('a schema without its text');
  }

  #noRegistry(why: string): never {
    throw new TsdbtError('runtime', `What answers at ${this.#registry.url} is no schema registry (${why}).`, {
      path: this.#path,
      hint: "Mend 'url' of 'registry'.",
    });
  }

  /** The registry's answer, a dictionary or a list; null if it does not exist. @param sent null: a GET */
  async #answer(path: string, sent: string | null = null): Promise<unknown> {
    const { url } = this.#registry;
    const { status, body } = await this.#ask(path, sent);
    const answer = json(body);
    if (status === 200 && typeof answer === 'object' && answer !== null) return answer;
    if (status === 404 && NOT_FOUND.has(Number(dictionary(answer)?.['error_code']))) return null;
    const refuse = (message: string, hint: string): never => {
      throw new TsdbtError('runtime', message, { path: this.#path, hint });
    };
    if (status === 401 || status === 403)
      return refuse(
        `The schema registry at ${url} refuses the credentials (HTTP ${status}).`,
        'registry: username and password, or token; they come from the environment.',
      );
    if (sent !== null && (status === 409 || status === 422))
      return refuse(
        `The schema registry at ${url} does not take the schema: ${text(dictionary(answer) ?? {}, 'message')}`,
        'It must be a schema, and compatible with the versions that are there.',
      );
    if (status === 408 || status === 429 || status >= 500)
      throw new TsdbtError('connection', `the schema registry at ${url} answers with HTTP ${status}`, {
        path: this.#path,
      });
    return this.#noRegistry(`HTTP ${status} for ${path}`);
  }

  async #ask(path: string, sent: string | null): Promise<HttpAnswer> {
    const { url, username, password, token, tls } = this.#registry;
    // Secrets are read for each request: they may have changed.
    const authorization =
      token !== null
        ? `Bearer ${token()}`
        : username !== null
          ? `Basic ${Buffer.from(`${username}:${password?.() ?? ''}`).toString('base64')}`
          : null;
    const question = {
      method: sent === null ? 'GET' : 'POST',
      headers: {
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
        ...(sent === null ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
        ...(authorization === null ? {} : { authorization }),
      },
      body: sent,
      tls,
    } as const;
    return ask(new URL(`${url}${path}`), question).catch((error: Error & { code?: string }) => {
      throw isCertificateError(error)
        ? new TsdbtError('runtime', `No TLS connection to the schema registry at ${url}: ${requestReason(error)}`, {
            path: this.#path,
            hint: 'registry: { tls: { ca: path/to/ca.pem } } names who is trusted.',
            cause: error,
          })
        : new TsdbtError('connection', `no schema registry answers at ${url}: ${error.code ?? error.message}`, {
            path: this.#path,
            cause: error,
          });
    });
  }
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Whether it can be part of a URL: not half of a surrogate pair. */
function isSubject(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Surrogate}/u.test(value);
}

function dictionary(value: unknown): Readonly<Record<string, unknown>> | null {
  return isDictionary(value) ? value : null;
}

function text(answer: Readonly<Record<string, unknown>>, field: string): string {
  const value = answer[field];
  return typeof value === 'string' ? value : '';
}
