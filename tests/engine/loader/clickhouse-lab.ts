// A table in embedded ClickHouse, a broker in memory and a loader between them, for tests.
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { ClickHouseSink } from '../../../src/loader/clickhouse/sink.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { LoaderOptions, LoadSummary } from '../../../src/loader/loader.ts';
import { Sealer } from '../../../src/loader/seal.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import { clickhouseAdapter } from '../support/clickhouse.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { loaderOn, type MadeLoader } from './load-lab.ts';
import { MemoryBroker } from './memory-broker.ts';

/** Short, so that rewinds and replays over what was cut off need not wait long. */
export const LEASE_SECONDS = 3;

export class ClickHouseLab {
  readonly schema: string;
  readonly adapter: ClickHouseAdapter;
  readonly sealer = new Sealer('key');
  readonly sink: ClickHouseSink;
  broker = new MemoryBroker();
  private tables = 0;

  /** @param schema database of its tables, of no other test file */
  constructor(schema: string) {
    this.schema = schema;
    this.adapter = clickhouseAdapter(schema);
    this.sink = this.anotherSink();
  }

  /** The sink of another process, which knows nothing of this one. */
  anotherSink(reached?: (point: FaultPoint) => void): ClickHouseSink {
    return new ClickHouseSink(this.adapter, this.sealer, reached, LEASE_SECONDS);
  }

  async close(): Promise<void> {
    await this.run(`drop database if exists ${this.schema} sync`);
    await this.adapter.close();
  }

  /** A new table for the topic `t`, which is made anew too. */
  target(columns: Readonly<Record<string, string>>, more: Partial<LoadTarget> = {}, partitions = 1): LoadTarget {
    this.broker = new MemoryBroker();
    this.broker.create('t', partitions);
    const name = `${this.schema}_t${++this.tables}`;
    return loadTargetOf(name, {
      schema: this.schema,
      storage: { engine: null, orderBy: [], primaryKey: [], partitionBy: [], ttl: null, settings: {} },
      columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
      ...more,
    });
  }

  loader(target: LoadTarget, more: Partial<LoaderOptions> = {}): MadeLoader {
    return loaderOn(this.broker, more.sink ?? this.sink, target, more);
  }

  async load(target: LoadTarget, more: Partial<LoaderOptions> = {}): Promise<LoadSummary> {
    return this.loader(target, more).loader.run();
  }

  async run(sql: string): Promise<void> {
    const session = this.adapter.session({ name: 'test' });
    try {
      await session.execute(sql);
    } finally {
      await session.release();
    }
  }

  /** Rows as arrays of texts; null stays null. */
  async rows(sql: string): Promise<(string | null)[][]> {
    const session = this.adapter.session({ name: 'test' });
    try {
      const { table } = await session.execute(sql, { fetch: true });
      return table.rows.map((row) => row.values.map((value) => (value === null ? null : String(value))));
    } finally {
      await session.release();
    }
  }

  /** The ids in a table, sorted, each as often as it is there. */
  async ids({ schema, identifier }: LoadTarget): Promise<number[]> {
    return (await this.rows(`select id from ${schema}.${identifier} order by 1`)).flat().map(Number);
  }

  /** Offset and reason of each dead letter that was not replayed. */
  async letters({ schema, identifier }: LoadTarget): Promise<[number, string][]> {
    const rows = await this.rows(
      `select offset, error from tsdbt.dead_letters where relation = '\`${schema}\`.\`${identifier}\`' and ` +
        'replayed_at is null order by 1, id',
    );
    return rows.map(([offset, error]) => [Number(offset), error ?? '']);
  }
}
