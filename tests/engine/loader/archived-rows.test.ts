// What `archived_rows` compiles to on ClickHouse, and what it refuses; its rows are those of the example of the lake.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_DATABASES } from '../support/any-project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';

const SOURCES = `sources:
  - name: raw
    schema: raw
    config: {meta: {tsdbt: {load: {topic: clicks, archive: {connection: lake, path: "it's/{topic}/{day}"}}}}}
    tables:
      - name: shared
      - name: own
        config: {meta: {tsdbt: {load: {topic: [a, b], archive: {connection: lake, path: "x/{topic}/h={hour}/"}}}}}
      - name: parquet
        config: {meta: {tsdbt: {load: {archive: {connection: lake, path: "x/", format: parquet}}}}}
  - {name: plain, schema: raw, tables: [{name: none}]}
`;

describe.each(['postgres', 'clickhouse'] as const)('archived_rows on %s', (type) => {
  const missing = type === 'clickhouse' ? clickhouseMissing : null;
  let dir: string;
  let close: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    if (missing !== null) return;
    dir = mkdtempSync(join(tmpdir(), 'tsdbt-archived-'));
    const server = await PROJECT_DATABASES[type].open();
    close = server.close;
    mkdirSync(join(dir, 'models'));
    writeFileSync(join(dir, 'dbt_project.yml'), 'name: p\nconfig-version: 2\nprofile: p\n');
    writeFileSync(join(dir, 'models/sources.yml'), SOURCES);
    writeFileSync(
      join(dir, 'profiles.yml'),
      JSON.stringify({ p: { target: 't', outputs: { t: { ...server.credentials, schema: 'a', threads: 1 } } } }),
    );
  });
  afterAll(async () => {
    await close();
    if (missing === null) rmSync(dir, { recursive: true, force: true });
  });
  const compile = async (call: string, ...args: string[]): Promise<Ended & { sql: string }> => {
    writeFileSync(join(dir, 'models/m.sql'), `select * from {{ ${call} }} as files`);
    const ended = await run(['compile', '--no-use-colors', '--profiles-dir', dir, ...args], { cwd: dir });
    const sql = ended.code === 0 ? readFileSync(join(dir, 'target/compiled/p/models/m.sql'), 'utf8') : '';
    return { ...ended, sql };
  };

  it.skipIf(missing !== null || type === 'postgres')('names folder, columns and collection', async () => {
    expect((await compile("archived_rows(source('raw', 'shared'), {'id': 'Int64'})")).sql).toBe(
      `select * from (select * from s3("lake", filename = 'it\\'s/clicks/*/p*.ndjson.gz', format = 'JSONEachRow', ` +
        `structure = '"_topic" LowCardinality(String), "_partition" Int32, "_offset" Int64, ` +
        `"_kafka_ts" Nullable(DateTime64(3, \\'UTC\\')), "_key" Nullable(String), "id" Int64') settings ` +
        "date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1) as files",
    );
    const other = "archived_rows(source('raw', 'own'), {}, collection='other')";
    expect((await compile(other)).sql).toContain(`s3("other", filename = 'x/*/h=*/p*.ndjson.gz'`);
  });

  it.skipIf(missing !== null || type === 'postgres')('takes columns out of the value of Parquet files', async () => {
    const { sql } = await compile("archived_rows(source('raw', 'parquet'), {'id': 'Int64', '_value': 'String'})");
    expect(sql).toBe(
      `select * from (select "_topic", "_partition", "_offset", "_kafka_ts", "_key", "_value", ` +
        `JSONExtract(ifNull(_value, ''), 'id', 'Int64') as "id" from s3("lake", filename = 'x/p*.parquet', ` +
        `format = 'Parquet', structure = '"_topic" LowCardinality(String), "_partition" Int32, "_offset" Int64, ` +
        `"_kafka_ts" Nullable(DateTime64(3, \\'UTC\\')), "_key" Nullable(String), "_value" Nullable(String)') ` +
        "settings date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1) as files",
    );
  });

  it.skipIf(missing !== null || type === 'postgres')('refuses a source without an archive', async () => {
    const { code, out } = await compile("archived_rows(source('plain', 'none'), {})");
    expect([code, out]).toEqual([2, expect.stringContaining('`raw`.`none` has no archive')]);
  });

  it.skipIf(type !== 'postgres')('is refused', async () => {
    const { code, out } = await compile("archived_rows(source('raw', 'shared'), {'id': 'Int64'})");
    expect([code, out]).toEqual([2, expect.stringContaining('this target is of type postgres')]);
  });
});
