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
  postgres: { i: 'integer', t: 'text', f: 'double precision', n: 'numeric', at: 'timestamp', j: 'jsonb' },
  clickhouse: {
    i: 'Nullable(Int32)',
    t: 'Nullable(String)',
    f: 'Nullable(Float64)',
    n: 'Nullable(Decimal(9, 2))',
    at: 'Nullable(DateTime)',
    j: 'LowCardinality(Nullable(String))',
  },
};
const VALUES: Readonly<Record<string, readonly string[]>> = {
  i: ['-1', '0', '7'],
  t: ["''", "'a'", "'A'", "' '", "'it''s'", "'a  b'", "'--'"],
  f: ['0', "'-0'", "'nan'", "'inf'", '1.5'],
  n: ['1.0', '1.00', '2.5'],
  at: ["'2026-01-01 00:00:00'", "'2026-01-02 00:00:00'"],
  j: ["'{}'", "'[1]'", "'[1 ]'"],
};
const WHERES = ['i > 0', "t <> 'x) or (1=1'", 'i is null or f < 3', "t in ('a', ' -- ')"];
const COLUMNS = Object.keys(VALUES);

/** A model with rows, and its properties with tests. @param batched whether the tests share statements */
export function randomTests(dialect: Dialect, seed: number, batched: boolean): Record<string, string> {
  const random = randomly(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const nulls = pick([0, 0.2]);
  const [repeats, size] = [pick([0, 0.3]), pick([0, 1, 12])];
  const types = TYPES[dialect];
  const rows = Array.from({ length: size }, (_, row) =>
    COLUMNS.map((column) => {
      const fresh: Readonly<Record<string, string>> = {
        i: `${row + 10}`,
        t: `'t${row}'`,
        f: `${row}.25`,
        n: `${row}.75`,
        at: `'2026-02-${String(row + 1).padStart(2, '0')} 00:00:00'`,
        j: `'[${row}]'`,
      };
      const value =
        random() < nulls ? 'null' : random() < repeats ? pick(VALUES[column] ?? ['null']) : (fresh[column] ?? 'null');
      return `cast(${value} as ${types[column]}) as ${column}`;
    }).join(', '),
  );
  const nothing = COLUMNS.map((column) => `cast(null as ${types[column]}) as ${column}`);
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
    const list = pick([['a', 'b'], ['1', '2', '7'], ['']]).map((value) => JSON.stringify(value));
    const quoted = ['t', 'j'].includes(column) ? true : null;
    const each = [
      `{not_null: {name: nn_${column}${config()}}}`,
      `{unique: {name: un_${column}${config()}}}`,
      ...(quoted === null
        ? [`{accepted_values: {name: av_${column}, arguments: {values: [1, 7, 10], quote: false}${config()}}}`]
        : [`{accepted_values: {name: av_${column}, arguments: {values: [${list.join(', ')}]}${config()}}}`]),
      ...(column === 'i'
        ? [`{relationships: {name: rel_i, arguments: {to: "ref('parent')", field: id}${config()}}}`]
        : []),
    ];
    return `      - {name: ${column}, data_tests: [${each.join(', ')}]}\n`;
  });
  return {
    'models/parent.sql': "{{ config(materialized='table') }} select 10 as id union all select 11 union all select 12",
    'models/m.sql': `select * from (\n${all.join('\nunion all ')}\n) as rows_of_it`,
    'models/m.yml':
      `models:\n  - name: m\n    config: {materialized: table, meta: {tsdbt: {batch_tests: ${batched}}}}\n` +
      `    columns:\n${tests.join('')}`,
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
