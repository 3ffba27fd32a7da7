// Tests unit test rows whose types have no short name in the catalogue: bit(n), arrays, user-defined types, tuples.
import { expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

const SQL = '{format: sql, rows: "select B\'101\' as b"}';
const ROWS = "{rows: [{b: '101'}]}";
const given = (fixture: string): string => fixture.replace('{', "{input: ref('up'), ");
const unitTest = (name: string, input: string, expected: string): string =>
  `  - {name: ${name}, model: m, given: [${given(input)}], expect: ${expected}}\n`;

it('the rows of a unit test keep every bit of a bit(n) column in each format', async () => {
  const project = await FaultProject.open({
    'models/up.sql': "{{ config(materialized='table') }} select B'111'::bit(3) as b, B'1'::bit(5) as other",
    'models/m.sql': "select b from {{ ref('up') }}",
    'models/tests.yml':
      'unit_tests:\n' +
      unitTest('rows_rows', ROWS, ROWS) +
      unitTest('sql_rows', SQL, ROWS) +
      unitTest('rows_sql', ROWS, SQL) +
      unitTest('sql_sql', SQL, SQL) +
      unitTest('differs', SQL, "{rows: [{b: '100'}]}"),
  });
  try {
    await project.run(['run']);
    const { out } = await project.run(['test']);
    expect(out).toMatch(/PASS=4 WARN=0 ERROR=1/);
    expect(out).toMatch(/FAIL 1 m::differs/);
  } finally {
    await project.close();
  }
});

/** A column of a type, a value of it in SQL, and the same value in YAML. */
type Fixture = readonly [type: string, sql: string, ...yaml: string[]];

const POSTGRES: readonly Fixture[] = [
  ['integer[]', "'{1,NULL}'", '[1, null]', "'{1,NULL}'"],
  ['integer[]', "'{ {1,2},{3,4} }'", '[[1, 2], [3, 4]]'],
  ['integer[]', "'{}'", '[]', "'{}'"],
  ['text[]', `'{"it''s",b}'`, `["it's", b]`, `"{it's,b}"`],
  ['varchar(2)[]', "'{ab}'", '[ab]'],
  ['bit(3)[]', "'{101}'", "['101']"],
  ['numeric(5,2)[]', "'{1.50}'", '[1.5]'],
  ['boolean[]', "'{t,f}'", '[true, false]'],
  ['date[]', "'{2024-01-02}'", "['2024-01-02']"],
  ['odd."Mood"', "'sad'", 'sad'],
  ['odd."Mood"[]', "'{sad}'", '[sad]', '[]'],
  ['odd.positive', '3', '3', "'3'"],
  ['jsonb', `'{"a": [1, null]}'`, '{a: [1, null]}', `'{"a": [1, null]}'`],
  ['jsonb', "'[1, true]'", '[1, true]', "'[1, true]'"],
  ['int4range', "'[1,5)'", "'[1,5)'"],
];
const CLICKHOUSE: readonly Fixture[] = [
  ['Array(Int32)', '[1, 2]', '[1, 2]', "'[1,2]'"],
  ['Array(Nullable(String))', `['it\\'s', NULL]`, `["it's", null]`],
  ['Array(Array(UInt8))', '[[1], []]', '[[1], []]'],
  ['Array(Bool)', '[true, false]', '[true, false]'],
  ['Array(String)', '[]', '[]', "'[]'"],
  ['Tuple(a Int32, b String)', "(1, 'x')", '[1, x]', `"(1,'x')"`],
  ['Array(Tuple(Int32, String))', "[(1, 'x')]", '[[1, x]]'],
  ['Map(String, Int32)', "map('a', 1)", '{a: 1}'],
  ["Enum8('a' = 1, 'b' = 2)", "'b'", 'b'],
];

it.each([
  ['Postgres', null, POSTGRES, () => FaultProject.open({})],
  ['ClickHouse', clickhouseMissing, CLICKHOUSE, () => ClickhouseLab.open({})],
] as const)(
  'YAML values in unit tests on %s are the values of their columns',
  async (_name, missing, fixtures, open) => {
    if (missing !== null) return;
    const project = await open();
    try {
      if (project instanceof FaultProject)
        await project.rows(
          `do $$ begin create schema odd; create type odd."Mood" as enum ('sad'); ` +
            'create domain odd.positive as int check (value > 0); end $$',
        );
      const columns = fixtures.map(([type, sql], index) => `cast(${sql} as ${type}) as c${index}`).join(', ');
      const rows = (at: number): string =>
        `[{${fixtures
          .map(([, , ...yaml], index) => `c${index}: ${yaml[at] ?? yaml[0]}`)
          .filter((_, index) => at === 0 || fixtures[index]!.length > 3)
          .join(', ')}}]`;
      project.write({
        'models/up.sql': `{{ config(materialized='table') }} {% raw %}select ${columns}{% endraw %}`,
        'models/m.sql': "select * from {{ ref('up') }}",
        'models/tests.yml':
          'unit_tests:\n' +
          [0, 1]
            .map(
              (at) =>
                `  - {name: t${at}, model: m, given: [{input: ref('up'), rows: ${rows(at)}}], ` +
                `expect: {rows: ${rows(at)}}}\n`,
            )
            .join('') +
          `  - name: sql\n    model: m\n    given: [{input: ref('up'), rows: ${rows(0)}}]\n` +
          `    expect: {format: sql, rows: ${JSON.stringify(`select ${columns}`)}}\n`,
      });
      await project.run(['run']);
      const { code, out } = await project.run(['test']);
      expect(code, out).toBe(0);
      expect(out).toContain('PASS=3');
    } finally {
      await project.close();
    }
  },
);

/** A column, the value that the model returns, and one that its type rounds or wraps to the same. */
const CHANGED: readonly (readonly [postgres: string, clickHouse: string, value: string, expected: string])[] = [
  ['integer', 'Int32', '2', '2.4'],
  ['bigint', 'Nullable(Int64)', '-2', '-2.4'],
  ['numeric(10,2)', 'Decimal(10, 2)', '1.25', '1.254'],
  ['smallint', 'UInt8', '44', '300'],
  ['smallint', 'UInt8', '255', '-1'],
];

it.each([
  ['Postgres', null, () => FaultProject.open({})],
  ['ClickHouse', clickhouseMissing, () => ClickhouseLab.open({})],
] as const)(
  'a unit test on %s fails if its expected number is another one in the column',
  async (name, missing, open) => {
    if (missing !== null) return;
    const project = await open();
    const type = (row: (typeof CHANGED)[number]): string => row[name === 'Postgres' ? 0 : 1];
    const columns = CHANGED.map((row, index) => `cast(${row[2]} as ${type(row)}) as c${index}`).join(', ');
    const expected = CHANGED.flatMap(([, , value, other], index) => [
      `  - {name: is_${index}, model: m, given: [], expect: {rows: [{c${index}: ${value}}]}}`,
      `  - {name: is_csv_${index}, model: m, given: [], expect: {format: csv, rows: "c${index}\\n${value}"}}`,
      `  - {name: not_${index}, model: m, given: [], expect: {rows: [{c${index}: ${other}}]}}`,
    ]);
    try {
      project.write({
        'models/m.sql': `select ${columns}`,
        'models/tests.yml': `unit_tests:\n${expected.join('\n')}\n`,
      });
      await project.run(['run']);
      const { out } = await project.run(['test']);
      expect(out).toMatch(/PASS=10 WARN=0 ERROR=5/);
      expect(out.match(/FAIL 1 m::not_/g)).toHaveLength(5);
    } finally {
      await project.close();
    }
  },
);
