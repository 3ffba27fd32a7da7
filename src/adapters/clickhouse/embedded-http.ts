// ClickHouse's HTTP interface on top of the embedded engine: authentication, the statement, its session, and the format
// of answers and failures. embedded-engine.ts runs statements, keeper.ts the process.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import { CANCELLED, type Engine, EngineError, formatOf, type NativeResult } from './embedded-engine.ts';
import { quoteText } from './literal.ts';
import { guardStatement, insertHead, withAccessHint } from './statement-guard.ts';

export interface HttpSettings {
  readonly engine: Engine;
  readonly user: string;
  readonly password: string;
  /** Folder for the data of inserts. */
  readonly spool: string;
  readonly version: string;
  readonly timezone: string;
  /** Whether statements may reach files, programs and other servers. */
  readonly open: boolean;
}

/** Request parameters that are not settings. */
const OWN_PARAMETERS = new Set([
  'query',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'stacktrace',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'role',
  'client_protocol_version',
]);
const BINARY_FORMATS =
  /^(?:Native|RowBinary\w*|Arrow\w*|Parquet|ORC|Avro\w*|Protobuf\w*|MsgPack|BSON\w*|CapnProto|RawBLOB|Npy)$/i;
/** Compressions that the engine can read from a file. */
const FILE_CODINGS = new Set(['gzip', 'deflate', 'br', 'xz', 'zstd', 'lz4', 'bz2', 'snappy']);
const DECODERS: Readonly<Record<string, (bytes: Buffer) => Uint8Array>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: (bytes) => decompressZstd(bytes),
};
const DEFAULT_TIMEOUT = 60;

/** Answers one request. Never throws. */
export async function answer(
  settings: HttpSettings,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const query = url.searchParams;
  const queryId = query.get('query_id') ?? randomUUID();
  response.setHeader('X-ClickHouse-Server-Display-Name', 'tsdbt');
  response.setHeader('X-ClickHouse-Timezone', settings.timezone);
  try {
    if (
      url.pathname === '/ping' ||
      url.pathname === '/replicas_status' ||
      (url.pathname === '/' && request.method === 'GET' && !query.has('query'))
    ) {
      response.setHeader('Content-Type', 'text/html; charset=UTF-8');
      response.end('Ok.\n');
      return;
    }
    if (url.pathname !== '/' && url.pathname !== '/query')
      return sendError(settings, response, new EngineError(0, `There is no handle ${url.pathname}`), 404);
    authenticate(settings, request, query);
    response.setHeader('X-ClickHouse-Query-Id', queryId);
    if (query.get('decompress') === '1' || query.get('compress') === '1')
      throw new EngineError(
        89,
        exception(
          89,
          'compress=1 and decompress=1 are not supported here: use Content-Encoding',
          'UNKNOWN_COMPRESSION_METHOD',
        ),
      );
    await runRequest(settings, request, response, query);
  } catch (error) {
    sendError(
      settings,
      response,
      error instanceof EngineError
        ? error
        : new EngineError(
            1002,
            exception(1002, error instanceof Error ? error.message : String(error), 'UNKNOWN_EXCEPTION'),
          ),
    );
  }
}

function exception(code: number, message: string, name: string): string {
  return `Code: ${code}. DB::Exception: ${message}. (${name})`;
}

function authenticate({ user, password }: HttpSettings, request: IncomingMessage, query: URLSearchParams): void {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '');
  const pair = Buffer.from(basic?.[1] ?? '', 'base64').toString('utf8');
  const header = (name: string): string | null =>
    typeof request.headers[name] === 'string' ? request.headers[name] : null;
  const givenUser =
    header('x-clickhouse-user') ?? query.get('user') ?? (basic ? pair.slice(0, pair.indexOf(':')) : 'default');
  const givenPassword =
    header('x-clickhouse-key') ?? query.get('password') ?? (basic ? pair.slice(pair.indexOf(':') + 1) : '');
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (givenUser !== user || !timingSafeEqual(digest(givenPassword), digest(password))) {
    throw new EngineError(
      516,
      exception(
        516,
        `${givenUser}: Authentication failed: password is incorrect, or there is no user with that name`,
        'AUTHENTICATION_FAILED',
      ),
    );
  }
}

async function runRequest(
  settings: HttpSettings,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const { engine } = settings;
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const given = await statementOf(settings, request, query.get('query') ?? '');
  try {
    if (request.method === 'GET' && !READS.test(withoutComments(given.sql))) {
      throw new EngineError(
        164,
        exception(
          164,
          'Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly',
          'READONLY',
        ),
      );
    }
    const sql = withoutOwnPassword(given.sql, settings.password);
    const own = new Map<string, string>();
    const parameters = new Map<string, string>();
    for (const [name, value] of query) {
      // The name becomes part of a SET statement.
      if (!OWN_PARAMETERS.has(name) && !/^\w+$/.test(name))
        throw new EngineError(115, exception(115, `Unknown setting ${name}`, 'UNKNOWN_SETTING'));
      // The only setting that contains SQL and can be changed.
      if (!settings.open && /^additional_table_filters$/i.test(name)) guardStatement(`set ${name} = ${value}`);
      if (name.startsWith('param_')) parameters.set(name.slice(6), value);
      else if (!OWN_PARAMETERS.has(name)) own.set(name, value);
    }
    const sessionId = query.get('session_id') ?? '';
    if (sessionId !== '' && query.get('session_check') === '1' && !engine.hasSession(sessionId))
      throw new EngineError(372, exception(372, 'Session not found', 'SESSION_NOT_FOUND'));
    const id = query.get('query_id') ?? '';
    // The id is part of the statement's text, where KILL and system.processes find it.
    const tag = given.data ? null : `tsdbt-${/^[\w:-]+$/.test(id) ? id : randomUUID()}`;
    let gone = false;
    response.once('close', () => {
      gone = !response.writableFinished;
      if (gone && tag !== null) void engine.kill(tag);
    });
    const format = header('x-clickhouse-format') ?? query.get('default_format') ?? 'TabSeparated';
    // It becomes part of the statement.
    if (!/^\w+$/.test(format)) throw new EngineError(73, exception(73, `Unknown format ${format}`, 'UNKNOWN_FORMAT'));
    const shown = given.data ? format : (formatOf(sql) ?? format);
    await engine.run(
      sessionId === ''
        ? null
        : { id: sessionId, timeout: Number(query.get('session_timeout') ?? DEFAULT_TIMEOUT) || DEFAULT_TIMEOUT },
      {
        sql,
        format,
        database: query.get('database') || header('x-clickhouse-database') || null,
        settings: own,
        parameters,
        tag,
        infile: given.file !== null,
        gone: () => gone,
      },
      async (output, summary) => {
        if (gone) throw CANCELLED;
        response.setHeader('X-ClickHouse-Format', shown);
        response.setHeader('Content-Type', contentType(shown));
        response.setHeader('X-ClickHouse-Summary', summaryText(summary));
        await pipeline(Readable.from(output, { objectMode: false }), response);
      },
    );
    if (sessionId !== '' && query.get('close_session') === '1') engine.closeSession(sessionId);
  } finally {
    if (given.file !== null) rmSync(given.file, { force: true });
  }
}

const READS = /^\s*(?:\(|select|with|show|describe|desc|explain|exists|values|from)\b/i;

function withoutComments(sql: string): string {
  return sql.replace(/'(?:[^'\\]|\\.|'')*'|\/\*[\s\S]*?\*\/|--[^\n]*/g, (part) => (part.startsWith("'") ? "''" : ' '));
}

/** A table of that engine would make the data directory unreadable for this build. */
function refuseKafka(sql: string): void {
  if (/kafka/i.test(sql) && /\bengine\b\s*(?:=\s*)?[`"]?kafka/i.test(withoutComments(sql))) {
    throw new EngineError(
      48,
      exception(
        48,
        'The embedded engine has no tables of engine Kafka: load topics with `tsdbt load`, or use a ClickHouse server',
        'NOT_IMPLEMENTED',
      ),
    );
  }
}

/**
 * A dictionary that reads from this server connects inside the engine. Its user has no password there: the HTTP
 * interface's would be refused.
 */
function withoutOwnPassword(sql: string, password: string): string {
  return /\bdictionary\b/i.test(sql) ? sql.replaceAll(`password '${password}'`, "password ''") : sql;
}

interface Given {
  readonly sql: string;
  /** The statement has rows inside or in a file. */
  readonly data: boolean;
  /** The file of its rows; removed after use. */
  readonly file: string | null;
}

const INSERT = /^\s*insert\s+into\b/i;

/** Where rows begin behind `FORMAT name`: on the next line, or in this one; null: there are none. */
function rowsStart(body: Buffer, end: number): number | null {
  const gap = /^(?:[^\S\n]*;)?[^\S\n]*\n?/.exec(body.subarray(end, end + 1000).toString('latin1'));
  const start = end + (gap?.[0].length ?? 0);
  return start < body.length ? start : null;
}

/**
 * Checked as the client wrote it: what this server adds may name its own files.
 * @returns the text for the engine
 */
function guard({ open }: HttpSettings, sql: string): string {
  refuseKafka(sql);
  return open ? sql : guardStatement(sql);
}

/** The statement of a request; rows that text cannot hold, or that come beside the statement, are put into a file. */
async function statementOf(settings: HttpSettings, request: IncomingMessage, query: string): Promise<Given> {
  const coding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  const plain = coding === 'identity' || coding === '';
  const bare = withoutComments(query);
  const rows = INSERT.test(bare) && !/\b(?:select|values)\b(?!\s*\))/i.test(bare.replace(/\([^()]*\)/, ''));
  // Without a format, rows are expressions, which are checked.
  if (rows && request.method === 'POST' && (settings.open || insertHead(query) !== null)) {
    if (!plain && !FILE_CODINGS.has(coding)) throw unknownCoding(coding);
    const checked = guard(settings, query);
    const file = join(settings.spool, `${randomUUID()}.data`);
    await pipeline(request, createWriteStream(file, { mode: 0o600 }));
    return { sql: fromFile(checked, file, plain ? 'none' : coding), data: true, file };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  let body = Buffer.concat(chunks);
  if (!plain && body.length > 0) {
    const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (decode === undefined && !FILE_CODINGS.has(coding)) throw unknownCoding(coding);
    try {
      body = Buffer.from(decode === undefined ? await unpacked(settings, body, coding) : decode(body));
    } catch (error) {
      throw new EngineError(
        354,
        exception(
          354,
          `The body is not ${coding}: ${error instanceof Error ? error.message : String(error)}`,
          'ZLIB_INFLATE_FAILED',
        ),
      );
    }
  }
  // The engine itself ends such rows at an empty line, and runs what follows.
  const top = query === '' ? body.subarray(0, 1_000_000).toString('utf8') : '';
  const head = insertHead(top);
  const insert = top.slice(0, head?.end ?? 0);
  const start = head === null ? null : rowsStart(body, Buffer.byteLength(insert));
  if (head !== null && start !== null) {
    if (insert.includes('\ufffd')) throw new EngineError(62, exception(62, 'The INSERT is not UTF-8', 'SYNTAX_ERROR'));
    const checked = guard(settings, insert);
    const file = join(settings.spool, `${randomUUID()}.data`);
    await pipeline(Readable.from([body.subarray(start)]), createWriteStream(file, { mode: 0o600 }));
    return { sql: fromFile(checked, file, 'none'), data: true, file };
  }
  const text = body.toString('utf8');
  const given = query === '' ? text : text === '' ? query : `${query}${rows ? ' FORMAT Values' : ''}\n${text}`;
  const sql = guard(settings, given);
  return {
    sql,
    data: head !== null || (INSERT.test(withoutComments(sql.slice(0, 10_000))) && /\b(?:values|format)\b/i.test(sql)),
    file: null,
  };
}

/** Codings that Node does not know: the engine reads such a file. */
async function unpacked({ engine, spool }: HttpSettings, body: Buffer, coding: string): Promise<Uint8Array> {
  const file = join(spool, `${randomUUID()}.packed`);
  try {
    await pipeline(Readable.from([body]), createWriteStream(file, { mode: 0o600 }));
    return await engine.unpack(file, coding);
  } finally {
    rmSync(file, { force: true });
  }
}

function unknownCoding(coding: string): EngineError {
  return new EngineError(
    89,
    exception(
      89,
      `Content-Encoding ${coding} is not supported here. Send the data as it is, or in gzip, deflate, br, zstd or lz4`,
      'UNKNOWN_COMPRESSION_METHOD',
    ),
  );
}

/** `INSERT INTO t FORMAT X` reading a file instead of what follows. */
function fromFile(sql: string, file: string, coding: string): string {
  const from = `FROM INFILE ${quoteText(file)} COMPRESSION ${quoteText(coding)}`;
  const head = insertHead(sql);
  if (head !== null) return `${sql.slice(0, head.clauses)} ${from} ${sql.slice(head.clauses, head.end)}`;
  const [, target = sql, settings = ''] = /^([\s\S]*?)(\s+settings\s[\s\S]*?)?\s*;?\s*$/i.exec(sql) ?? [];
  return `${target.replace(/(?<!\s)\s+values\s*$/i, '')} ${from}${settings} FORMAT Values`;
}

/** Without `read_rows`: the engine tells the rows of its output alone. */
function summaryText(summary: NativeResult): string {
  return JSON.stringify({
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: String(summary.rowsRead),
    result_bytes: String(summary.bytesRead),
    elapsed_ns: '0',
  });
}

function contentType(format: string): string {
  if (/^JSON(?:EachRow|CompactEachRow|StringsEachRow|LinesRow)/i.test(format))
    return 'application/x-ndjson; charset=UTF-8';
  if (/^JSON/i.test(format)) return 'application/json; charset=UTF-8';
  if (/^(?:TabSeparated|TSV)/i.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (/^CSV/i.test(format)) return 'text/csv; charset=UTF-8';
  return BINARY_FORMATS.test(format) ? 'application/octet-stream' : 'text/plain; charset=UTF-8';
}

const NOT_FOUND = new Set([36, 46, 47, 48, 50, 56, 60, 73, 81, 115]);
const BAD_REQUEST = new Set([6, 26, 27, 38, 41, 43, 53, 62, 70, 72, 89, 117, 349, 354]);

function statusOf(code: number): number {
  if (code === 516) return 403;
  if (code === 372) return 404;
  return NOT_FOUND.has(code) ? 404 : BAD_REQUEST.has(code) ? 400 : code === 159 ? 408 : 500;
}

function sendError(
  settings: HttpSettings,
  response: ServerResponse,
  error: EngineError,
  status = statusOf(error.code),
): void {
  const message = settings.open ? error.message : withAccessHint(error.message);
  const version = message.includes('(version ') ? '' : ` (version ${settings.version} (embedded))`;
  const text = `${message}${version}\n`;
  if (response.headersSent) {
    // As a server does: the error follows what was sent, and the connection is cut.
    if (!response.destroyed) response.write(text, () => response.destroy());
    return;
  }
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.setHeader('X-ClickHouse-Exception-Code', String(error.code));
  response.end(text);
}
