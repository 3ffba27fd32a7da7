// A client of S3-compatible stores: whole objects, listings, conditional writes. Retries transient errors and describes
// permanent ones. signature.ts signs.
import { randomUUID } from 'node:crypto';
import { Agent as HttpAgent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { TsdbtError } from '../errors.ts';
import { encodePath, sign } from './signature.ts';
import type { Body, ObjectStore, Put, PutOptions, StoredObject, StoreSettings } from './store.ts';
import { onUpgrade } from '../http/ask.ts';
import { sleep } from '../within.ts';

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 100;
/** Time without a response after which a request counts as lost. */
const SILENT_MS = 30_000;
/** Time after which a request counts as lost even if bytes arrive. */
const MAX_MS = 15 * 60_000;
/** Maximum MiB of an object that is read, and of every other answer. A page of a listing has 1,000 keys. */
const [MAX_OBJECT, MAX_ANSWER] = [1024, 16];
/** Characters of the store's message in errors. */
const MAX_MESSAGE = 500;
const MIB = 1024 ** 2;
const SOCKETS = 8;
/** Clock difference in milliseconds at which S3 rejects a signature. */
const MOST_SKEW_MS = 15 * 60_000;
/** Codes for a missing object in an existing bucket. */
const NO_OBJECT = ['NoSuchKey', 'NotFound'];

/** @param pause waits between two attempts; replaced in tests */
export function s3Store(settings: StoreSettings, pause = sleep): ObjectStore {
  return new S3Store(settings, pause);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Question {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  /** Null: the bucket itself. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
}

class S3Store implements ObjectStore {
  readonly settings: StoreSettings;
  readonly #pause: (ms: number) => Promise<void>;
  readonly #endpoint: URL;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(settings: StoreSettings, pause: (ms: number) => Promise<void>) {
    this.settings = settings;
    this.#pause = pause;
    this.#endpoint = new URL(settings.endpoint);
    const { ca } = settings;
    this.#agent =
      this.#endpoint.protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS, ...(ca === null ? {} : { ca: ca() }) })
        : new HttpAgent({ keepAlive: true, maxSockets: SOCKETS });
  }

  async put(
    key: string,
    body: Body,
    { whenAbsent = false, whenEtag, type = 'application/octet-stream', until }: PutOptions = {},
  ): Promise<Put> {
    const conditions = [
      ...(whenAbsent ? [['if-none-match', '*']] : []),
      ...(whenEtag === undefined ? [] : [['if-match', `"${whenEtag}"`]]),
    ];
    const { status, headers } = await this.#ask(
      {
        method: 'PUT',
        key,
        body: body instanceof Uint8Array ? [body] : body,
        headers: { 'content-type': type, ...Object.fromEntries(conditions) },
      },
      // If the object to be replaced was deleted, stores answer 412 or 404.
      [200, ...(conditions.length > 0 ? [412] : []), ...(whenEtag === undefined ? [] : [404])],
      until,
    );
    return status === 200 ? { created: true, etag: etagOf(headers) } : { created: false, etag: null };
  }

  async get(key: string): Promise<Buffer | null> {
    return (await this.read(key))?.body ?? null;
  }

  async part(
    key: string,
    start: number,
    end: number,
  ): Promise<{ readonly body: Buffer; readonly size: number } | null> {
    const { status, body, headers } = await this.#ask(
      { method: 'GET', key, headers: { range: `bytes=${start}-${end - 1}` } },
      [200, 206, 404, 416],
    );
    if (status === 404) return null;
    const size = Number(/\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] ?? body.length);
    if (status === 416) return { body: Buffer.alloc(0), size };
    // A store without support for ranges sends the whole object.
    return status === 206 ? { body, size } : { body: body.subarray(start, end), size: body.length };
  }

  async read(key: string): Promise<{ readonly body: Buffer; readonly etag: string } | null> {
    const { status, body, headers } = await this.#ask({ method: 'GET', key }, [200, 404]);
    return status === 404 ? null : { body, etag: etagOf(headers) };
  }

  async head(key: string): Promise<Pick<StoredObject, 'size' | 'etag'> | null> {
    const { status, headers } = await this.#ask({ method: 'HEAD', key }, [200, 404]);
    return status === 404 ? null : { size: Number(headers['content-length']), etag: etagOf(headers) };
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for (let token: string | null = null; ; ) {
      const text = await this.#page(prefix, token, 1000);
      for (const part of elements(text, 'Contents'))
        yield {
          key: element(part, 'Key'),
          size: Number(element(part, 'Size')),
          etag: element(part, 'ETag').replaceAll('"', ''),
          modified: element(part, 'LastModified'),
        };
      const before: string | null = token;
      token = element(text, 'NextContinuationToken');
      if (element(text, 'IsTruncated').toLowerCase() !== 'true') return;
      if (token === '') throw this.#error('runtime', `lists only a part of '${prefix}': it lacks ListObjectsV2`);
      if (token === before) throw this.#error('runtime', `lists the same part of '${prefix}' again and again`);
    }
  }

  async delete(key: string): Promise<void> {
    await this.#ask({ method: 'DELETE', key }, [200, 204, 404]);
  }

  async check(): Promise<void> {
    await this.#page('', null, 1);
  }

  async honoursConditions(prefix: string): Promise<boolean> {
    const key = `${prefix}.tsdbt-${randomUUID()}`;
    // A write whose answer was lost is rejected when it is repeated: the stored object shows whether it was executed.
    const written = async (text: string, condition: PutOptions): Promise<string | null> => {
      const { created, etag } = await this.put(key, Buffer.from(text), condition);
      if (created) return etag;
      const now = await this.read(key);
      return now?.body.toString() === text ? now.etag : null;
    };
    try {
      const etag = await written('1', { whenAbsent: true });
      if (etag === null || (await written('2', { whenAbsent: true })) !== null) return false;
      if ((await written('3', { whenEtag: etag })) === null) return false;
      return (await written('4', { whenEtag: etag })) === null;
    } finally {
      await this.delete(key);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #page(prefix: string, token: string | null, size: number): Promise<string> {
    const query = {
      'list-type': '2',
      'max-keys': String(size),
      prefix,
      ...(token === null ? {} : { 'continuation-token': token }),
    };
    return (await this.#ask({ method: 'GET', key: null, query }, [200])).body.toString();
  }

  /**
   * Sends a request and retries transient errors. @param expected statuses that are valid answers @throws for all
   * others, with a description
   */
  async #ask(question: Question, expected: readonly number[], until = Number.POSITIVE_INFINITY): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      if (Date.now() > until) throw this.#error('connection', 'was sent nothing: this process has slept too long');
      let failure: TsdbtError;
      try {
        const answer = await this.#send(question);
        // The 404 of a gateway in front of the store, with a page of its own, says nothing about the object.
        const other = answer.status === 404 && answer.body.length > 0 && !NO_OBJECT.includes(codeOf(answer));
        if (expected.includes(answer.status) && !other) return answer;
        failure = this.#failure(question, answer);
      } catch (error) {
        if (error instanceof TsdbtError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        failure = this.#error('connection', `cannot be reached: ${why}`, undefined, error);
      }
      if (failure.kind !== 'connection' || attempt === ATTEMPTS) throw failure;
      await this.#pause(FIRST_WAIT_MS * 4 ** (attempt - 1));
    }
  }

  #send({ method, key, query = {}, headers = {}, body = [] }: Question): Promise<Answer> {
    const { settings } = this;
    const { bucket, pathStyle } = settings;
    const host = pathStyle ? this.#endpoint.host : `${bucket}.${this.#endpoint.host}`;
    const path = `${pathStyle ? `/${encodePath(bucket)}` : ''}/${key === null ? '' : encodePath(key)}`;
    const signed = sign(
      { method, host, path, query, headers, body },
      {
        accessKeyId: settings.accessKeyId,
        secretAccessKey: settings.secretAccessKey(),
        sessionToken: settings.sessionToken?.() ?? null,
        region: settings.region,
      },
      Date.now(),
    );
    return new Promise((resolve, reject) => {
      const secure = this.#endpoint.protocol === 'https:';
      const sent = (secure ? httpsRequest : httpRequest)(
        {
          method,
          agent: this.#agent,
          hostname: pathStyle ? this.#endpoint.hostname : `${bucket}.${this.#endpoint.hostname}`,
          port: this.#endpoint.port === '' ? (secure ? 443 : 80) : Number(this.#endpoint.port),
          path: signed.query === '' ? path : `${path}?${signed.query}`,
          headers: { ...signed.headers, 'content-length': String(body.reduce((sum, { length }) => sum + length, 0)) },
          timeout: SILENT_MS,
          signal: AbortSignal.timeout(MAX_MS),
        },
        (answer) => {
          const parts: Buffer[] = [];
          const most = method === 'GET' && key !== null ? MAX_OBJECT : MAX_ANSWER;
          // HEAD announces what it does not send.
          const length = method === 'HEAD' ? undefined : answer.headers['content-length'];
          const limit = (size: number): void => {
            if (size <= most * MIB) return;
            reject(this.#error('runtime', `answers ${method} of ${key ?? 'a listing'} with more than ${most} MiB`));
            answer.destroy();
          };
          limit(Number(length ?? 0));
          let size = 0;
          answer.on('data', (part: Buffer) => {
            parts.push(part);
            size += part.length;
            limit(size);
          });
          answer.on('error', reject);
          answer.on('end', () => {
            const whole = Buffer.concat(parts);
            if (length !== undefined && Number(length) !== whole.length) reject(new Error('the answer ended early'));
            else resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer for ${SILENT_MS / 1000} s`)));
      sent.on('error', reject);
      onUpgrade(sent);
      for (const piece of body) sent.write(piece);
      sent.end();
    });
  }

  #failure({ method, key }: Question, answer: Answer): TsdbtError {
    const { bucket, region, endpoint, accessKeyId } = this.settings;
    const code = codeOf(answer);
    const said = element(beginningOf(answer), 'Message').slice(0, MAX_MESSAGE);
    const skew = Date.parse(answer.headers.date ?? '') - Date.now();
    if (code === 'RequestTimeTooSkewed' || (answer.status === 403 && Math.abs(skew) > MOST_SKEW_MS))
      return this.#error(
        'runtime',
        `refuses the signature: this machine's clock is ${Math.abs(Math.round(skew / 60_000))} minutes ` +
          `${skew < 0 ? 'ahead of' : 'behind'} the store's`,
        'Set the clock by NTP; signatures hold for 15 minutes.',
      );
    switch (code) {
      case 'SignatureDoesNotMatch':
        return this.#error('runtime', `refuses the signature of access key ${accessKeyId}: the secret is wrong`);
      case 'InvalidAccessKeyId':
      case 'XAdminUserNotFound':
      case 'ExpiredToken':
      case 'InvalidToken':
        return this.#error('runtime', `does not know access key ${accessKeyId}, or it has expired`);
      case 'NoSuchBucket':
        return this.#error('runtime', `has no bucket '${bucket}'`, `Make it, or correct 'bucket'.`);
      case 'AuthorizationHeaderMalformed':
        return this.#error('runtime', `is not in region '${region}': ${said}`, "Correct 'region'.");
      case 'NotImplemented':
        return this.#error(
          'runtime',
          `cannot do this ${method}: ${said || 'it is not implemented'}`,
          undefined,
          null,
          code,
        );
    }
    if (answer.status === 403)
      return this.#error(
        'runtime',
        `refuses ${method} of ${key ?? `bucket '${bucket}'`} to access key ${accessKeyId}${said && `: ${said}`}`,
        'The key needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject.',
      );
    if (answer.status === 301 || answer.status === 307)
      return this.#error('runtime', `says that bucket '${bucket}' is elsewhere`, `Correct 'region' and 'endpoint'.`);
    const passes =
      answer.status >= 500 ||
      answer.status === 429 ||
      answer.status === 408 ||
      code === 'RequestTimeout' ||
      code === 'ConditionalRequestConflict' ||
      code === 'OperationAborted';
    return this.#error(
      passes ? 'connection' : 'runtime',
      `answers ${answer.status} to ${method} of ${key ?? `bucket '${bucket}'`}${code && ` (${code})`}` +
        (said && `: ${said}`),
      answer.body.length > 0 && code === '' ? `Is ${endpoint} an S3-compatible store?` : undefined,
    );
  }

  #error(kind: 'connection' | 'runtime', message: string, hint?: string, cause?: unknown, code?: string): TsdbtError {
    const { name, endpoint, path } = this.settings;
    return new TsdbtError(kind, `The object store '${name}' at ${endpoint} ${message}`, { path, hint, cause, code });
  }
}

function etagOf(headers: IncomingHttpHeaders): string {
  return String(headers.etag ?? '').replaceAll('"', '');
}

/** The store's error code; empty if it sends none. */
function codeOf(answer: Answer): string {
  return element(beginningOf(answer), 'Code');
}

function beginningOf({ body }: Answer): string {
  return body.subarray(0, 65_536).toString();
}

/** The XML of each element of a name. */
function* elements(xml: string, name: string): Generator<string> {
  const [open, close] = [`<${name}>`, `</${name}>`];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) return;
    yield xml.slice(at + open.length, end);
    at = end + close.length;
  }
}

/** The text of the first element of a name; empty if there is none. */
function element(xml: string, name: string): string {
  const [first = ''] = elements(xml, name);
  return first.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (_, hex?: string, decimal?: string, word?: string) => {
    if (word !== undefined) return ENTITIES[word] ?? '';
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= MAX_CODE_POINT ? String.fromCodePoint(code) : '';
  });
}

const MAX_CODE_POINT = 0x10ffff;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
