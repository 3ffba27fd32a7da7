// Publications into Iceberg tables of a real REST catalog over a real object store: what pyiceberg and ClickHouse read,
// what a repeat does, how columns change, what retention ends, which files go when told. Publishers that compete and
// are killed: iceberg-commits.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoreLab } from '../publish/store-lab.ts';
import {
  clickhouseAdapter,
  clickhouseFolder,
  clickhouseMissing,
  textsOf,
  withOpenClickhouse,
} from '../support/clickhouse.ts';
import { ACCESS_KEY, NO_STORE, SECRET_KEY } from '../support/s3-server.ts';
import { GuardedCatalog } from './guarded-catalog.ts';
import { IcebergLab } from './iceberg-lab.ts';
import { run } from '../support/program.ts';
import { TokenServer } from './token-server.ts';

describe.skipIf(NO_STORE !== null)(`a publication to Iceberg${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  let ice: IcebergLab;
  let lab: StoreLab;
  beforeAll(async () => {
    ice = await IcebergLab.open();
    lab = ice.store;
  }, 600_000);
  afterAll(() => ice?.close());
  const read = (table: string) => ice.read(table);

  it('contains the rows once, and adds, widens and drops columns by id', async () => {
    const publish = { to: 'ice', table: 'marts.sessions' };
    lab.model(
      'select 1 as id, 12.50::numeric(10, 2) as price, ' +
        "timestamptz '2026-11-23 07:08:09.123456+02' as at, 'ü' as name " +
        'union all select 2, null::numeric(10, 2), null, null',
      publish,
    );
    await lab.run('build');
    const first = await read('marts.sessions');
    expect(first.columns).toEqual(['1 id int', '2 price decimal(10, 2)', '3 at timestamptz', '4 name string']);
    expect([...first.rows].sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      { id: 1, price: '12.50', at: '2026-11-23 05:08:09.123456+00:00', name: 'ü' },
      { id: 2, price: null, at: null, name: null },
    ]);
    expect(await lab.run('publish')).toContain('NO-OP');
    expect((await read('marts.sessions')).snapshots).toBe(1);
    lab.model('select 3::bigint as id, 1.5::numeric(12, 2) as price, true as fresh', publish);
    await lab.run('build');
    const second = await read('marts.sessions');
    expect(second.columns).toEqual(['1 id long', '2 price decimal(12, 2)', '5 fresh boolean']);
    expect(second.rows).toEqual([{ id: 3, price: '1.50', fresh: true }]);
    expect(second.snapshots).toBe(2);
    // Columns that it has had before are the earlier schema.
    for (const [columns, expected] of [
      ['1 as a', ['1 a int']],
      ['1 as a, 2 as b', ['1 a int', '2 b int']],
      ['1 as a', ['1 a int']],
    ] as const) {
      lab.model(`select ${columns}`, { to: 'ice', table: 'marts.back' });
      await lab.run('build');
      expect((await read('marts.back')).columns).toEqual(expected);
    }
    expect((await ice.history('marts.back')).map((each) => each['schema-id'])).toEqual([0, 1, 0]);
    expect((await ice.history('marts.back')).map(({ summary }) => summary['total-data-files'])).toEqual([
      '1',
      '1',
      '1',
    ]);
  }, 300_000);

  it('replaces changed partitions, and drops expired ones', async () => {
    const publish = {
      to: 'ice',
      table: 'marts.days',
      mode: 'partitions',
      partition_by: ['day(at)', 'country'],
      retention: '90 days',
    };
    const model = (first: number, last: number, mark: number): void =>
      lab.model(
        "select g as day, ((current_date - g) + time '12:00')::timestamp at time zone 'UTC' as at, " +
          `case g % 3 when 0 then 'DE' when 1 then 'a/b' end as country, ` +
          `case g when 1 then ${mark} else 0 end as mark ` +
          `from generate_series(${first}, ${last}) g`,
        publish,
      );
    model(0, 91, 0);
    await lab.run('build');
    const first = await read('marts.days');
    expect(new Set(first.rows.map(({ day }) => day))).toEqual(new Set(Array.from({ length: 91 }, (_, day) => day)));
    const before = new Set(await lab.keys('wh/marts/days/data/'));
    model(0, 3, 7);
    await lab.run('build');
    const second = await read('marts.days');
    expect(second.rows.length).toBe(91);
    expect(second.rows.filter(({ mark }) => mark === 7).map(({ day }) => day)).toEqual([1]);
    const after = await lab.keys('wh/marts/days/data/');
    expect(after.filter((key) => !before.has(key)).length).toBe(1);
    const sql = lab.project.read('models/m.sql').replace(/^.*\n/, '');
    lab.model(sql, { ...publish, retention: '30 days' });
    await lab.run('build');
    expect((await read('marts.days')).rows.length).toBe(31);
    // Other partitions are refused before a row is sent.
    const files = await lab.keys('wh/marts/days/');
    for (const [mode, parts] of [
      ['partitions', ['day(at)']],
      ['replace', ['country']],
      ['append', []],
    ] as const) {
      lab.model(sql, { to: 'ice', table: publish.table, mode, partition_by: parts.length === 0 ? null : parts });
      const { code, out } = await lab.project.run(['build']);
      expect(code).toBe(1);
      expect(out).toContain(
        "'marts.days' is not published: it is partitioned by at_day, country, and 'partition_by' says otherwise",
      );
    }
    expect(await lab.keys('wh/marts/days/')).toEqual(files);
  }, 300_000);

  it.skipIf(clickhouseMissing !== null)(
    'contains the rows of a ClickHouse table by partition',
    async () => {
      const profiles = lab.project.read('profiles.yml');
      lab.project.write({
        'profiles.yml':
          `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
          'schema: ch_to_iceberg, threads: 2}}}\n',
      });
      try {
        const publish = {
          to: 'ice',
          table: 'marts.from_clickhouse',
          mode: 'partitions',
          partition_by: ['day(at)', 'country', 'code'],
        };
        const rows = (mark: number): string =>
          "select toUInt32(number) as id, toDateTime64('2026-11-23 23:30:00.5', 3, 'Asia/Tokyo') - interval " +
          'number day as at, cast(if(number = 1, null, ' +
          `'ü') as LowCardinality(Nullable(String))) as country, toUInt8(200) as code, ` +
          "toDecimal64('1.5', 2) as price, toFixedString('ab', 2) as bytes, " +
          "toUInt64('18446744073709551615') as large, " +
          `${mark} * (number = 1) as mark from numbers(3)`;
        for (const mark of [0, 7]) {
          lab.model(rows(mark), publish);
          await lab.run('build');
        }
        const { columns, rows: found, snapshots } = await read('marts.from_clickhouse');
        expect(columns).toEqual([
          '1 id long',
          '2 at timestamptz',
          '3 country string',
          '4 code int',
          '5 price decimal(18, 2)',
          '6 bytes binary',
          '7 large decimal(20, 0)',
          '8 mark int',
        ]);
        expect([...found].sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual(
          [0, 1, 2].map((id) => ({
            id,
            at: `2026-11-${23 - id} 14:30:00.500000+00:00`,
            country: id === 1 ? null : 'ü',
            code: 200,
            price: '1.50',
            bytes: "b'ab'",
            large: '18446744073709551615',
            mark: id === 1 ? 7 : 0,
          })),
        );
        expect(snapshots).toBe(2);
        expect((await lab.keys('wh/marts/from_clickhouse/data/')).length).toBe(4);
        expect(await lab.run('publish')).toContain('NO-OP');
        // Another time in each query.
        const sql = 'select number as id, now64(9)::String as at from numbers(4)';
        lab.model(sql, { to: 'ice', table: 'marts.moving', mode: 'append' });
        lab.project.write({ 'models/m.sql': sql });
        const { code, out } = await lab.project.run(['build']);
        expect([code, out.includes('its rows changed while they were read')], out).toEqual([1, true]);
        expect(await ice.snapshots('marts.moving')).toEqual([]);
        expect(await lab.keys('wh/marts/moving/data/')).toEqual([]);
      } finally {
        lab.project.write({ 'profiles.yml': profiles });
      }
    },
    300_000,
  );

  it('expires snapshots by age and number, and removes their files only if configured', async () => {
    const table = 'marts.kept';
    const publish = { to: 'ice', table, snapshots: { keep: 2, older_than: '1ms' } };
    const publishAll = async (version: number): Promise<void> => {
      lab.model(`select ${version} as version`, publish);
      await lab.run('build');
    };
    for (const version of [1, 2]) await publishAll(version);
    const [first] = await ice.snapshots(table);
    await ice.change(table, [{ action: 'set-snapshot-ref', 'ref-name': 'v1', type: 'tag', 'snapshot-id': first }]);
    for (const version of [3, 4, 5]) await publishAll(version);
    const left = await ice.snapshots(table);
    expect(left.length).toBe(3);
    expect(left[0]).toBe(first);
    // What another has left, of which no snapshot knows; what is no file of Iceberg's; and what may be at work.
    for (const key of ['data/left.parquet', 'metadata/left-m0.avro', 'data/notes.txt'])
      await lab.store.put(`wh/marts/kept/${key}`, Buffer.from('x'));
    const orphans = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await lab.project.run(['publish', ...args, '--output', 'json']);
      return (JSON.parse(stdout).files as { file: string }[]).map(({ file }) => file);
    };
    expect(await orphans('--list-orphans')).toEqual([]);
    lab.server.age(4 * 86_400_000);
    await lab.store.put('wh/marts/kept/data/young.parquet', Buffer.from('x'));
    const before = await lab.keys('wh/marts/kept/');
    const listed = await orphans('--list-orphans');
    // Of versions 2 and 3: rows, manifest, list.
    expect(listed.length).toBe(2 * 3 + 2);
    expect(listed).toContain('wh/marts/kept/data/left.parquet');
    expect(listed).toContain('wh/marts/kept/metadata/left-m0.avro');
    expect(await lab.keys('wh/marts/kept/')).toEqual(before);
    expect(await orphans('--list-orphans', '--older-than', '5 days')).toEqual([]);
    expect(await lab.run('publish', '--remove-orphans')).toContain('that no snapshot names: removed');
    expect(await lab.keys('wh/marts/kept/')).toEqual(before.filter((key) => !listed.includes(key)));
    expect((await read(table)).rows).toEqual([{ version: 5 }]);
    expect((await ice.read(table, String(first))).rows).toEqual([{ version: 1 }]);
    const young = await lab.project.run(['publish', '--remove-orphans', '--older-than', '1h']);
    expect(young.code).toBe(2);
    expect(young.out).toContain("'--older-than' must be a time of at least a day, such as 3d, found '1h'");
  }, 300_000);

  it('leaves the files of others and of a renamed table, and all files if the table says so', async () => {
    const publish = { to: 'ice', table: 'marts.name', snapshots: { keep: 1, older_than: '1ms' } };
    const publishAll = async (version: number): Promise<void> => {
      lab.model(`select ${version} as version`, publish);
      await lab.run('build');
    };
    for (const version of [1, 2]) await publishAll(version);
    const [source, destination] = ['name', 'renamed'].map((name) => ({ namespace: ['marts'], name }));
    await ice.ask('tables/rename', { source, destination });
    for (const version of [3, 4, 5]) await publishAll(version);
    expect((await ice.snapshots('marts.name')).length).toBe(2);
    await ice.script('iceberg_append.py', 'marts.name', JSON.stringify([{ version: 6 }]));
    lab.server.age(4 * 86_400_000);
    await ice.change('marts.name', [{ action: 'set-properties', updates: { 'gc.enabled': 'false' } }]);
    const refused = await lab.project.run(['publish', '--remove-orphans']);
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain("No files of 'marts.name' are removed: its property 'gc.enabled' is false");
    await ice.change('marts.name', [{ action: 'remove-properties', removals: ['gc.enabled'] }]);
    const { stdout } = await lab.project.run(['publish', '--remove-orphans', '--output', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ removed: true, files: { length: 3 } });
    expect(new Set((await read('marts.name')).rows.map(({ version }) => version))).toEqual(new Set([5, 6]));
    expect((await read('marts.renamed')).rows).toEqual([{ version: 2 }]);
  }, 300_000);

  it.skipIf(clickhouseMissing !== null)(
    'is read by ClickHouse: partitions, changed columns, a replaced version',
    () =>
      withOpenClickhouse(async (_server, path) => {
        const adapter = clickhouseAdapter('default', { path });
        const rows = (columns: string, where = 'true'): Promise<string[][]> =>
          textsOf(
            adapter,
            `select ${columns} from icebergS3('${lab.server.endpoint}/lake/wh/marts/read/', '${ACCESS_KEY}', ` +
              `'${SECRET_KEY}') where ${where} order by 1`,
          );
        try {
          const publish = { to: 'ice', table: 'marts.read', mode: 'partitions', partition_by: ['day(at)', 'country'] };
          const model = (columns: string, last: number): void =>
            lab.model(
              `select g as id, ${columns}, timestamptz '2026-11-23 07:08:09.123456+02' + g * interval '1 day' as at, ` +
                `case g % 3 when 0 then 'DE' when 1 then 'a/b' end as country from generate_series(1, ${last}) g`,
              publish,
            );
          model("(g / 4.0)::numeric(10, 2) as price, 'ü' || g as name", 4);
          await lab.run('build');
          expect(await rows("id, price, name, toUnixTimestamp64Micro(at), ifNull(country, 'null')")).toEqual(
            [1, 2, 3, 4].map((id) => [
              String(id),
              (id / 4).toFixed(2),
              `ü${id}`,
              String((BigInt(Date.UTC(2026, 10, 23 + id, 5, 8, 9)) * 1000n + 123456n).toString()),
              { 0: 'DE', 1: 'a/b' }[id % 3] ?? 'null',
            ]),
          );
          model("(g / 4.0)::numeric(12, 2) as price, 'new' as name, true as fresh", 1);
          await lab.run('build');
          const read = (await ice.read('marts.read')).rows;
          expect(await rows("id, price, name, ifNull(toString(fresh), 'null')")).toEqual(
            [...read]
              .sort((a, b) => Number(a['id']) - Number(b['id']))
              .map(({ id, price, name, fresh }) => [id, price, name, fresh].map(String)),
          );
          expect(read.length).toBe(4);
          expect(await rows('id', "country = 'DE'")).toEqual([['3']]);
          expect(await rows('id', "at < '2026-11-25'")).toEqual([['1']]);
          expect(await rows('count()')).toEqual([['4']]);
        } finally {
          await adapter.close();
        }
      }),
    300_000,
  );

  it('is tested by debug, which reports what is wrong with catalog or store', async () => {
    const asked = async (own: Readonly<Record<string, string>>): Promise<unknown> => {
      ice.connect(own);
      const { dir, env } = lab.project;
      const place = { cwd: dir, env: { ...process.env, DBT_PROFILES_DIR: dir, ...env } };
      const { code, out } = await run(['debug', '--connection', 'ice', '--no-use-colors'], place);
      return [code, out];
    };
    const { uri } = ice.catalog;
    expect(await asked({})).toEqual([
      0,
      expect.stringContaining(`ice: [OK ${uri}, ${lab.server.endpoint}, bucket lake`),
    ]);
    expect(await asked({ bucket: 'absent' })).toEqual([1, expect.stringContaining('absent')]);
    expect(await asked({ uri: 'http://127.0.0.1:9' })).toEqual([1, expect.stringContaining('cannot be reached')]);
    ice.connect();
  });

  it('sends a token of client credentials to the catalog, and requests another when it is revoked', async () => {
    const tokens = await TokenServer.start();
    const guard = await GuardedCatalog.start(ice.catalog.uri, tokens);
    const env = lab.project.env;
    const place = { uri: guard.uri, 'oauth2-server-uri': tokens.url };
    const credential = "{{ env_var('ICE_CREDENTIAL') }}";
    const said: string[] = [];
    const build = async (code: number, ...args: string[]): Promise<string> => {
      const ended = await lab.project.run(['build', '--debug', ...args]);
      said.push(ended.out, lab.project.read('logs-target/dbt.log'));
      expect(`${ended.code} ${ended.out}`).toMatch(new RegExp(`^${code} `));
      return ended.out;
    };
    try {
      lab.project.env = { ...env, ICE_CREDENTIAL: `${tokens.client}:${tokens.secret}` };
      ice.connect({ ...place, credential, scope: 'PRINCIPAL_ROLE:ALL' });
      lab.model('select 1 as id', { to: 'ice', table: 'marts.guarded' });
      await build(0);
      expect(tokens.asked.map(({ size }) => size)).toEqual([4]);
      expect(tokens.asked[0]?.get('scope')).toBe('PRINCIPAL_ROLE:ALL');
      guard.most = 2;
      await build(0);
      expect(guard.refused).toBeGreaterThan(0);
      expect(tokens.asked.length).toBeGreaterThan(2);
      expect((await read('marts.guarded')).rows).toEqual([{ id: 1 }]);
      guard.most = 0;
      expect(await build(1)).toContain('refuses GET v1/config: who are you?');
      lab.project.env = { ...env, ICE_CREDENTIAL: `${tokens.client}:geheim-falsch` };
      expect(await build(1)).toContain(`gives client ${tokens.client} no token (HTTP 401, invalid_client)`);
      lab.project.env = { ...env, ICE_CREDENTIAL: 'geheim-allein' };
      expect(await build(1)).toContain("'credential' of connection 'ice' must be an id and a secret");
      ice.connect(place);
      expect(await build(1)).toContain("'oauth2-server-uri' of connection 'ice' needs 'credential'");
      for (const secret of [tokens.secret, 'geheim-falsch', 'geheim-allein', ...tokens.given])
        expect(said.filter((text) => text.includes(secret))).toEqual([]);
    } finally {
      lab.project.env = env;
      ice.connect();
      await guard.close();
      await tokens.close();
    }
  }, 300_000);

  it('to a table of others, or with an unavailable catalog, fails with one sentence', async () => {
    lab.model('select 1 as id', { to: 'ice', table: 'marts.others' });
    lab.project.write({
      'models/other.sql':
        "{{ config(materialized='table', meta={'tsdbt': {'publish': {'to': 'ice', " +
        "'table': 'marts.sessions'}}}) }} select 1 as id",
    });
    const { code, out } = await lab.project.run(['build', '-s', 'other']);
    expect(code).toBe(1);
    expect(out).toContain("'marts.sessions' is not published: it holds publication.faults.m.ice_marts_sessions");
    lab.project.remove('models/other.sql');
    ice.connect({ uri: 'http://127.0.0.1:9' });
    const away = await lab.project.run(['build']);
    expect(away.code).toBe(1);
    expect(away.out).toContain("The catalog 'ice' at http://127.0.0.1:9 cannot be reached");
    ice.connect();
  }, 300_000);
});
