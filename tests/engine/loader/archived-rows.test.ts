// Tests what `archived_rows` compiles to on ClickHouse, and what it rejects. The lake example tests its rows.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_DATABASES } from '../support/any-project.ts';
import { clickhouseAdapter, clickhouseMissing, textsOf, withOpenClickhouse } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';
import { ACCESS_KEY, NO_STORE, S3Server, SECRET_KEY } from '../support/s3-server.ts';

const SOURCES = `sources:
  - name: raw
    schema: raw
    config: {meta: {tsdbt: {load: {topic: clicks, archive: {connection: lake, path: "it's/{topic}/{day}"}}}}}
    tables:
      - name: shared
      - name: own
        config: {meta: {tsdbt: {load: {topics: [a, b], archive: {connection: lake, path: "x/{topic}/h={hour}/"}}}}}
      - name: compacted
        config: {meta: {tsdbt: {load: {archive: {connection: lake, path: "raw/{topic}/dt={day}/{hour}", compact: {}}}}}}
      - name: daily
        config: {meta: {tsdbt: {load: {archive: {connection: lake, path: "raw/{topic}/dt={day}/{hour}"}}}}}
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

  it.skipIf(missing !== null || type === 'postgres')('names the folder, the columns and the collection', async () => {
    expect((await compile("archived_rows(source('raw', 'shared'), {'id': 'Int64'})")).sql).toBe(
      `select * from (select * from s3("lake", filename = 'it\\'s/clicks/*/p*.ndjson.gz', format = 'JSONEachRow', ` +
        `structure = '"_topic" LowCardinality(String), "_partition" Int32, "_offset" Int64, ` +
        `"_kafka_ts" Nullable(DateTime64(3, \\'UTC\\')), "_key" Nullable(String), "id" Int64') settings ` +
        "date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1) as files",
    );
    const other = "archived_rows(source('raw', 'own'), {}, collection='other')";
    expect((await compile(other)).sql).toContain(`s3("other", filename = 'x/*/h=*/p*.ndjson.gz'`);
  });

  it.skipIf(missing !== null || type === 'postgres')('extracts columns from the value of Parquet files', async () => {
    const { sql } = await compile("archived_rows(source('raw', 'parquet'), {'id': 'Int64', '_value': 'String'})");
    expect(sql).toBe(
      `select * from (select "_topic", "_partition", "_offset", "_kafka_ts", "_key", "_value", ` +
        `JSONExtract(ifNull(_value, ''), 'id', 'Int64') as "id" from s3("lake", filename = 'x/p*.parquet', ` +
        `format = 'Parquet', structure = '"_topic" LowCardinality(String), "_partition" Int32, "_offset" Int64, ` +
        `"_kafka_ts" Nullable(DateTime64(3, \\'UTC\\')), "_key" Nullable(String), "_value" Nullable(String)') ` +
        "settings date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1) as files",
    );
  });

  it.skipIf(missing !== null || type === 'postgres')('omits files that a joined file replaces', async () => {
    const { sql } = await compile("archived_rows(source('raw', 'compacted'), {'id': 'Int64'})");
    expect(sql).toContain(' where _path in (select arrayJoin(');
    expect(sql).toContain(
      "extractGroups(_path, '/\\\\Qraw/clicks/dt=\\\\E([-+0-9]{10}|none)\\\\Q/\\\\E(?:[0-9]{2}|none)" +
        "\\\\Q/\\\\Ep([0-9]+)-([0-9]+)-([0-9]+)(-day)?[.]')",
    );
  });

  it.skipIf(missing !== null || type === 'postgres' || NO_STORE !== null)(
    'reads either a joined file or the files that it replaces',
    async () => {
      const { sql } = await compile("archived_rows(source('raw', 'compacted'), {'id': 'Int64'}, 'archived_once')");
      const daily = await compile("archived_rows(source('raw', 'daily'), {'id': 'Int64'}, 'archived_once')");
      expect(sql).not.toBe('');
      const server = await new S3Server().start();
      await withOpenClickhouse(async (_server, path) => {
        const adapter = clickhouseAdapter('archived_once', { path });
        try {
          const store = server.store();
          const file = (place: string, ids: readonly number[]): Promise<unknown> =>
            store.put(
              `raw/clicks/dt=${place}.ndjson.gz`,
              gzipSync(ids.map((id) => `{"_topic":"clicks","id":${id}}\n`).join('')),
            );
          await file('2026-05-01/05/p00000-00000000000000-00000000000005', [1, 2]);
          await file('2026-05-01/06/p00000-00000000000005-00000000000010', [3]);
          await file('2026-05-01/06/p00000-00000000000010-00000000000015', [4]);
          await file('2026-05-01/05/p00001-00000000000000-00000000000005', [5]);
          await file('2026-05-02/05/p00000-00000000000000-00000000000005', [6]);
          await file('none/none/p00000-00000000000000-00000000000005', [7]);
          await file('2026-05-01/00/p00000-00000000000000-00000000000010-day', [101, 102, 103]);
          await textsOf(
            adapter,
            `create named collection archived_once as url = '${server.endpoint}/lake/', access_key_id = ` +
              `'${ACCESS_KEY}', secret_access_key = '${SECRET_KEY}'`,
          );
          const ids = async (text: string): Promise<number[]> =>
            (await textsOf(adapter, text.replace('select *', 'select id')))
              .flat()
              .map(Number)
              .sort((a, b) => a - b);
          expect(await ids(sql)).toEqual([1, 2, 3, 4, 5, 6, 7]);
          expect(await ids(sql.replace('now() - 300', 'now() + 300'))).toEqual([4, 5, 6, 7, 101, 102, 103]);
          // Days and `none` are no columns, whatever the server makes of folders.
          expect(await ids(daily.sql)).toEqual([1, 2, 3, 4, 5, 6, 7, 101, 102, 103]);
          // A file that somebody else has put there is read, and no error.
          await file('2026-05-03/05/p0-copy', [8]);
          const all = [1, 2, 3, 4, 5, 6, 7, 8];
          expect(await ids(sql)).toEqual(all);
          // What comes between the listing and the reading is not read, as it stands for files that are.
          const slow = ids(sql.replace("'One')) group", "'One') where sleep(1.5) = 0) group"));
          await pause(700);
          await file('2026-05-02/00/p00000-00000000000000-00000000000005-day', [106]);
          expect(await slow).toEqual(all);
        } finally {
          await adapter.close();
          await server.stop();
        }
      });
    },
  );

  it.skipIf(missing !== null || type === 'postgres')('rejects a source without an archive', async () => {
    const { code, out } = await compile("archived_rows(source('plain', 'none'), {})");
    expect([code, out]).toEqual([2, expect.stringContaining('`raw`.`none` has no archive')]);
  });

  it.skipIf(type !== 'postgres')('is rejected on Postgres', async () => {
    const { code, out } = await compile("archived_rows(source('raw', 'shared'), {'id': 'Int64'})");
    expect([code, out]).toEqual([2, expect.stringContaining('this target is of type postgres')]);
  });
});
