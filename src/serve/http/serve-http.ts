// The HTTP server of serve: metrics, health, the page and its data, and actions of users with the token. Reads `Store`
// and `Live`. Permissions are decided only here.
import { pageJson } from '../../http/page-json.ts';
import { randomBytes } from 'node:crypto';
import { TsdbtError } from '../../errors.ts';
import { mergeTexts, METRICS_TYPE } from '../../http/metrics-text.ts';
import {
  HTML,
  type IncomingMessage,
  isKnownHost,
  JSON_TEXT,
  listen,
  localUrl,
  PLAIN,
  send,
  type ServerResponse,
} from '../../http/server.ts';
import { within } from '../../within.ts';
import type { Live } from '../live-state.ts';
import type { Store } from '../store/serve-store.ts';
import { api } from './page-data.ts';
import { EventStream } from './event-stream.ts';
import { appPage, appPolicy, docsPolicy } from './serve-page.ts';
import { isBearer, ReadGate } from './read-gate.ts';
import { RunMetrics } from './run-metrics.ts';

/** A scheduler loop without an iteration for this long is stalled. */
const STALL_MS = 60_000;
/** Minimum interval between reads of the history for metrics. */
const READ_MS = 30_000;
/** How long the first response of /metrics waits for the history. */
const FIRST_READ_MS = 2000;
const SHORTEST_TOKEN = 16;
/** The end of the year 2261, the limit of ClickHouse's times in nanoseconds. */
const LATEST = Date.UTC(2261, 11, 31);

export interface ServeHttpInput {
  readonly live: Live;
  readonly store: Store;
  /** `127.0.0.1` by default. */
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  /** Additional names in the Host header, as a reverse proxy sends them. */
  readonly names: readonly string[];
  /** Required to pause, resume and run jobs; null: that is not allowed. */
  readonly token: string | null;
  /** Without it or `token`, only metrics and health are available; null: everything is readable. */
  readonly readToken: string | null;
  /**
   * Returns the project docs as a page, with a link to `live`. null or absent: there are none
   * @throws errors that a user can fix, if they cannot be generated now
   */
  readonly docs?: ((nonce: string, live: string) => string) | null;
}

export interface ServedHttp {
  readonly url: string;
  close(): Promise<void>;
}

interface Served extends ServeHttpInput {
  readonly metrics: RunMetrics;
  readonly stream: EventStream;
  readonly gate: ReadGate | null;
  readAt: number;
}

/**
 * Listens until `close` is called.
 * @throws TsdbtError `usage` if the token can be guessed, `runtime` if the address cannot be used
 */
export async function serveHttp(input: ServeHttpInput): Promise<ServedHttp> {
  const { live, host, port, token, readToken } = input;
  for (const [what, given] of [['token', token] as const, ['read token', readToken] as const])
    if (given !== null && given.length < SHORTEST_TOKEN)
      throw new TsdbtError(
        'usage',
        `The ${what} of serve has ${given.length} characters, expected ${SHORTEST_TOKEN} or more`,
        {
          hint: 'make one with `openssl rand -hex 32`',
        },
      );
  const metrics = new RunMetrics(live);
  const stream = new EventStream(live.runs);
  const gate = readToken === null ? null : new ReadGate([readToken, ...(token === null ? [] : [token])]);
  const served: Served = { ...input, metrics, stream, gate, readAt: Number.NEGATIVE_INFINITY };
  const unwatch = live.runs.watch((change) => metrics.observe(change));
  const end = (): void => {
    unwatch();
    stream.close();
  };
  try {
    const server = await listen({ host, port }, (request, response) => {
      answer(served, request, response).catch((error: unknown) => {
        // Internal details belong in the log, but the database's message helps.
        const message = error instanceof Error ? error.message : String(error);
        if (!response.headersSent) send(response, 503, JSON_TEXT, JSON.stringify({ error: firstLine(message) }));
        else response.destroy();
      });
    });
    return {
      url: localUrl(host, server.port),
      close: () => {
        end();
        return server.close();
      },
    };
  } catch (error) {
    end();
    const why =
      error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' ? `port ${port} is in use` : '';
    const message = why === '' && error instanceof Error ? error.message : why;
    throw new TsdbtError('runtime', `Could not serve jobs and metrics on ${host}:${port}: ${message}`, {
      hint: 'choose another one with --port',
      cause: error,
    });
  }
}

async function answer(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host, names, gate } = served;
  const [path = '/', search = ''] = (request.url ?? '/').split('?');
  const query = new URLSearchParams(search);
  if (![host, ...names].some((name) => isKnownHost(request.headers.host, name))) {
    send(response, 403, PLAIN, `serve listens on ${host}: use that name, or give this one to --allowed-hosts\n`);
  } else if (request.method === 'POST') await act(served, request, response, path);
  else if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, PLAIN, 'only GET, and POST with a token\n', { allow: 'GET, HEAD, POST' });
  } else if (path === '/metrics') send(response, 200, METRICS_TYPE, await metricsOf(served));
  else if (path === '/livez') health(response, stalled(served.live));
  else if (path === '/readyz') health(response, served.live.notReady());
  else if (gate?.opens(request, response, path, query) === false) return;
  else if (path === '/') page(response, appPolicy, (nonce) => appPage(nonce, served.live.project));
  else if (path === '/docs') send(response, 308, PLAIN, '/docs/\n', { location: '/docs/' });
  else if (path === '/docs/' && served.docs) docs(response, served.docs);
  else if (path === '/api/events' && request.method === 'GET') stream(served, response, query);
  else if (path.startsWith('/api/')) await data(served, response, path.slice('/api/'.length), query);
  else send(response, 404, PLAIN, '/, /docs/, /metrics, /livez and /readyz are here\n');
}

function page(response: ServerResponse, policy: (nonce: string) => string, made: (nonce: string) => string): void {
  const nonce = randomBytes(16).toString('base64');
  send(response, 200, HTML, made(nonce), { 'content-security-policy': policy(nonce) });
}

function docs(response: ServerResponse, made: (nonce: string, live: string) => string): void {
  try {
    page(response, docsPolicy, (nonce) => made(nonce, '../'));
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const { message, details } = error;
    send(response, 404, PLAIN, `${[message, details.hint ?? ''].join('\n').trim()}\n`);
  }
}

function stream({ stream: events }: Served, response: ServerResponse, query: URLSearchParams): void {
  const added = events.add(response, { runId: query.get('run'), uniqueId: query.get('node') });
  if (!added) send(response, 503, PLAIN, 'too many pages are open\n', { 'retry-after': '30' });
}

async function data(served: Served, response: ServerResponse, path: string, query: URLSearchParams): Promise<void> {
  if (!isReadable(path, query)) return send(response, 400, JSON_TEXT, '{"error":"bad path or query"}\n');
  const { live, store, token } = served;
  const input = { live, store, canAct: token !== null, hasDocs: Boolean(served.docs) };
  const found = await api(input, path, query);
  if (found === null) send(response, 404, JSON_TEXT, '{"error":"there is nothing of this name"}\n');
  else send(response, 200, JSON_TEXT, pageJson(JSON.stringify(found)), { 'cache-control': 'no-store' });
}

function health(response: ServerResponse, reasons: readonly string[]): void {
  const ok = reasons.length === 0;
  send(response, ok ? 200 : 503, JSON_TEXT, `${JSON.stringify({ status: ok ? 'ok' : 'failing', reasons })}\n`);
}

/** Reasons why the process no longer works and should be restarted. */
function stalled(live: Live): readonly string[] {
  const turned = live.lastTurn();
  const seconds = turned === null ? 0 : Math.round((live.now() - turned) / 1000);
  return seconds * 1000 > STALL_MS ? [`the scheduler has not looked for due times for ${seconds} s`] : [];
}

async function metricsOf(served: Served): Promise<string> {
  const { live, store, metrics } = served;
  const first = served.readAt === Number.NEGATIVE_INFINITY;
  if (live.now() - served.readAt >= READ_MS) {
    served.readAt = live.now();
    // Without the database, the numbers of this host are returned.
    const reading = metrics.read(store).catch(() => undefined);
    if (first) await within(reading, FIRST_READ_MS);
  }
  return mergeTexts([metrics.text(), ...live.loaderMetrics()]);
}

/** `POST /api/jobs/NAME/pause`, `resume` and `run`. */
async function act(served: Served, request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const { store, live, token } = served;
  const refuse = (status: number, error: string, more = {}): void =>
    send(response, status, JSON_TEXT, `${JSON.stringify({ error })}\n`, more);
  request.resume();
  const [, name, action] = /^\/api\/jobs\/([^/]+)\/(pause|resume|run)$/.exec(path) ?? [];
  if (token === null) return refuse(403, 'serve was started without a token: nothing can be changed here');
  if (!isBearer(request.headers.authorization, [token]))
    return refuse(401, 'the token is missing or wrong', { 'www-authenticate': 'Bearer' });
  if (name === undefined) return refuse(404, 'POST goes to /api/jobs/NAME/pause, resume or run');
  const job = decoded(name);
  if (job === null || !live.jobs().some((state) => state.job.name === job))
    return refuse(404, `there is no job ${job ?? name}`);
  if (action === 'run') await store.request(job);
  else await store.setPaused(job, action === 'pause');
  live.runs.jobsChanged();
  send(response, 202, JSON_TEXT, `${JSON.stringify({ job, done: action })}\n`);
}

/** Whether names are without NUL, which no database accepts, and the time is valid in all databases. */
function isReadable(path: string, query: URLSearchParams): boolean {
  const before = Number(query.get('before') ?? 0);
  if (!(before >= 0 && before <= LATEST)) return false;
  return [decoded(path), ...query.values()].every((text) => text !== null && !text.includes('\0'));
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
