// A table, a broker in memory and a loader between them, for tests.
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { type LoadEvent, Loader, type LoaderOptions, type LoadSummary } from '../../../src/loader/loader.ts';
import { PostgresSink } from '../../../src/loader/postgres/sink.ts';
import type { Sink } from '../../../src/loader/sink.ts';
import { Sealer } from '../../../src/loader/seal.ts';
import { SERVERS } from '../adapters/servers.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { MemoryBroker, type MemoryClient } from './memory-broker.ts';

export interface MadeLoader {
  readonly loader: Loader;
  /** What it has told so far. */
  readonly events: LoadEvent[];
  readonly client: MemoryClient;
}

/** A loader of what the broker holds, which ends when it has it and waits 20 ms at most. */
export function loaderOn(
  broker: MemoryBroker,
  sink: Sink,
  target: LoadTarget,
  more: Partial<LoaderOptions> = {},
): MadeLoader {
  const events: LoadEvent[] = [];
  const client = broker.client();
  const loader = new Loader({
    target,
    client,
    sink,
    decoder: jsonDecoder,
    loadId: 'load-1',
    hashKey: 'key',
    once: true,
    signal: new AbortController().signal,
    now: Date.now,
    notify: (event) => events.push(event),
    pause: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, Math.min(ms, 20));
      }),
    ...more,
  });
  return { loader, events, client };
}

/** A sink with other methods in place of some. */
export function sinkWith(sink: Sink, methods: Partial<Sink>): Sink {
  return new Proxy(sink, {
    get: (made, name) => {
      const found: unknown = Reflect.get(methods, name) ?? Reflect.get(made, name);
      return typeof found === 'function' ? found.bind(made) : found;
    },
  });
}

/** 0 and the numbers after it, n in all. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export class LoadLab {
  readonly credentials: Credentials;
  readonly adapter: PostgresAdapter;
  readonly sink: PostgresSink;
  readonly sealer = new Sealer('key');
  broker = new MemoryBroker();
  private tables = 0;
  private readonly closeServer: () => Promise<void>;

  private constructor(credentials: Credentials, close: () => Promise<void>) {
    this.credentials = credentials;
    this.closeServer = close;
    this.adapter = new PostgresAdapter({ credentials, threads: 6, quoting: {} });
    this.sink = new PostgresSink(this.adapter, this.sealer, Date.now);
  }

  static async open(): Promise<LoadLab> {
    const { credentials, close } = await SERVERS.at(-1)!.open();
    return new LoadLab(credentials, close);
  }

  async close(): Promise<void> {
    await this.adapter.close();
    await this.closeServer();
  }

  /** A new table for the topic `t`, which is made anew too. */
  target(columns: Readonly<Record<string, string>>, more: Partial<LoadTarget> = {}, partitions = 1): LoadTarget {
    this.broker = new MemoryBroker();
    this.broker.create('t', partitions);
    return loadTargetOf(`t${++this.tables}`, {
      columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
      ...more,
    });
  }

  loader(target: LoadTarget, more: Partial<LoaderOptions> = {}): MadeLoader {
    return loaderOn(this.broker, this.sink, target, more);
  }

  async load(target: LoadTarget, more: Partial<LoaderOptions> = {}): Promise<LoadSummary> {
    return this.loader(target, more).loader.run();
  }

  /** Rows as arrays of texts; null stays null. */
  async rows(sql: string): Promise<(string | null)[][]> {
    const session = this.adapter.session({ name: 'test' });
    try {
      await session.begin();
      const { table } = await session.execute(sql, { fetch: true });
      await session.commit();
      return table.rows.map((row) => row.values.map((value) => (value === null ? null : String(value))));
    } finally {
      await session.release();
    }
  }

  /** The ids in a table, sorted. */
  async ids({ identifier }: LoadTarget): Promise<number[]> {
    return (await this.rows(`select id from raw.${identifier} order by 1`)).flat().map(Number);
  }

  /** Offset and first line of the reason of each dead letter. */
  async letters(target: LoadTarget): Promise<[number, string][]> {
    const rows = await this.rows(
      `select "offset", error from tsdbt.dead_letters where target = '${target.uniqueId}' and replayed_at is ` +
        'null order by 1, id',
    );
    return rows.map(([offset, error]) => [Number(offset), String(error).split('\n')[0]!]);
  }
}
