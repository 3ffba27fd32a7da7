// Options of a load config for ClickHouse, and the tables that the server makes of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import type { SourceDefinition } from '../../../src/contracts/node.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { CLICKHOUSE_TABLE, expressions } from '../../../src/loader/clickhouse/table-options.ts';
import { createTable, type TablePlace } from '../../../src/loader/clickhouse/table.ts';
import { type LoadTarget, loadTarget } from '../../../src/loader/settings/load-target.ts';
import { POSTGRES_TABLE } from '../../../src/loader/postgres/table-options.ts';
import type { TableOptions } from '../../../src/loader/settings/database-options.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';

const SCHEMA = 'loaded_tables';
const ALONE: TablePlace = { cluster: null, databaseEngine: 'Atomic' };
const COLUMNS = {
  id: { name: 'id', data_type: 'UInt64' },
  at: { name: 'at', data_type: "DateTime64(3, 'UTC')", codec: 'Delta, ZSTD(3)' },
  kind: { name: 'kind', data_type: 'LowCardinality(String)' },
  secret: { name: 'secret', data_type: 'Nullable(String)', ttl: 'toDateTime(at) + interval 1 day' },
  anything: { name: 'anything', data_type: null },
  document: { name: 'document', data_type: 'JSON' },
};

function target(load: object, columns: object = COLUMNS, table: TableOptions = CLICKHOUSE_TABLE): LoadTarget {
  const source = {
    unique_id: 'source.p.s.t',
    source_name: 's',
    name: 't',
    schema: SCHEMA,
    identifier: 't',
    database: '',
    original_file_path: 'models/s.yml',
    columns,
    meta: { tsdbt: { load: { topic: 't', ...load } } },
    config: {},
    source_meta: {},
  };
  return loadTarget(source as unknown as SourceDefinition, table)!;
}

function refusal(load: object, columns?: object, table?: TableOptions): string {
  try {
    target(load, columns, table);
  } catch (error) {
    if (error instanceof TsdbtError) return `${error.message} | ${error.details.hint ?? ''}`;
    throw error;
  }
  return '';
}

describe('the table options for ClickHouse', () => {
  it.each([
    ['', []],
    ['tuple()', []],
    ['a', ['a']],
    ['(a, b)', ['a', 'b']],
    ['a, toDate(b, 1)', ['a', 'toDate(b, 1)']],
    ["(a, f('x, )', `b,c`))", ['a', "f('x, )', `b,c`)"]],
    ['(a), (b)', ['(a)', '(b)']],
    ['(a + b) * 2', ['(a + b) * 2']],
  ])('include %s as expressions', (text, found) => {
    expect(expressions(text)).toEqual(found);
  });

  it.each([
    [{ mode: 'upsert', key: ['id'], order_by: ['kind', 'id'] }, 'the key (id) is no prefix of order_by (kind, id)'],
    [{ mode: 'upsert', key: ['id'], order_by: ['id', 'at'] }, 'order_by has at beyond the key'],
    [{ mode: 'upsert', key: ['id'], partition_by: 'toYYYYMM(at)' }, "partition_by has 'at', which the key lacks"],
    [{ mode: 'upsert', key: ['id'], engine: 'MergeTree()' }, "mode 'upsert' needs ReplacingMergeTree"],
    [{ engine: 'ReplacingMergeTree' }, "mode 'append' keeps all"],
    [{ engine: 'SummingMergeTree(id)' }, 'cannot be loaded into once each'],
    [{ engine: "Distributed('c', 'd', 't')" }, 'cannot be loaded into once each'],
    [{ order_by: ['nothing'] }, "order_by column 'nothing' is not declared"],
    [{ order_by: { column: 'id' } }, "'load.order_by' must be a text that is not empty"],
    [{ partition_by: { column: 'at', every: 'day' } }, "'load.partition_by' must be expressions"],
    [{ order_by: ['id'], primary_key: ['at'] }, "'primary_key' (at) is no prefix of the order (id)"],
    [{ settings: ['a'] }, "'load.settings' must be a dictionary"],
    [
      { settings: { non_replicated_deduplication_window: 0 } },
      "'load.settings.non_replicated_deduplication_window' is 0",
    ],
    [{ ttl: 5 }, "'load.ttl' must be a text that is not empty, found 5"],
    [{ retention: '90 days' }, "'retention' is an option of tables in Postgres, and this target is ClickHouse"],
    [{ hash: ['id'] }, "Declare 'id' as String"],
  ])('are rejected: %o', (load, words) => {
    expect(refusal(load)).toContain(words);
  });

  it('are rejected if the target is Postgres', () => {
    expect(refusal({ order_by: ['id'] }, undefined, POSTGRES_TABLE)).toContain(
      "'order_by' is an option of tables in ClickHouse, and this target is Postgres",
    );
  });

  it('allow hashes in text types of any spelling', () => {
    for (const type of ['text', 'String', 'LowCardinality(Nullable(String))', 'FixedString(64)', 'varchar(255)'])
      expect(refusal({ hash: ['c'] }, { c: { name: 'c', data_type: type } })).toBe('');
    expect(refusal({ hash: ['c'] }, { c: { name: 'c', data_type: 'FixedString(32)' } })).not.toBe('');
  });

  it('default to flushes of five seconds, 100,000 rows and 24 MiB', () => {
    expect(target({}).flush).toEqual({ rows: 100_000, bytes: 24 * 1024 * 1024, ageMs: 5000 });
    expect(target({ flush: { age: '1s' } }).flush).toMatchObject({ rows: 100_000, ageMs: 1000 });
  });

  it('replicate on a cluster, and where the database replicates by itself', () => {
    const upsert = target({
      mode: 'upsert',
      key: ['id'],
      engine: "ReplicatedReplacingMergeTree('/p/{shard}', '{replica}')",
    });
    const [database, table] = createTable(upsert, { cluster: 'main', databaseEngine: 'Atomic' });
    expect(database).toBe('CREATE DATABASE IF NOT EXISTS `loaded_tables` ON CLUSTER `main`');
    expect(table).toContain('CREATE TABLE IF NOT EXISTS `loaded_tables`.`t` ON CLUSTER `main` (');
    expect(table).toContain("ENGINE = ReplicatedReplacingMergeTree('/p/{shard}', '{replica}', _offset, _deleted)");
    expect(table).toContain('SETTINGS replicated_deduplication_window=10000');
    const inside = createTable(target({}), { cluster: 'main', databaseEngine: 'Replicated' }).join('\n');
    expect(inside).toContain('ENGINE = ReplicatedMergeTree\n');
    expect(inside).not.toContain('ON CLUSTER');
  });
});

describe.skipIf(clickhouseMissing !== null)('a table that the loader creates in ClickHouse', () => {
  let adapter: ClickHouseAdapter;
  beforeAll(() => {
    adapter = clickhouseAdapter(SCHEMA);
  });
  afterAll(async () => {
    await adapter?.close();
  });
  const rows = async (sql: string, fetch = true): Promise<unknown[][]> => {
    const session = adapter.session({ name: 'test' });
    try {
      return (await session.execute(sql, { fetch })).table.rows.map((row) => [...row.values]);
    } finally {
      await session.release();
    }
  };
  const made = async (load: object): Promise<string> => {
    await rows(`drop table if exists ${SCHEMA}.t`, false).catch(() => undefined);
    for (const sql of createTable(target(load), ALONE)) await rows(sql, false);
    return String(
      (await rows(`select create_table_query from system.tables where database = '${SCHEMA}' and name = 't'`))[0]![0],
    );
  };

  it("has what an append config contains, and the loader's columns", async () => {
    const ddl = await made({
      order_by: ['kind', 'toDate(at)', 'id'],
      primary_key: 'kind',
      partition_by: 'toYYYYMM(at)',
      ttl: "toDateTime(at) + interval 7 day to volume 'default', toDateTime(at) + interval 90 day",
      settings: { index_granularity: 4096, storage_policy: 'default' },
    });
    for (const part of [
      "`at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(3))",
      '`kind` LowCardinality(String)',
      '`secret` Nullable(String) TTL toDateTime(at) + toIntervalDay(1)',
      '`anything` Nullable(String)',
      '`document` JSON',
      "`processing_ts` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')",
      '`_rest` String',
      '`_topic` LowCardinality(String)',
      '`_partition` Int32',
      '`_offset` UInt64',
      "`_kafka_ts` DateTime64(3, 'UTC')",
      '`_load_id` LowCardinality(String)',
      '`_deleted` Bool',
      'INDEX tsdbt_offset _offset TYPE minmax GRANULARITY 1',
      'ENGINE = MergeTree PARTITION BY (toYYYYMM(at)) PRIMARY KEY (kind) ORDER BY (kind, toDate(at), id)',
      "TO VOLUME 'default'",
      'non_replicated_deduplication_window = 10000',
      'index_granularity = 4096',
    ])
      expect(ddl).toContain(part);
  });

  it('is ordered by the position in the topic if the config has no order', async () => {
    expect(await made({})).toContain('ORDER BY (_topic, _partition, _offset)');
    expect(await made({ key: ['id'] })).toContain('ENGINE = MergeTree ORDER BY (id)');
  });

  it('replaces rows by their key in upsert mode, and hides deleted ones', async () => {
    expect(await made({ mode: 'upsert', key: ['kind', 'id'], order_by: ['id', 'kind'] })).toContain(
      'ENGINE = ReplacingMergeTree(_offset, _deleted) ORDER BY (id, kind)',
    );
    await rows(
      `insert into ${SCHEMA}.t (id, kind, anything, _offset, _deleted) values (1, 'a', 'old', 1, 0), ` +
        "(1, 'a', 'new', 3, 0), (2, 'a', 'gone', 2, 0), (2, 'a', null, 4, 1)",
      false,
    );
    expect(await rows(`select toString(id), anything from ${SCHEMA}.t final`)).toEqual([['1', 'new']]);
  });
});
