// Publications as files whose switch is refused or late, that lie one in another, or that change their partitions:
// which files stay. The receiver works in this process on a real object store; its rows come from a list.
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicationConfig, PublicationNode } from '../../../src/contracts/publication.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import type { Manifest } from '../../../src/publish/lake/lake-manifest.ts';
import { LakeReceiver } from '../../../src/publish/lake/lake-target.ts';
import { writeRowFiles } from '../../../src/publish/lake/row-files.ts';
import { wholeBody } from '../support/whole-body.ts';
import { lakeColumnOfPostgres } from '../../../src/publish/postgres/lake-columns.ts';
import type { Published, PublishSource } from '../../../src/publish/publication-target.ts';
import { NO_STORE, S3Server } from '../support/s3-server.ts';

/** A partition and the texts of its rows. */
type Rows = Readonly<Record<string, readonly string[]>>;

/** Rows of the column `at`; `other` is there, too. */
class ListSource implements PublishSource {
  readonly dialect = 'postgres';
  readonly now: () => Promise<string>;
  readonly #rows: Rows;

  constructor(rows: Rows, now = '2026-01-01T12:00:00Z') {
    this.#rows = rows;
    this.now = () => Promise.resolve(now);
  }

  open = (): Promise<void> => Promise.resolve();
  confirm = (): void => undefined;
  columns = () => Promise.resolve(['at', 'other'].map((name) => ({ name, type: 'text', nullable: true })));
  summary = () =>
    Promise.resolve({ rows: Object.values(this.#rows).flat().length, mark: JSON.stringify(this.#rows), found: [] });
  partitions = () =>
    Promise.resolve(
      Object.entries(this.#rows).map(([value, rows]) => ({ values: [value], mark: rows.join(), rows: rows.length })),
    );
  rows: PublishSource['rows'] = (_columns, _format, only, take) => {
    const chosen = only?.partitions.map(({ values }) => String(values[0])) ?? Object.keys(this.#rows);
    const lines = chosen.flatMap((value) =>
      (this.#rows[value] ?? []).map((row) => `${only === null ? '' : `["${value}"]\t`}${row}\n`),
    );
    return take(
      (async function* () {
        for (const line of lines) yield Buffer.from(line);
      })(),
    );
  };
  quote = (name: string): string => name;
}

function nodeOf(name: string, config: Partial<PublicationConfig>): PublicationNode {
  return {
    name,
    resource_type: 'publication',
    package_name: 'p',
    path: 'm.sql',
    original_file_path: 'models/m.sql',
    unique_id: `publication.p.${name}`,
    fqn: [],
    description: '',
    tags: [],
    meta: {},
    depends_on: { macros: [], nodes: [`model.p.${name}`] },
    config: {
      enabled: true,
      to: 'lake',
      table: null,
      path: null,
      mode: 'replace',
      key: [],
      order_by: [],
      partition_by: [],
      indexes: [],
      columns: ['at'],
      when: 'green',
      retention: null,
      snapshots: null,
      adopt: false,
      ...config,
    },
    created_at: 0,
  };
}

it('long rows are written as row groups before there are 8,000 of them', async () => {
  const long = 'x'.repeat(1024 ** 2);
  const source = new ListSource({ a: Array.from({ length: 40 }, () => long) });
  const columns = (await source.columns()).slice(0, 1).map(lakeColumnOfPostgres);
  const groups: number[] = [];
  await writeRowFiles(source, { columns, only: null }, async ({ body }) => {
    const { row_groups: found } = parquetMetadata(Uint8Array.from(wholeBody(body)).buffer);
    groups.push(...found.map((group) => Number(group.num_rows)));
  });
  expect(groups).toEqual([16, 16, 8]);
});

describe.skipIf(NO_STORE !== null)(`the files of publications${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const server = new S3Server();
  let store: ObjectStore;
  let runs = 0;
  beforeAll(async () => {
    await server.start();
    store = server.store();
  });
  afterAll(async () => {
    store?.close();
    await server.stop();
  });

  function publish(
    node: PublicationNode,
    rows: Rows,
    own: { over?: ObjectStore; force?: boolean; time?: string; run?: number } = {},
  ) {
    return new LakeReceiver(own.over ?? store, (_, column) => lakeColumnOfPostgres(column)).publish({
      node,
      source: new ListSource(rows, own.time),
      runId: `${String(own.run ?? ++runs).padStart(8, '0')}-0000-4000-8000-000000000000`,
      time: own.time ?? '2026-01-01T12:00:00Z',
      force: own.force === true,
      session: () => {
        throw new Error('a store has no sessions');
      },
    });
  }

  /** The store, in whose place `put` is done for switches of manifests. */
  function withSwitch(put: ObjectStore['put']): ObjectStore {
    return new Proxy(store, {
      get(target, name) {
        if (name !== 'put') {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return (...args: Parameters<ObjectStore['put']>) => {
          const [key, body] = args;
          const isSwitch = key.endsWith('/manifest.json') && JSON.parse(wholeBody(body).toString()).claim === null;
          return isSwitch ? put(...args) : target.put(...args);
        };
      },
    });
  }

  async function manifest(path: string): Promise<Manifest> {
    return JSON.parse((await store.get(`${path}/manifest.json`))?.toString() ?? 'null');
  }

  /** Files that the manifest names and that are not there, and files that are there and that it does not name. */
  async function amiss(path: string): Promise<{ gone: string[]; unnamed: string[] }> {
    const named = (await manifest(path)).files.map((file) => `${path}/${file.path}`);
    const there: string[] = [];
    for await (const { key } of store.list(`${path}/`)) if (key.endsWith('.parquet')) there.push(key);
    return {
      gone: named.filter((key) => !there.includes(key)),
      unnamed: there.filter((key) => !named.includes(key)),
    };
  }

  const failure = (work: Promise<Published>): Promise<string> => work.then(() => 'none', String);
  const days = { mode: 'partitions', partition_by: ['day(at)'] } as const;

  it.each([
    ['another grain', days, { ...days, partition_by: ['month(at)'] }],
    ['another column', days, { ...days, partition_by: ['day(other)'] }],
    ['mode replace by others', { mode: 'replace', partition_by: ['month(at)'] }, days],
  ] as const)('of %s of partitions are not mixed', async (name, before, after) => {
    const path = `keys/${name.replaceAll(' ', '_')}`;
    await publish(nodeOf('m', { path, ...before }), { a: ['1', '2'] });
    const node = nodeOf('m', { path, ...after });
    const told = "its 'partition_by' is another by now; --full-refresh publishes";
    expect(await failure(publish(node, { b: ['1', '2'] }))).toContain(told);
    expect((await manifest(path)).rows).toBe(2);
    expect(await publish(node, { b: ['1', '2'] }, { force: true })).toMatchObject({ rows: 2 });
  });

  it('below another publication stay, whichever is published', async () => {
    const outer = nodeOf('outer', { path: 'marts', ...days });
    const inner = nodeOf('inner', { path: 'marts/orders', ...days });
    await publish(outer, { a: ['1'] });
    await publish(inner, { a: ['1'], b: ['2'] });
    await publish(outer, { a: ['1', '2'] });
    await publish(outer, { a: ['1', '2'] });
    expect(await amiss('marts/orders')).toEqual({ gone: [], unnamed: [] });
    // A folder that has the form of a partition's, and a manifest, is another copy's, too.
    const odd = nodeOf('odd', { path: 'marts/a=b' });
    await publish(odd, { a: ['1'] });
    await publish(outer, { a: ['3'] });
    await publish(outer, { a: ['3'] });
    expect((await amiss('marts/a=b')).gone).toEqual([]);
  });

  it('stay if another run has taken them over and the answer to the switch was lost', async () => {
    const node = nodeOf('lost', { path: 'lost', ...days });
    const over = withSwitch(async (...args) => {
      expect((await store.put(...args)).created).toBe(true);
      await publish(node, { a: ['1'], b: ['2'], c: ['3'] });
      // The repeat of the write.
      return store.put(...args);
    });
    expect(await failure(publish(node, { a: ['1'], b: ['2'] }, { over }))).toContain('another publication has begun');
    expect(await amiss('lost')).toEqual({ gone: [], unnamed: [] });
    expect((await manifest('lost')).rows).toBe(3);
  });

  it('are never missing after a switch that the store applies late', async () => {
    const node = nodeOf('late', { path: 'late' });
    const late: Parameters<ObjectStore['put']>[] = [];
    const over = withSwitch((...args) => {
      late.push(args);
      return late.length === 1 ? Promise.reject(new Error('no answer')) : store.put(...args);
    });
    expect(await failure(publish(node, { a: ['1'] }, { over }))).toContain('no answer');
    expect(await amiss('late')).toEqual({ gone: [], unnamed: [] });
    expect((await manifest('late')).claim).toBeNull();
    const [args] = late;
    if (args === undefined) throw new Error('nothing was switched');
    await store.put(...args);
    expect(await amiss('late')).toEqual({ gone: [], unnamed: [] });
  });

  it('of a failed run are not published by its late switch while the same run retries', async () => {
    const node = nodeOf('again', { path: 'again' });
    const run = runs + 1;
    const late: Parameters<ObjectStore['put']>[] = [];
    const first = withSwitch((...args) => {
      late.push(args);
      return late.length === 1 ? Promise.reject(new Error('no answer')) : store.put(...args);
    });
    expect(await failure(publish(node, { a: ['1'] }, { over: first, run }))).toContain('no answer');
    const second = withSwitch(async (...args) => {
      const [lost] = late;
      if (lost === undefined) throw new Error('nothing was switched');
      expect((await store.put(...lost)).created).toBe(false);
      return store.put(...args);
    });
    expect(await publish(node, { a: ['1'] }, { over: second, run })).toMatchObject({ rows: 1 });
    expect(await amiss('again')).toEqual({ gone: [], unnamed: [] });
  });

  it('of a failed run have other names than those of its retry, which its late requests could change', async () => {
    const node = nodeOf('names', { path: 'names' });
    const run = runs + 1;
    const away = withSwitch(() => Promise.reject(new Error('no answer')));
    expect(await failure(publish(node, { a: ['1'] }, { over: away, run }))).toContain('no answer');
    const { unnamed } = await amiss('names');
    expect(unnamed).toHaveLength(1);
    await publish(node, { a: ['1'] }, { run });
    for (const key of unnamed) await store.delete(key);
    expect(await amiss('names')).toEqual({ gone: [], unnamed: [] });
  });

  it('that a killed run left from its test of the store are deleted, but not while a test may be running', async () => {
    const node = nodeOf('trial', { path: 'trial' });
    const key = 'trial/.tsdbt-00000000-0000-4000-8000-000000000000';
    await store.put(key, Buffer.from('1'));
    await publish(node, { a: ['1'] });
    await publish(node, { a: ['1'] });
    expect(await store.get(key)).not.toBeNull();
    await publish(node, { a: ['1'] }, { time: '2999-01-01T00:00:00Z' });
    expect(await store.get(key)).toBeNull();
  });

  it('stay while it is unknown whether the switch will happen', async () => {
    const node = nodeOf('away', { path: 'away' });
    const over = withSwitch(() => Promise.reject(new Error('no answer')));
    await failure(publish(node, { a: ['1'] }, { over }));
    expect((await amiss('away')).unnamed.length).toBe(1);
    await publish(node, { a: ['1'] });
    expect(await amiss('away')).toEqual({ gone: [], unnamed: [] });
  });
});
