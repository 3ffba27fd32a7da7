// Sends changes as server-sent events: collected for a moment, sent as one list, limited to what the page shows. A page
// that reads too slowly is told to reload.
import { pageJson } from '../../http/page-json.ts';
import { oldestOfGreatest, originOf, shares } from '../../http/fair-share.ts';
import type { ServerResponse } from '../../http/server.ts';
import type { Change, LiveRuns } from '../live-state.ts';
import { liveNodeRow } from './page-data.ts';

/** Milliseconds for which changes are collected. */
const GATHER_MS = 200;
/** Interval of keep-alive messages, because proxies close idle connections. */
const ALIVE_MS = 15_000;
const MOST_CLIENTS = 64;
const MOST_WAITING = 5000;
const MOST_UNREAD = 1 << 20;

/** What a page shows: of one run also its nodes, of one node also its log. */
export interface Shown {
  readonly runId: string | null;
  readonly uniqueId: string | null;
}

interface Client {
  /** The client's network address, as far as it is known. */
  readonly origin: string;
  readonly shown: Shown;
  readonly response: ServerResponse;
  waiting: object[];
  /** Runs in which a node has ended. */
  readonly moved: Set<string>;
  timer: NodeJS.Timeout | null;
}

export class EventStream {
  readonly #runs: LiveRuns;
  readonly #clients = new Set<Client>();
  readonly #alive: NodeJS.Timeout;
  readonly #unwatch: () => void;

  constructor(runs: LiveRuns) {
    this.#runs = runs;
    this.#unwatch = runs.watch((change) => this.#take(change));
    this.#alive = setInterval(() => {
      for (const client of this.#clients) this.#write(client, ': alive\n\n');
    }, ALIVE_MS).unref();
  }

  /** @returns false: too many pages are open, and no other client has more than this one */
  add(response: ServerResponse, shown: Shown): boolean {
    const origin = originOf(response.socket?.remoteAddress ?? '');
    if (this.#clients.size >= MOST_CLIENTS && !this.#makeRoom(origin)) return false;
    const client: Client = { origin, shown, response, waiting: [], moved: new Set(), timer: null };
    this.#clients.add(client);
    response.on('close', () => this.#remove(client));
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    this.#write(client, 'retry: 2000\n\n');
    return true;
  }

  close(): void {
    this.#unwatch();
    clearInterval(this.#alive);
    for (const client of this.#clients) {
      this.#remove(client);
      client.response.end();
    }
  }

  /** Ends the oldest stream of the client with the most streams, unless that is the requesting client. */
  #makeRoom(origin: string): boolean {
    const counts = shares(this.#clients, () => 1);
    const oldest = oldestOfGreatest(this.#clients, () => 1);
    if (oldest === undefined || (counts.get(oldest.origin) ?? 0) <= (counts.get(origin) ?? 0) + 1) return false;
    this.#remove(oldest);
    oldest.response.end();
    return true;
  }

  #take(change: Change): void {
    for (const client of this.#clients) {
      const message = messageOf(change, client.shown);
      if (message !== null) client.waiting.push(message);
      else if (change.kind === 'node' && change.node.ended !== null) client.moved.add(change.runId);
      else continue;
      if (client.waiting.length > MOST_WAITING) client.waiting = [{ kind: 'reload' }];
      client.timer ??= setTimeout(() => this.#flush(client), GATHER_MS).unref();
    }
  }

  #flush(client: Client): void {
    client.timer = null;
    const progress = [...client.moved].flatMap((runId) => {
      const run = this.#runs.run(runId);
      const done = run?.nodes.filter(({ ended }) => ended !== null).length;
      return run === null ? [] : [{ kind: 'progress', runId, done, total: run.total }];
    });
    client.moved.clear();
    const messages = [...client.waiting, ...progress];
    client.waiting = [];
    this.#write(client, `data: ${pageJson(JSON.stringify(messages))}\n\n`);
  }

  #write(client: Client, text: string): void {
    // A client that does not read is disconnected, and reconnects by itself.
    if (client.response.writableLength > MOST_UNREAD) client.response.destroy();
    else client.response.write(text);
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    if (client.timer !== null) clearTimeout(client.timer);
  }
}

/** @returns null: the page does not show it */
function messageOf(change: Change, { runId, uniqueId }: Shown): object | null {
  switch (change.kind) {
    case 'node':
      return change.runId === runId ? { kind: 'node', runId, node: liveNodeRow(change.node) } : null;
    case 'line':
      return change.runId === runId && change.uniqueId === uniqueId ? { kind: 'line', line: change.line } : null;
    case 'started':
      return { kind: 'started', runId: change.claim.runId, job: change.claim.job };
    case 'ended':
      return { kind: 'ended', runId: change.claim.runId, job: change.claim.job, state: change.end.state };
    case 'total':
    case 'jobs':
    case 'left_out':
      return change;
    case 'freshness':
      return { kind: 'freshness' };
  }
}
