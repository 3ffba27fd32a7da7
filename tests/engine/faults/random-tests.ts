// Random tables with what is hard to compare, and random generic tests of them, for both databases.
import { readFileSync } from 'node:fs';
import type { Dialect } from './audited.ts';

/** Numbers from 0 to 1, the same for a seed. */
function randomly(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TYPES: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgres: {
    i: 'integer',
    t: 'text',
    f: 'double precision',
    n: 'numeric',
    at: 'timestamp',
    j: 'jsonb',
    u: 'uuid',
    a: 'integer[]',
  },
  clickhouse: {
    i: 'Nullable(Int32)',
    t: 'Nullable(String)',
    f: 'Nullable(Float64)',
    n: 'Nullable(Decimal(9, 2))',
    at: 'Nullable(DateTime)',
    j: 'LowCardinality(Nullable(String))',
    u: 'Nullable(UUID)',
    a: 'Array(Nullable(Int32))',
  },
};
const UUID = '00000000-0000-0000-0000-00000000000';
/** Both databases read them as an array. */
const LISTS: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ["'{}'", "'{1,2}'", "'{2,1}'", "'{1,null}'"],
  clickhouse: ["'[]'", "'[1,2]'", "'[2,1]'", "'[1,NULL]'"],
};
/** Columns of the other relation: of the same type, of a wider one, of another sign, and one that has NULL. */
const PARENT: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ['integer', 'bigint', 'smallint', 'text', 'double precision'],
  clickhouse: ['Int32', 'Int64', 'UInt8', 'Nullable(String)', 'Float64'],
};
const VALUES: Readonly<Record<string, readonly string[]>> = {
  i: ['-1', '0', '7'],
  t: ["''", "'a'", "'A'", "' '", "'it''s'", "'a  b'", "'--'"],
  f: ['0', "'-0'", "'nan'", "'inf'", '1.5'],
  n: ['1.0', '1.00', '2.5'],
  at: ["'2026-01-01 00:00:00'", "'2026-01-02 00:00:00'"],
  j: ["'{}'", "'[1]'", "'[1 ]'"],
  u: [`'${UUID}a'`, `'${UUID}A'`],
  a: [],
};
const WHERES = ['i > 0', "t <> 'x) or (1=1'", 'i is null or f < 3', "t in ('a', ' -- ')"];
const COLUMNS = Object.keys(VALUES);

/** Each name of a test once. */
export const TESTS_OF_EACH = 33;

/** A model with rows, and its properties with tests. @param batched whether the tests share statements */
export function randomTests(dialect: Dialect, seed: number, batched: boolean): Record<string, string> {
  const random = randomly(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const nulls = pick([0, 0.2]);
  const [repeats, size] = [pick([0, 0.3]), pick([0, 1, 12, 12, 12])];
  // Without NULL ClickHouse has types of their own.
  const types = Object.fromEntries(
    Object.entries(TYPES[dialect]).map(([name, type]) => [
      name,
      nulls > 0 ? type : type.replace(/^(LowCardinality\()?Nullable\((.*?\)?)\)/, '$1$2'),
    ]),
  );
  // What comes again does so far from where it was.
  const again = random() < 0.5;
  const rows = Array.from({ length: size }, (_, place) => {
    const row = again && place === size - 1 ? 0 : place;
    return COLUMNS.map((column) => {
      const fresh: Readonly<Record<string, string>> = {
        i: `${row + 10}`,
        t: `'t${row}'`,
        f: `${row}.25`,
        n: `${row}.75`,
        at: `'2026-02-${String(row + 1).padStart(2, '0')} 00:00:00'`,
        j: `'[${row}]'`,
        u: `'${UUID.slice(0, -2)}${String(row + 10)}0'`,
        a: LISTS[dialect][1]!.replace('1', String(row + 10)),
      };
      const usual = column === 'a' ? LISTS[dialect] : (VALUES[column] ?? []);
      const isNull = random() < nulls && !types[column]?.startsWith('Array(');
      const value = isNull ? 'null' : random() < repeats ? pick(usual) : (fresh[column] ?? 'null');
      return `cast(${value} as ${types[column]}) as ${column}`;
    }).join(', ');
  });
  const none: Readonly<Record<string, string>> = {
    f: '0',
    n: '0',
    i: '0',
    at: "'2026-01-01 00:00:00'",
    u: `'${UUID}0'`,
  };
  const nothing = COLUMNS.map((column) => {
    const value = column === 'a' ? LISTS[dialect][0] : (none[column] ?? "'{}'");
    return `cast(${value} as ${types[column]}) as ${column}`;
  });
  const empty = `select ${nothing.join(', ')} where 1 = 0`;
  const all = [empty, ...rows.map((row) => `select ${row}`)];
  const config = (): string => {
    const parts = [
      random() < 0.3 ? `where: "${pick(WHERES)}"` : '',
      random() < 0.3 ? `warn_if: "${pick(['> 0', '> 1', '= 0', '>= 2'])}"` : '',
      random() < 0.3 ? `error_if: "${pick(['> 0', '> 2', '= 0'])}"` : '',
      random() < 0.2 ? 'severity: warn' : '',
      random() < 0.2 ? `limit: ${pick([1, 2, 500])}` : '',
      random() < 0.1 ? 'fail_calc: "count(*) + 0"' : '',
    ].filter((part) => part !== '');
    return parts.length > 0 ? `, config: {${parts.join(', ')}}` : '';
  };
  const tests = COLUMNS.map((column) => {
    // Values of another type are an error of Postgres's, of the statement as a whole.
    const lists: Readonly<Record<string, readonly string[][]>> = {
      at: [['2026-01-01 00:00:00', '2026-02-01 00:00:00']],
      j: [['{}', '[1]', '[0]']],
      t: [['a', 'b'], ['1', '2', '7'], ['']],
    };
    const list = pick(lists[column] ?? [['']]).map((value) => JSON.stringify(value));
    const texts = `{accepted_values: {name: av_${column}, arguments: {values: [${list.join(', ')}]}${config()}}}`;
    const numbers = `{accepted_values: {name: av_${column}, arguments: {values: [1, 7, 10], quote: false}${config()}}}`;
    const refers = (name: string, to: string, field: string): string =>
      `{relationships: {name: rel_${name}, arguments: {to: "ref('${to}')", field: ${field}}${config()}}}`;
    const references: Readonly<Record<string, readonly string[]>> = {
      i: [refers('i', 'parent', 'id'), refers('wide', 'parent', 'wide'), refers('small', 'parent', 'small')],
      t: [refers('t', 'parent', 'txt'), refers('self', 'm', 't')],
      f: [refers('f', 'parent', 'f')],
      [dialect === 'postgres' ? 'u' : 'j']: [
        dialect === 'postgres' ? refers('j', 'm', 'u') : refers('j', 'parent', 'txt'),
      ],
    };
    const each = [
      `{not_null: {name: nn_${column}${config()}}}`,
      `{unique: {name: un_${column}${config()}}}`,
      ...(['u', 'a'].includes(column) ? [] : [column in lists ? texts : numbers]),
      ...(references[column] ?? []),
    ];
    return `      - {name: ${column}, data_tests: [${each.join(', ')}]}\n`;
  });
  const combined = ['i, t', 't, u', 'n, at', 'f, i'].map(
    (columns, at) => `      - {several: {name: several_${at}, arguments: {columns: "${columns}"}${config()}}}\n`,
  );
  const parents = [10, 11, 12].map((id) => {
    const given = [id, id, id, id === 11 ? 'null' : id === 10 ? "'t1'" : "'a'", id - 10 + 0.25];
    const names = ['id', 'wide', 'small', 'txt', 'f'];
    return `select ${given.map((value, at) => `cast(${value} as ${PARENT[dialect][at]}) as ${names[at]}`).join(', ')}`;
  });
  return {
    'tests/generic/several.sql':
      '{% test several(model, columns) %}\nwith validation_errors as (\n  select {{ columns }}\n  from {{ model }}\n' +
      '  group by {{ columns }}\n  having count(*) > 1\n)\nselect *\nfrom validation_errors\n{% endtest %}\n',
    'models/parent.sql': `{{ config(materialized='table') }} ${parents.join(' union all ')}`,
    'models/m.sql': `select * from (\n${all.join('\nunion all ')}\n) as rows_of_it`,
    'models/m.yml':
      `models:\n  - name: m\n    config: {materialized: table, meta: {tsdbt: {batch_tests: ${batched}}}}\n` +
      `    data_tests:\n${combined.join('')}    columns:\n${tests.join('')}`,
  };
}

/** Status, failures and message of each test, by name. */
export function testResults(dir: string): Record<string, string> {
  const { results } = JSON.parse(readFileSync(`${dir}/target/run_results.json`, 'utf8')) as {
    results: { unique_id: string; status: string; failures: number | null; message: string | null }[];
  };
  return Object.fromEntries(
    results
      .filter(({ unique_id: id }) => id.startsWith('test.'))
      .map(({ unique_id: id, status, failures, message }) => [
        id.split('.')[2] ?? id,
        `${status} ${failures} ${message?.split('\n')[0]}`,
      ])
      .sort(),
  );
}
