// `tsdbt diff` of random tables, whose differences are also counted here, with sets.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { seeded } from '../support/seeded.ts';
import { type DiffLab, openDiffLab } from './lab.ts';

/** A value of each column, in the words of SQL that both dialects read; null is NULL. */
type Row = readonly (string | null)[];
interface Tables {
  readonly here: ReadonlyMap<string, Row>;
  readonly there: ReadonlyMap<string, Row>;
}

/** Columns beside the two of the key, with a value's choices: texts that are written and read alike. */
const COLUMNS = [
  {
    name: 'n',
    postgres: 'numeric(20, 4)',
    clickhouse: 'Decimal(20, 4)',
    values: ['0', '1.5', '-1.5', '100', '0.0001'],
  },
  { name: 'f', postgres: 'float8', clickhouse: 'Float64', values: ['0', '0.1', '1e20', '-2.5', '1e-7', '-0.0'] },
  {
    name: 's',
    postgres: 'text',
    clickhouse: 'String',
    values: [
      '',
      'a',
      'A',
      'tab\there',
      'line\nbreak',
      "it''s",
      'Ω',
      '😀',
      'null',
      'x'.repeat(300),
      `${'x'.repeat(299)}y`,
    ],
  },
  { name: 'b', postgres: 'boolean', clickhouse: 'Bool', values: ['true', 'false'] },
  { name: 'd', postgres: 'date', clickhouse: 'Date32', values: ['1969-12-31', '2026-11-23'] },
  {
    name: 't',
    postgres: 'timestamptz',
    clickhouse: "DateTime64(6, 'UTC')",
    values: ['2026-11-23 10:00:00', '2026-11-23 10:00:00.5', '1970-01-01 00:00:00.000001'],
  },
] as const;
const TEXTS = ['a', 'B', 'é', 'z', '~', '', '😀', '﷐', 'a b', "q''q", 'tab\tkey', 'back\\slash'];

function tables(seed: number): Tables {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const row = (): Row => COLUMNS.map(({ values }) => (random() < 0.2 ? null : pick<string>(values)));
  const here = new Map<string, Row>();
  const there = new Map<string, Row>();
  for (let n = 0; n < 120; n++) {
    const key = JSON.stringify([Math.floor(random() * 200) - 100, pick(TEXTS)]);
    const values = row();
    const dice = random();
    if (dice < 0.9) here.set(key, values);
    if (dice > 0.1)
      there.set(key, random() < 0.6 ? values : values.map((value, at) => (random() < 0.4 ? row()[at]! : value)));
  }
  return { here, there };
}

/** What differs, by comparing values: -0 is 0. */
function expected({ here, there }: Tables) {
  const plain = (value: string | null | undefined) => (value === '-0.0' ? '0' : value);
  const both = [...here].filter(([key]) => there.has(key));
  const differ = COLUMNS.map(
    (_, at) => both.filter(([key, row]) => plain(row[at]) !== plain(there.get(key)![at])).length,
  );
  const changed = both.filter(([key, row]) => row.some((value, at) => plain(value) !== plain(there.get(key)![at])));
  const only = (a: ReadonlyMap<string, Row>, b: ReadonlyMap<string, Row>) => [...a.keys()].filter((key) => !b.has(key));
  return {
    rows: {
      here: here.size,
      there: there.size,
      only_here: only(here, there).length,
      only_there: only(there, here).length,
      differs: changed.length,
    },
    columns: COLUMNS.map(({ name }, at) => ({ name, differs: differ[at]! })),
    keys: {
      only_here: new Set(only(here, there)),
      only_there: new Set(only(there, here)),
      differs: new Set(changed.map(([key]) => key)),
    },
  };
}

type Dialect = 'postgres' | 'clickhouse';

function statements(dialect: Dialect, schema: string, rows: ReadonlyMap<string, Row>): string[] {
  const text = (value: string) => {
    const inner = dialect === 'clickhouse' ? value.replaceAll('\\', '\\\\').replaceAll("''", "\\'") : value;
    return `'${inner}'`;
  };
  const value = (written: string | null, at: number) =>
    written === null
      ? 'null'
      : ['n', 'f', 'b'].includes(COLUMNS[at]!.name) && dialect === 'clickhouse'
        ? written
        : text(written);
  const types = COLUMNS.map((column) => {
    const type = column[dialect];
    return `${column.name} ${dialect === 'clickhouse' ? `Nullable(${type})` : type}`;
  });
  const lines = [...rows].map(([key, row]) => {
    const [k, name]: [number, string] = JSON.parse(key);
    return `(${k}, ${text(name)}, ${row.map(value).join(', ')})`;
  });
  return [
    dialect === 'clickhouse' ? `CREATE DATABASE IF NOT EXISTS ${schema}` : `create schema if not exists ${schema}`,
    `drop table if exists ${schema}.m`,
    dialect === 'clickhouse'
      ? `CREATE TABLE ${schema}.m (k Int64, name String, ${types.join(', ')}) ENGINE = MergeTree ORDER BY tuple()`
      : `create table ${schema}.m (k int, name text, ${types.join(', ')})`,
    `insert into ${schema}.m values ${lines.join(', ')}`,
  ];
}

const PAIRS: readonly { name: string; here: [string, Dialect]; there: [string, Dialect]; targets: [string, string] }[] =
  [
    {
      name: 'two schemas of one Postgres',
      here: ['s', 'postgres'],
      there: ['b', 'postgres'],
      targets: ['dev', 'beside'],
    },
    { name: 'two Postgres databases', here: ['s', 'postgres'], there: ['s', 'postgres'], targets: ['dev', 'away'] },
    {
      name: 'one ClickHouse',
      here: ['diff_r', 'clickhouse'],
      there: ['diff_r_b', 'clickhouse'],
      targets: ['ch', 'ch_beside'],
    },
    {
      name: 'Postgres and ClickHouse',
      here: ['s', 'postgres'],
      there: ['diff_r', 'clickhouse'],
      targets: ['dev', 'ch'],
    },
    {
      name: 'ClickHouse and Postgres',
      here: ['diff_r', 'clickhouse'],
      there: ['s', 'postgres'],
      targets: ['ch', 'away'],
    },
  ];

describe.skipIf(clickhouseMissing !== null)('the diff of random tables', () => {
  let lab: DiffLab;
  beforeAll(async () => {
    lab = await openDiffLab('diff_r');
  });
  afterAll(() => lab.close());

  const write = async (target: string, sqls: readonly string[]) => {
    if (target.startsWith('ch')) return lab.clickhouse(...sqls);
    for (const sql of sqls) await (target === 'away' ? lab.there(sql) : lab.here(sql));
  };

  for (const [place, pair] of PAIRS.entries())
    for (const seed of [1, 2])
      it(`equals the expected sets between ${pair.name}, seed ${seed}`, async () => {
        const drawn = tables(seed * 10 + place);
        const { rows, columns, keys } = expected(drawn);
        await write(pair.targets[0], statements(pair.here[1], pair.here[0], drawn.here));
        await write(pair.targets[1], statements(pair.there[1], pair.there[0], drawn.there));
        const [own, other] = pair.targets;
        const { ended, found } = await lab.diff(
          ...['--select', 'm', '--target', own, '--to-target', other, '--key', 'k,name', '--limit', '1000'],
        );
        expect({ code: ended.code, rows: found.rows, columns: found.columns }, ended.out).toEqual({
          code: 1,
          rows,
          columns,
        });
        const named = (kind: string) =>
          new Set(
            found.sample
              .filter((row) => row.kind === kind)
              .map(({ key: { k, name } }) => JSON.stringify([Number(k), name!.replaceAll("'", "''")])),
          );
        expect({
          only_here: named('only_here'),
          only_there: named('only_there'),
          differs: named('differs'),
        }).toEqual(keys);
        const changes = found.sample.flatMap((row) => row.changes.map(({ column }) => column));
        expect(columns.map(({ name }) => changes.filter((column) => column === name).length)).toEqual(
          columns.map(({ differs }) => differs),
        );
        // The same rows are equal, wherever they are.
        await write(pair.targets[1], statements(pair.there[1], pair.there[0], drawn.here));
        const sorted = () => lab.project.read('logs-target/dbt.log').split(/ order by (?!a\.attnum)/).length;
        const before = sorted();
        const same = await lab.diff('--target', own, '--to-target', other, '--key', 'k', 'name');
        expect(sorted()).toBe(before);
        const { here } = drawn;
        expect({ code: same.ended.code, equal: same.found.equal, rows: same.found.rows }).toEqual({
          code: 0,
          equal: true,
          rows: { here: here.size, there: here.size, only_here: 0, only_there: 0, differs: 0 },
        });
      });
});
