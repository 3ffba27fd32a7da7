// The engine inside the embedded server's process: sessions of chdb, each with its database and settings, and one
// statement at a time. embedded-http.ts reads requests and sends answers.
import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InOrder } from '../../in-order.ts';
import { WorkingFolder } from './embedded-rights.ts';
import { quoteWritten, quoteText } from './literal.ts';
import { certainTokens, formatClause, isName, isSign, isWord, type SqlToken } from './sql-tokens.ts';

/** The subset of npm `chdb` that is used. */
export interface NativeSession {
  queryAsync(sql: string, options: { format: string }): Promise<NativeResult>;
  close(): void;
}
/** rowsRead: number of rows in the output. */
export interface NativeResult {
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}
export type NativeEngine = new (path: string, options?: { connectionArgs?: readonly string[] }) => NativeSession;

export interface Statement {
  readonly sql: string;
  /** Used if the text names no format. */
  readonly format: string;
  /** Null: the session's current value. */
  readonly database: string | null;
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}`, as text. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Id for `kill`; null: the statement contains data and cannot be marked. */
  readonly tag: string | null;
  /** Reads rows from a file of this server. */
  readonly infile?: boolean;
  /** Whether the client has disconnected. */
  readonly gone: () => boolean;
}

/** A failed statement, with the engine's message. */
export class EngineError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const CANCELLED = new EngineError(394, 'Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)');
/** Maximum number of unnamed sessions kept for the next request. */
const SPARE_SESSIONS = 16;
/** Number of attempts to reach an object store that contains tables: about 7 s if no server listens. */
const LOADING_ATTEMPTS = 5;
const READS_ONLY = /^\s*(?:show|describe|desc|explain|exists)\b/i;
const KILLS = /\bkill\s+query\b/i;
const LEAVES_STATE = /\b(?:set|use|temp|temporary|role)\b/i;

const ENGINE_CODE = /\bCode: (\d+)/;

/** A value that no setting has. */
const UNKNOWN = '\0';

/** One session. */
class Lane {
  readonly #native: NativeSession;
  readonly #order = new InOrder();
  #database: string | null = null;
  #settings = new Map<string, string>();
  /** Time of its last request, and how long it lives without one; milliseconds. */
  expires = Number.POSITIVE_INFINITY;
  pending = 0;
  closed = false;
  /** The output of a failed statement could not be discarded: the session is unusable. */
  spoiled = false;

  constructor(native: NativeSession) {
    this.#native = native;
  }

  close(): void {
    this.closed = true;
    this.#native.close();
  }

  /** Runs work after all earlier work of the session. */
  async inOrder<T>(work: () => Promise<T>): Promise<T> {
    this.pending++;
    try {
      return await this.#order.run(work);
    } finally {
      this.pending--;
    }
  }

  async prepare({ sql, database, settings, parameters, gone }: Statement): Promise<void> {
    if (gone()) throw CANCELLED;
    if (database !== null && database !== this.#database) {
      await this.query(`USE ${quoteWritten(database)}`, 'Null');
      this.#database = database;
    }
    const changes: string[] = [];
    for (const [name, value] of settings)
      if (this.#settings.get(name) !== value) changes.push(`${name} = ${quoteText(value)}`);
    for (const name of this.#settings.keys()) if (!settings.has(name)) changes.push(`${name} = DEFAULT`);
    for (const [name, value] of parameters) changes.push(`param_${name} = ${quoteText(value)}`);
    const before = this.#settings;
    // If the SET fails, the next request sets everything again.
    this.#settings = new Map([...before.keys(), ...settings.keys()].map((name) => [name, UNKNOWN]));
    if (changes.length > 0) await this.query(`SET ${changes.join(', ')}`, 'Null');
    this.#settings = new Map(settings);
    if (/\buse\b/i.test(sql)) this.#database = null;
  }

  async query(sql: string, format: string): Promise<NativeResult> {
    try {
      return await this.#native.queryAsync(sql, { format });
    } catch (error) {
      await this.#recover(error);
      throw engineError(error);
    }
  }

  /** Discards the output of a failed statement: chdb would prepend it to the next statement's rows. */
  async #recover(error: unknown): Promise<void> {
    // An error of the engine has a code. Without one, the library has rejected the session, which is unusable.
    if (!ENGINE_CODE.test(String(error))) this.spoiled = true;
    else
      await this.#native.queryAsync('SELECT 1', { format: 'Null' }).catch(() => {
        this.spoiled = true;
      });
  }
}

function engineError(error: unknown): EngineError {
  const text = (error instanceof Error ? error.message : String(error))
    .trim()
    .replace(/\n\/\* tsdbt-[0-9a-f-]+ \*\//g, '')
    .replace(/\nINTO OUTFILE '[^'\n]*\.rows' FORMAT \w*|\s?INTO OUTFILE '[^'\n]*(?:\.rows' ?|\.\.\.)/g, '');
  const code = ENGINE_CODE.exec(text);
  return new EngineError(
    code ? Number(code[1]) : 1002,
    code ? text.slice(text.indexOf(code[0])) : `Code: 1002. DB::Exception: ${text}. (UNKNOWN_EXCEPTION)`,
  );
}

/** All sessions on one data directory. */
export class Engine {
  readonly #open: () => NativeSession;
  readonly #named = new Map<string, Lane>();
  readonly #spare: Lane[] = [];
  readonly #control: Lane;
  readonly #now: () => number;
  /** Folder for rows in transit. */
  readonly #spool: string;
  /** Null: statements may use files. */
  readonly #folder: WorkingFolder | null;
  /** Number of KILL statements: running now, and since the start. */
  #killing = 0;
  #kills = 0;
  running = 0;
  /** Whether any statement has run yet. */
  served = false;
  /** When a statement last ended, in milliseconds of `now`. */
  lastUse: number;

  /**
   * @param rights engine configuration that limits what statements reach; null: everything that the process may access
   */
  constructor(native: NativeEngine, path: string, spool: string, now: () => number, rights: string | null = null) {
    this.#spool = spool;
    // Silences the engine's log. By default the library parses `delete from t` as `select delete from t`; a server does
    // not.
    const connectionArgs = ['--logger.level=none', '--implicit_select=0'];
    if (rights !== null) connectionArgs.push(`--config-file=${rights}`);
    this.#open = () => new native(path, { connectionArgs });
    // The first session needs a working folder.
    this.#folder = rights === null ? null : new WorkingFolder(dirname(rights));
    this.#folder?.create();
    // It loads the tables. By default it would try an unreachable object store 500 times.
    this.#control = new Lane(
      new native(path, { connectionArgs: [...connectionArgs, `--s3_retry_attempts=${LOADING_ATTEMPTS}`] }),
    );
    this.#folder?.remove();
    this.#now = now;
    this.lastUse = now();
  }

  #withFiles<T>(work: () => Promise<T>): Promise<T> {
    return this.#folder === null ? work() : this.#folder.during(work);
  }

  /**
   * Runs a statement and passes on its output.
   * @param session name of the session and seconds that it lives without use; null: a temporary one
   * @param take called once, before the first bytes; its promise resolves when the client has all of them. The session
   *   is busy until then
   * @throws EngineError with the engine's message
   */
  async run(
    session: { id: string; timeout: number } | null,
    statement: Statement,
    take: (output: AsyncIterable<Uint8Array>, summary: NativeResult) => Promise<void>,
  ): Promise<void> {
    const lane = session === null ? (this.#spare.pop() ?? new Lane(this.#open())) : this.#session(session.id);
    this.running++;
    this.served = true;
    try {
      await lane.inOrder(async () => {
        await lane.prepare(statement);
        const { tag, format } = statement;
        const sql = tag === null ? statement.sql : `${statement.sql}\n/* ${tag} */`;
        // A chdb stream starts in the event loop's thread and evaluates subqueries there, so rows go through a file
        // instead.
        const file = join(this.#spool, `${randomUUID()}.rows`);
        const asked = intoFile(sql, format, file);
        try {
          const result = KILLS.test(sql)
            ? await this.#endOthers(() => lane.query(asked ?? sql, format))
            : statement.infile === true
              ? await this.#withFiles(() => lane.query(sql, format))
              : await this.#ask(lane, asked ?? sql, format, asked === null ? null : file);
          return await take(existsSync(file) ? rowsOf(file) : one(result.bytes()), result);
        } finally {
          if (asked !== null) rmSync(file, { force: true });
        }
      });
    } finally {
      this.running--;
      this.lastUse = this.#now();
      if (session !== null) {
        lane.expires = this.lastUse + session.timeout * 1000;
        if (lane.spoiled) this.closeSession(session.id);
      } else if (
        !lane.spoiled &&
        this.#spare.length < SPARE_SESSIONS &&
        !LEAVES_STATE.test(statement.sql) &&
        statement.parameters.size === 0
      )
        this.#spare.push(lane);
      else lane.close();
    }
  }

  async #endOthers<T>(work: () => Promise<T>): Promise<T> {
    this.#killing++;
    try {
      return await work();
    } finally {
      this.#killing--;
      this.#kills++;
    }
  }

  /**
   * chdb answers a query that is killed before it starts as if it had no rows. An empty answer during a KILL QUERY is
   * therefore requested again.
   */
  async #ask(lane: Lane, sql: string, format: string, file: string | null): Promise<NativeResult> {
    for (;;) {
      const before = this.#kills;
      const result = await lane.query(sql, format);
      if (
        result.rowsRead > 0 ||
        (this.#kills === before && this.#killing === 0) ||
        (file === null && !READS_ONLY.test(sql))
      )
        return result;
      if (file !== null) rmSync(file, { force: true });
    }
  }

  /** Cancels a running statement. */
  async kill(tag: string): Promise<void> {
    await this.#control
      .inOrder(() =>
        this.#control.query(`KILL QUERY WHERE query LIKE '%${tag}%' AND query NOT LIKE '%KILL QUERY%' ASYNC`, 'Null'),
      )
      .catch(() => undefined);
  }

  /** Decompresses a file. @param coding a compression that the engine supports @throws EngineError */
  async unpack(file: string, coding: string): Promise<Uint8Array> {
    const lane = this.#control;
    const from = `FROM INFILE ${quoteText(file)} COMPRESSION ${quoteText(coding)} FORMAT RawBLOB`;
    return lane.inOrder(async () => {
      await lane.query('CREATE TEMPORARY TABLE unpacked (content String)', 'Null');
      try {
        await this.#withFiles(() => lane.query(`INSERT INTO unpacked ${from}`, 'Null'));
        return (await lane.query('SELECT content FROM unpacked', 'RawBLOB')).bytes();
      } finally {
        await lane.query('DROP TEMPORARY TABLE unpacked', 'Null');
      }
    });
  }

  async serverFacts(): Promise<{ version: string; timezone: string }> {
    const result = await this.#control.inOrder(() =>
      this.#control.query('SELECT version(), timezone()', 'TabSeparated'),
    );
    const [version = '', timezone = 'UTC'] = Buffer.from(result.bytes()).toString('utf8').trim().split('\t');
    return { version, timezone };
  }

  hasSession(id: string): boolean {
    return this.#named.has(id);
  }

  closeSession(id: string): void {
    const lane = this.#named.get(id);
    if (lane === undefined) return;
    this.#named.delete(id);
    void lane.inOrder(async () => lane.close());
  }

  /** Closes sessions that were unused for too long. */
  sweep(): void {
    for (const [id, lane] of this.#named) if (lane.pending === 0 && lane.expires < this.#now()) this.closeSession(id);
  }

  close(): void {
    for (const lane of [...this.#named.values(), ...this.#spare, this.#control]) if (!lane.closed) lane.close();
  }

  #session(id: string): Lane {
    let lane = this.#named.get(id);
    if (lane === undefined) this.#named.set(id, (lane = new Lane(this.#open())));
    return lane;
  }
}

/** @returns a query that writes its rows into the file; null if it is not a query, or names its own output */
function intoFile(sql: string, format: string, file: string): string | null {
  if (!MAYBE_QUERY.test(sql)) return null;
  const tokens = certainTokens(sql) ?? [];
  const query = isSign(tokens[0], '(') || isName(tokens[0], /^(?:select|with)$/i);
  const names = (token: SqlToken, at: number): boolean =>
    isWord(token, 'outfile') || (isWord(token, 'insert') && isWord(tokens[at + 1], 'into'));
  const end = tokens.findLastIndex((token) => !isSign(token, ';'));
  if (!query || tokens.some((token, at) => names(token, at) || (isSign(token, ';') && at < end))) return null;
  const clause = `INTO OUTFILE ${quoteText(file)}`;
  const named = formatClause(tokens);
  return named === null
    ? `${sql.slice(0, tokens[end]?.end)}${sql.slice(tokens.at(-1)?.end)}\n${clause} FORMAT ${format}`
    : `${sql.slice(0, named.start)}${clause} ${sql.slice(named.start)}`;
}

/** Skips the tokens of long inserts. */
const MAYBE_QUERY = /^\s*(?:select|with|\(|\/[/*]|--|#)/i;

/** The FORMAT at the end of a statement's text. */
export function formatOf(sql: string): string | undefined {
  return /\bformat\b/i.test(sql) ? formatClause(certainTokens(sql) ?? [])?.format : undefined;
}

/** Opened lazily: an unread stream would emit an unhandled error when the file is removed, and end the process. */
async function* rowsOf(file: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(file)) yield chunk as Buffer;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
