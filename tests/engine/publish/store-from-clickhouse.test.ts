// Publications of a ClickHouse as Parquet files in a real object store: what ClickHouse reads back, what a repeat does,
// what is refused; and publishers killed while a reader looks. TSDBT_PUBLISH_ROUNDS kills.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import {
  clickhouseAdapter,
  clickhouseFolder,
  clickhouseMissing,
  textsOf,
  withOpenClickhouse,
} from '../support/clickhouse.ts';
import { ACCESS_KEY, NO_STORE, SECRET_KEY } from '../support/s3-server.ts';
import { StoreLab } from './store-lab.ts';

const ROUNDS = Number(process.env['TSDBT_PUBLISH_ROUNDS'] ?? 6);
const SCHEMA = 'ch_to_store';
const MISSING = NO_STORE ?? clickhouseMissing;

describe.skipIf(MISSING !== null)(`the files of a ClickHouse copy${MISSING === null ? '' : ` (${MISSING})`}`, () => {
  let lab: StoreLab;
  let adapter: ClickHouseAdapter;
  beforeAll(async () => {
    lab = await StoreLab.open();
    lab.project.write({
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
        `schema: ${SCHEMA}, threads: 2}}}\n`,
    });
    adapter = clickhouseAdapter(SCHEMA);
  });
  afterAll(async () => {
    await adapter?.close();
    await lab?.close();
  });
  const asked = (sql: string): Promise<string[][]> => textsOf(adapter, sql);

  it('contain values of every type exactly, as ClickHouse reads them', async () => {
    const columns: readonly (readonly [name: string, type: string, read: string, one: string, two: string])[] = [
      ['id', 'Int64', 'Int64', '-9223372036854775808', '9223372036854775807'],
      ['i', 'Nullable(Int32)', 'Nullable(Int32)', '-2147483648', 'null'],
      ['b', 'UInt8', 'UInt8', '255', '0'],
      ['w', 'UInt32', 'UInt32', '4294967295', '0'],
      ['u', 'UInt64', 'Decimal(20, 0)', "'18446744073709551615'", '0'],
      ['n', 'Decimal(38, 9)', 'Decimal(38, 9)', "'-12345678901234567890123456789.123456789'", '1.5'],
      ['m', 'Nullable(Decimal(9, 2))', 'Nullable(Decimal(9, 2))', '-0.05', 'null'],
      ['f', 'Float64', 'Float64', '-inf', '0.1'],
      ['r', 'Nullable(Float32)', 'Nullable(Float32)', '3.4028235e38', 'null'],
      ['t', 'String', 'String', "'a\\tb\\\\c\\nd\\'e\\0Ω'", "'\\\\N'"],
      ['lc', 'LowCardinality(Nullable(String))', 'Nullable(String)', "'x'", 'null'],
      ['fs', 'FixedString(4)', 'FixedString(4)', "unhex('ff00')", "'abcd'"],
      ['e', "Enum8('ä' = -1, 'b' = 2)", 'String', "'ä'", "'b'"],
      ['y', 'Bool', 'Bool', 'true', 'false'],
      ['x', 'Nullable(UUID)', 'Nullable(UUID)', "'11111111-2222-3333-4444-555555555555'", 'null'],
      ['d', 'Date', 'Date', "'2149-06-06'", "'1970-01-01'"],
      ['dd', 'Date32', 'Date32', "'1900-01-01'", "'2299-12-31'"],
      ['z', "DateTime('Europe/Berlin')", "DateTime('Europe/Berlin')", '4294967295', '0'],
      ['at', "DateTime64(3, 'Asia/Tokyo')", "DateTime64(3, 'Asia/Tokyo')", "'1969-12-31 23:59:59.5'", '0'],
      [
        'au',
        "Nullable(DateTime64(6, 'UTC'))",
        "Nullable(DateTime64(6, 'UTC'))",
        "'2299-12-31 23:59:59.999999'",
        'null',
      ],
      ['ip', 'IPv6', 'String', "'::ffff:1'", "'::1'"],
    ];
    const row = (place: 3 | 4): string =>
      columns.map((column) => `cast(${column[place]} as ${column[1]}) as ${column[0]}`).join(', ');
    lab.model(`select ${row(3)} union all select ${row(4)}`, { to: 'lake', path: 'ch/types' });
    await lab.run('build');
    const structure = columns.map(([name, , read]) => `${name} ${read}`).join(', ');
    const [file] = (await lab.manifest('ch/types'))?.files ?? [];
    const files =
      `s3('${lab.server.endpoint}/lake/ch/types/${file?.path}', '${ACCESS_KEY}', '${SECRET_KEY}', 'Parquet', ` +
      `'${structure.replaceAll("'", "\\'")}')`;
    const texts = columns.map(([name]) => `toString(${name}) as ${name}_text`).join(', ');
    const read = await withOpenClickhouse(async (_server, path) => {
      const open = clickhouseAdapter('default', { path });
      try {
        return await textsOf(open, `select ${texts} from ${files} order by id`);
      } finally {
        await open.close();
      }
    });
    expect(read).toEqual(await asked(`select ${texts} from ${SCHEMA}.m order by id`));
    expect(await lab.run('publish')).toContain('NO-OP');
    const { stdout } = await lab.project.run(['publish', '--list', '--output', 'json']);
    expect(JSON.parse(stdout).copies).toMatchObject([{ path: 'ch/types', rows: 2 }]);
  });

  it('are sent for changed partitions, and deleted when retention drops them', async () => {
    const rows = (mark: number): string =>
      "select number as id, toDateTime(toStartOfDay(now('UTC')), 'UTC') - interval number % 5 day as at, " +
      `if(number % 3 = 0, null, if(number % 3 = 1, 'a/b="', '\\t')) as country, if(number = 7, ${mark}, 0) as mark ` +
      'from numbers(30)';
    const publish = { to: 'lake', path: 'ch/days', mode: 'partitions', partition_by: ['day(at)', 'country'] };
    lab.model(rows(0), publish);
    await lab.run('build');
    const before = await lab.manifest('ch/days');
    expect(before?.files.length).toBe(15);
    lab.model(rows(1), publish);
    await lab.run('build');
    const after = await lab.manifest('ch/days');
    const kept = new Set(before?.files.map(({ path }) => path));
    expect(after?.files.filter(({ path }) => kept.has(path)).length).toBe(14);
    const found = await lab.rows('ch/days');
    expect(new Set(found.map(({ id }) => Number(id)))).toEqual(new Set(Array.from({ length: 30 }, (_, i) => i)));
    expect(found.filter(({ mark }) => Number(mark) === 1).map(({ id }) => Number(id))).toEqual([7]);
    lab.model(rows(1), { ...publish, retention: '2 days' });
    await lab.run('build');
    expect((await lab.manifest('ch/days'))?.rows).toBe(18);
  });

  it('with an unsupported type or value are rejected by name', async () => {
    const refused: readonly (readonly [sql: string, message: string])[] = [
      ['select [1] as d', "Column 'd' of type Array(UInt8) cannot be published to Parquet"],
      ['select toInt128(1) as d', 'at most 38 digits; toString(…)'],
      ["select toDecimal256('1', 39) as d", 'at most 38 digits'],
      ["select toDateTime64('2026-01-01', 9, 'UTC') as d", 'DateTime64(6)'],
      ["select unhex('ff') as d", 'a text is UTF-8'],
      ["select map('a', 1) as d", 'it has no equal'],
    ];
    for (const [sql, message] of refused) {
      lab.model(sql, { to: 'lake', path: 'ch/never' });
      const { code, out } = await lab.project.run(['build']);
      expect([code, out.includes(message)], out).toEqual([1, true]);
    }
    expect(await lab.keys('ch/never/')).toEqual([]);
  });

  it('are not switched to if the rows have changed while they were read', async () => {
    // Another time in each query.
    const sql = 'select number as id, number % 2 as part, now64(9)::String as at from numbers(4)';
    for (const more of [{}, { partition_by: 'part' }, { mode: 'partitions', partition_by: 'part' }]) {
      lab.model(sql, { to: 'lake', path: 'ch/moving', ...more });
      lab.project.write({ 'models/m.sql': sql });
      const { code, out } = await lab.project.run(['build']);
      expect([code, out.includes('its rows changed while they were read')], out).toEqual([1, true]);
      expect([(await lab.manifest('ch/moving'))?.version ?? null, await lab.orphans('ch/moving')]).toEqual([null, []]);
    }
    // Another number of rows than the partitions had.
    const growing =
      'select number as id, number % 2 as part from numbers(toUInt64(toUnixTimestamp64Milli(now64(3)) % 1000))';
    lab.model(growing, { to: 'lake', path: 'ch/growing', partition_by: 'part' });
    lab.project.write({ 'models/m.sql': growing });
    const { out } = await lab.project.run(['build']);
    expect(out).toMatch(
      /\d+ of \d+ rows arrived: other sessions change the rows|its rows changed while they were read/,
    );
  });

  it('are one complete version for readers while publishers are killed, and leave nothing', async () => {
    const count = 100_000;
    const model = (version: number): void =>
      lab.model(`select number as id, number % 4 as part, ${version} as version from numbers(${count})`, {
        to: 'lake',
        path: 'ch/read',
        partition_by: 'part',
      });
    model(0);
    await lab.run('build');
    let over = false;
    const wrong: string[] = [];
    let looks = 0;
    const reading = (async () => {
      while (!over) {
        // Files of a manifest stay for one publication more: who is slower begins again.
        const rows = await lab.rows('ch/read').catch(() => null);
        if (rows !== null) {
          looks++;
          const versions = new Set(rows.map(({ version }) => version));
          if (rows.length !== count || versions.size !== 1)
            wrong.push(`${rows.length} rows of ${[...versions].join()}`);
        }
        await pause(50);
      }
    })();
    let disturbed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      model(round);
      await lab.run('run');
      const before = (await lab.manifest('ch/read'))?.run_id;
      const started = lab.project.start(['publish'], `ch-${round}`);
      // From its claim on, a little later each time.
      while (started.child.exitCode === null) {
        const now = await lab.manifest('ch/read');
        if (now?.claim !== null || now.run_id !== before) break;
        await pause(5);
      }
      await Promise.race([started.ended, pause(((round - 1) * 400) / ROUNDS)]);
      if (await lab.disturb(started, round)) disturbed++;
    }
    await lab.run('publish');
    over = true;
    await reading;
    expect(wrong).toEqual([]);
    expect(looks).toBeGreaterThan(0);
    expect(disturbed).toBeGreaterThan(0);
    if (ROUNDS > 6) process.stdout.write(`${looks} looks\n`);
    expect(new Set((await lab.rows('ch/read')).map(({ version }) => Number(version)))).toEqual(new Set([ROUNDS]));
    await lab.run('publish');
    // A trial of the store that was killed goes with a run of an hour later: store-claims.test.ts.
    expect((await lab.orphans('ch/read')).filter((key) => !key.includes('/.tsdbt-'))).toEqual([]);
  }, 3_600_000);
});
