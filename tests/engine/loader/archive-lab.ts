// An archive on a real store, beside Postgres or ClickHouse, for tests: its target, what it has stored, loads of it.
import { afterAll, beforeAll } from 'vitest';
import {
  type ArchiveConfig,
  type ArchiveFormat,
  archiveTarget,
} from '../../../src/loader/settings/archive-settings.ts';
import { messagesIn } from '../../../src/loader/archive/file-format.ts';
import type { ArchiveLedger } from '../../../src/loader/archive/ledger.ts';
import { archiveClient } from '../../../src/loader/archive/replay-client.ts';
import { ArchiveSink } from '../../../src/loader/archive/sink.ts';
import type { Message } from '../../../src/loader/brokers/broker.ts';
import { createLedger } from '../../../src/loader/create-sink.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { LoaderOptions, LoadSummary } from '../../../src/loader/loader.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import { S3Server } from '../support/s3-server.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { LoadLab } from './load-lab.ts';
import type { MemoryBroker } from './memory-broker.ts';

let archives = 0;

/** The databases and the store that the tests of a `describe` have; opened before them and closed behind. */
export class ArchiveLabs {
  readonly server = new S3Server();
  readonly clickhouse: ClickHouseLab;
  #postgres: LoadLab | null = null;

  /** @param schema in ClickHouse, of this file alone */
  constructor(schema: string) {
    this.clickhouse = new ClickHouseLab(schema);
    beforeAll(async () => {
      await this.server.start();
      this.#postgres = await LoadLab.open();
    });
    afterAll(async () => {
      await this.#postgres?.close();
      await this.clickhouse.close();
      await this.server.stop();
    });
  }

  get postgres(): LoadLab {
    if (this.#postgres === null) throw new Error('not before the tests');
    return this.#postgres;
  }

  archive(database: 'Postgres' | 'ClickHouse', options: ArchiveOptions = {}): Archive {
    return new Archive(database === 'Postgres' ? this.postgres : this.clickhouse, this.server, options);
  }
}

export class Killed extends Error {}

export interface ArchiveOptions {
  readonly flush?: Partial<LoadTarget['flush']>;
  readonly partitions?: number;
  readonly format?: ArchiveFormat;
  /** Below the archive's own folder. */
  readonly folder?: string;
  readonly compact?: ArchiveConfig['compact'];
}

export class Archive {
  readonly lab: LoadLab | ClickHouseLab;
  readonly path = `a${++archives}/`;
  /** `path` of its config. */
  readonly layout: string;
  readonly target: LoadTarget;
  readonly table: LoadTarget;
  readonly store: ObjectStore;
  readonly server: S3Server;

  constructor(
    lab: LoadLab | ClickHouseLab,
    server: S3Server,
    { flush, partitions = 1, format = 'ndjson.gz', folder = 'dt={day}/hour={hour}/', compact }: ArchiveOptions = {},
  ) {
    this.lab = lab;
    this.server = server;
    this.store = server.store();
    this.layout = this.path + folder;
    const table = lab.target({ id: lab instanceof LoadLab ? 'integer' : 'Int32' }, {}, partitions);
    const archive: ArchiveConfig = {
      ...{ connection: 'lake', path: this.layout, format, table: true },
      flush: { rows: 1e9, bytes: 1e6, ageMs: 60_000, ...flush },
      ...(compact === undefined ? {} : { compact }),
    };
    this.table = { ...table, archive };
    const target = archiveTarget(this.table);
    if (target === null) throw new Error('no archive');
    this.target = target;
  }

  get broker(): MemoryBroker {
    return this.lab.broker;
  }

  /** The ledger of another process, which knows nothing of this one. */
  ledger(): ArchiveLedger {
    return createLedger(this.lab.adapter, this.lab instanceof LoadLab ? this.lab.sink : this.lab.anotherSink());
  }

  sink(reached?: (point: FaultPoint) => void, store = this.store): ArchiveSink {
    const { adapter } = this.lab;
    const tables = this.lab instanceof LoadLab ? this.lab.sink : this.lab.anotherSink();
    return new ArchiveSink(tables, createLedger(adapter, tables), store, reached);
  }

  load(more: Partial<LoaderOptions> = {}): Promise<LoadSummary> {
    return this.lab.loader(this.target, { sink: this.sink(), ...more }).loader.run();
  }

  /** What reads the files below a prefix. @param path of the config of today */
  client(prefix: string, path = this.layout): Promise<LoaderOptions['client']> {
    return archiveClient(this.server.store(), prefix, 't', path);
  }

  /** Loads until a point is reached for the nth time. */
  async killed(point: FaultPoint, times = 1): Promise<boolean> {
    return ends((reached) => this.load({ sink: this.sink(reached) }), point, times);
  }

  async keys(): Promise<string[]> {
    const keys = [];
    for await (const { key } of this.store.list(this.path)) keys.push(key.slice(this.path.length));
    return keys;
  }

  /** Every message that the files hold. @param wanted which of them, by their keys */
  async messages(wanted: (key: string) => boolean = () => true): Promise<(Message & { readonly partition: number })[]> {
    const found = [];
    for (const key of (await this.keys()).filter(wanted)) {
      const packed = await this.store.get(this.path + key);
      const held = await messagesIn(key, packed ?? Buffer.alloc(0));
      if (held === null) throw new Error(key);
      found.push(...held);
    }
    return found.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
  }

  async ids(wanted?: (key: string) => boolean): Promise<unknown[]> {
    return (await this.messages(wanted)).map(({ value }) => JSON.parse(value?.toString() ?? 'null').id);
  }
}

/** Works until a point is reached for the nth time, at which nothing more is done. @returns whether it was reached */
export async function ends(
  work: (reached: (point: FaultPoint) => void) => Promise<unknown>,
  point: FaultPoint,
  times: number,
): Promise<boolean> {
  let left = times;
  let dead = false;
  const reached = (at: FaultPoint): void => {
    if (dead || (at === point && --left === 0)) {
      dead = true;
      throw new Killed(point);
    }
  };
  try {
    await work(reached);
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return true;
  }
}
