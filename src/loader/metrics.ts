// Metrics of the loaders in a process, from their events: Prometheus text, a health check, and their HTTP server.
import { TsdbtError } from '../errors.ts';
import { family, histogram, METRICS_TYPE, type Sample } from '../http/metrics-text.ts';
import { isKnownHost, JSON_TEXT, listen, PLAIN, send, urlOf } from '../http/server.ts';
import { partitionKey, type SlotLag, type TopicPartition } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { LoadEvent, PartitionLag } from './events.ts';

/** Upper bounds of the flush histogram, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** A longer flush, or a longer time without a poll, counts as no progress. */
const STALL_MS = 30_000;

/** The lag over all partitions. Seconds are null if the timestamp of the first message to load is unknown. */
export interface Lag {
  readonly rows: bigint;
  readonly seconds: number | null;
}

interface Counted {
  rows: number;
  bytes: number;
  dead: number;
  retries: number;
  pauses: number;
  fenced: number;
  flushes: number;
  flushSeconds: number;
  buckets: readonly number[];
  lag: ReadonlyMap<string, PartitionLag>;
  /** What loading waits for; null while it progresses. */
  waiting: string | null;
  /** Why the whole table has stopped; null while it has not. */
  failed: string | null;
  stopped: Map<string, string>;
  flushingSince: number | null;
  turned: number | null;
  /** Whether the table is paused. */
  paused: boolean;
  /** Seconds from each flush's first message to its commit: their number, sum and buckets. */
  visible: { count: number; seconds: number; buckets: readonly number[] };
  /** The replication slot; null: none, or not known yet. */
  slot: SlotLag | null;
}

export class LoadMetrics {
  readonly #now: () => number;
  readonly #targets = new Map<LoadTarget, Counted>();

  constructor(targets: readonly LoadTarget[], now: () => number) {
    this.#now = now;
    for (const target of targets) {
      this.#targets.set(target, {
        rows: 0,
        bytes: 0,
        dead: 0,
        retries: 0,
        pauses: 0,
        fenced: 0,
        flushes: 0,
        flushSeconds: 0,
        buckets: BUCKETS.map(() => 0),
        lag: new Map(),
        waiting: null,
        failed: null,
        stopped: new Map(),
        flushingSince: null,
        turned: null,
        paused: false,
        visible: { count: 0, seconds: 0, buckets: BUCKETS.map(() => 0) },
        slot: null,
      });
    }
  }

  observe(event: LoadEvent): void {
    const counted = this.#targets.get(event.target);
    if (counted === undefined) return;
    switch (event.kind) {
      case 'waiting':
        counted.retries++;
        counted.waiting = event.message;
        break;
      case 'resumed':
        counted.waiting = null;
        break;
      case 'failed':
        counted.failed = `${event.message}${event.seconds === null ? '' : ` (trying again in ${event.seconds} s)`}`;
        counted.waiting = null;
        counted.flushingSince = null;
        counted.stopped.clear();
        break;
      case 'moved':
      case 'revoked':
        forgetStops(counted, event.partitions);
        break;
      case 'paused':
        counted.pauses++;
        break;
      case 'table_paused':
      case 'table_resumed':
        counted.paused = event.kind === 'table_paused';
        counted.turned = null;
        counted.waiting = null;
        counted.flushingSince = null;
        break;
      case 'fenced':
        counted.fenced++;
        counted.flushingSince = null;
        forgetStops(counted, event.partitions);
        break;
      case 'stopped':
        counted.stopped.set(
          event.partition === null ? '' : `${event.partition.topic}/${event.partition.partition}`,
          event.message,
        );
        break;
      case 'slot':
        counted.slot = event.lag;
        break;
      case 'flushing':
        counted.flushingSince = this.#now();
        break;
      case 'polled':
        counted.turned = this.#now();
        counted.failed = null;
        counted.lag = event.lag;
        break;
      case 'flushed': {
        const seconds = event.ms / 1000;
        counted.flushingSince = null;
        counted.rows += event.rows;
        counted.bytes += event.bytes;
        counted.dead += event.dead.length;
        counted.flushes++;
        counted.flushSeconds += seconds;
        counted.buckets = counting(counted.buckets, seconds);
        if (event.oldest !== null) {
          const age = Math.max(0, (this.#now() - event.oldest) / 1000);
          const { count, seconds: sum, buckets } = counted.visible;
          counted.visible = { count: count + 1, seconds: sum + age, buckets: counting(buckets, age) };
        }
        break;
      }
      default:
        break;
    }
  }

  lag(target: LoadTarget): Lag {
    return total(this.#targets.get(target)?.lag ?? new Map(), this.#now());
  }

  dead(target: LoadTarget): number {
    return this.#targets.get(target)?.dead ?? 0;
  }

  /** All metrics in Prometheus text format 0.0.4. */
  text(): string {
    const lines: string[] = [];
    const each = (
      name: string,
      type: 'counter' | 'gauge' | 'histogram',
      help: string,
      samples: (counted: Counted, target: LoadTarget) => readonly Sample[],
    ): void => {
      const all = [...this.#targets].flatMap(([target, counted]) => samples(counted, target));
      lines.push(...family(`tsdbt_load_${name}`, type, help, all));
    };
    const one = (
      name: string,
      type: 'counter' | 'gauge',
      help: string,
      value: (counted: Counted) => number | bigint | null,
    ): void =>
      each(name, type, help, (counted, target) => {
        const found = value(counted);
        return found === null ? [] : [{ labels: labelsOf(target.topic, target), value: found }];
      });
    one('rows_total', 'counter', 'Rows committed to the table.', ({ rows }) => rows);
    one('bytes_total', 'counter', 'Bytes of the messages that were committed.', ({ bytes }) => bytes);
    one('dead_letters_total', 'counter', 'Messages that went to the dead letters.', ({ dead }) => dead);
    one(
      'retries_total',
      'counter',
      'Attempts that failed and were made again: broker, database or registry away.',
      ({ retries }) => retries,
    );
    one('pauses_total', 'counter', 'Times that reading waited for the table.', ({ pauses }) => pauses);
    one('fenced_total', 'counter', 'Flushes refused because another loader had moved on.', ({ fenced }) => fenced);
    one('paused', 'gauge', '1 while the table is paused by `load pause`.', ({ paused }) => (paused ? 1 : 0));
    one('healthy', 'gauge', '1 while progress is possible.', (counted) =>
      this.#reasons(counted).length === 0 ? 1 : 0,
    );
    one(
      'lag_seconds',
      'gauge',
      'Age of the first message that is not loaded; 0 when all are.',
      ({ lag }) => total(lag, this.#now()).seconds,
    );
    each('lag_rows', 'gauge', 'Offsets between the table and the end of the topic.', ({ lag }, target) =>
      [...lag].map(([key, { rows }]) => {
        const at = key.lastIndexOf('/');
        return { labels: { ...labelsOf(key.slice(0, at), target), partition: key.slice(at + 1) }, value: rows };
      }),
    );
    each(
      'flush_seconds',
      'histogram',
      'Time of a flush: one transaction.',
      ({ buckets, flushes, flushSeconds }, target) =>
        histogram(labelsOf(target.topic, target), BUCKETS, buckets, flushes, flushSeconds),
    );
    each(
      'visible_seconds',
      'histogram',
      'Age of the first message of a flush when the table contained it.',
      ({ visible: { count, seconds, buckets } }, target) =>
        histogram(labelsOf(target.topic, target), BUCKETS, buckets, count, seconds),
    );
    one(
      'slot_retained_bytes',
      'gauge',
      "Bytes of the source's log that the replication slot keeps.",
      ({ slot }) => slot?.retained ?? null,
    );
    one('slot_limit_bytes', 'gauge', 'Bytes that it may keep: `max_slot_lag`.', ({ slot }) => slot?.limit ?? null);
    return `${lines.join('\n')}\n`;
  }

  /** Whether every table makes progress, and if not, why. */
  health(): {
    readonly ok: boolean;
    readonly tables: readonly {
      readonly table: string;
      readonly topic: string;
      readonly ok: boolean;
      readonly paused: boolean;
      readonly reasons: readonly string[];
      readonly lag_rows: string;
      readonly lag_seconds: number | null;
      readonly slot_retained_bytes: number | null;
    }[];
  } {
    const tables = [...this.#targets].map(([target, counted]) => {
      const reasons = this.#reasons(counted);
      const { rows, seconds } = total(counted.lag, this.#now());
      return {
        table: target.name,
        topic: target.topic,
        ok: reasons.length === 0,
        paused: counted.paused,
        reasons,
        lag_rows: String(rows),
        lag_seconds: seconds,
        slot_retained_bytes: counted.slot?.retained ?? null,
      };
    });
    return { ok: tables.every(({ ok }) => ok), tables };
  }

  #reasons({ waiting, failed, stopped, flushingSince, turned, paused }: Counted): string[] {
    if (paused) return [];
    if (failed !== null) return [`failed: ${failed}`];
    const reasons = [...stopped].map(
      ([partition, message]) => `stopped${partition === '' ? '' : ` at ${partition}`}: ${message}`,
    );
    const now = this.#now();
    if (waiting !== null) reasons.push(`waiting: ${waiting}`);
    else if (flushingSince !== null && now - flushingSince > STALL_MS)
      reasons.push(`the table has taken nothing for ${Math.round((now - flushingSince) / 1000)} s`);
    else if (turned === null) reasons.push('starting');
    else if (flushingSince === null && now - turned > STALL_MS)
      reasons.push(`nothing has been read for ${Math.round((now - turned) / 1000)} s`);
    return reasons;
  }
}

/** Adds a value to the buckets of a histogram. */
function counting(buckets: readonly number[], seconds: number): readonly number[] {
  return buckets.map((count, i) => count + (seconds <= (BUCKETS[i] ?? 0) ? 1 : 0));
}

/** The loader that is assigned these partitions reads their positions. */
function forgetStops({ stopped }: Counted, partitions: readonly TopicPartition[]): void {
  for (const partition of partitions) stopped.delete(partitionKey(partition));
}

function total(lag: ReadonlyMap<string, PartitionLag>, now: number): Lag {
  let rows = 0n;
  let seconds: number | null = 0;
  for (const { rows: behind, oldest } of lag.values()) {
    rows += behind;
    if (behind > 0n) seconds = oldest === null || seconds === null ? null : Math.max(seconds, (now - oldest) / 1000, 0);
  }
  return { rows, seconds };
}

function labelsOf(topic: string, target: LoadTarget): Readonly<Record<string, string>> {
  return { topic, table: target.name };
}

/**
 * `/metrics` and `/healthz` (200, or 503 with the reasons).
 * @param port 0: any
 * @param names additional names accepted in the Host header
 * @throws `usage` error if the port cannot be used
 */
export async function serveMetrics(
  metrics: LoadMetrics,
  port: number,
  host: string,
  names: readonly string[] = [],
): Promise<{ readonly url: string; close(): void }> {
  try {
    const server = await listen({ host, port }, (request, response) => {
      const [path] = (request.url ?? '/').split('?');
      if (![host, ...names].some((name) => isKnownHost(request.headers.host, name)))
        send(response, 403, PLAIN, `load listens on ${host}: use that name, or give this one to --allowed-hosts\n`);
      else if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
      else if (path === '/metrics') send(response, 200, METRICS_TYPE, metrics.text());
      else if (path === '/healthz') {
        const health = metrics.health();
        const text = JSON.stringify({ status: health.ok ? 'ok' : 'failing', tables: health.tables });
        send(response, health.ok ? 200 : 503, JSON_TEXT, `${text}\n`);
      } else send(response, 404, PLAIN, '/metrics and /healthz are here\n');
    });
    // The server must not keep the process alive.
    server.unref();
    return { url: urlOf(host, server.port), close: () => void server.close() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TsdbtError('usage', `Error: no metrics can be served at ${host}:${port}: ${why}`);
  }
}
