// Tests unit tests without the model's parents in the database: types come from the declared columns, or else from the
// rows. With the parents, dbt's behaviour applies.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

let project: FaultProject;
const unitTest = (name: string, given: string, expected: string): string => `
  - name: ${name}
    model: m
    given:
      - input: source('raw', 'orders')
        rows:
${given}
      - input: ref('rates')
        rows: [{currency: EUR, rate: 1.5}]
    expect:
      rows:
${expected}`;

beforeAll(async () => {
  project = await FaultProject.open({
    'models/m.sql':
      "select o.id, o.amount * r.rate as amount, o.at, o.note || '!' as note from {{ source('raw', 'orders') " +
      "}} o join {{ ref('rates') }} r on true",
    'models/rates.sql': "select 'EUR'::text as currency, 1.5::numeric as rate",
    'models/both.sql': "select a.x || b.x as x from {{ ref('two', v=1) }} a, {{ ref('two', version=2) }} b",
    'models/two_v1.sql': "select 'a' as x",
    'models/two_v2.sql': "select 'b' as x",
    'models/m.yml':
      `
models:
  - name: two
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
    columns: [{name: x, data_type: text}]
sources:
  - name: raw
    tables:
      - name: orders
        columns: [{name: id, data_type: bigint}, {name: amount, data_type: "numeric(10,2)"}, {name: at, ` +
      `data_type: timestamptz}, {name: Odd, quote: true}]
unit_tests:${unitTest(
        'declared',
        `          - {id: 1, amount: null, at: null}
          - {id: 5000000000, amount: 2.25, at: '2026-01-01 00:00:00+00', note: a}`,
        `          - {id: 5000000000, amount: 3.375, note: 'a!'}
          - {id: 1, amount: null, note: null}`,
      )}
  - name: two_versions
    model: both
    given: [{input: "ref('two', v=1)", rows: [{x: c}]}, {input: "ref('two', v=2)", rows: [{x: d}]}]
    expect: {rows: [{x: cd}]}
  - name: nothing_known
    model: m
    given: [{input: "source('raw', 'orders')", rows: []}, {input: ref('rates'), rows: []}]
    expect: {rows: []}
`,
  });
});
afterAll(async () => {
  await project.close();
});

it('a unit test runs on declared types and on those of the rows, nulls first, without any relation', async () => {
  const { code, out } = await project.run(['test', '--select', 'declared']);
  expect(code, out).toBe(0);
  expect(await project.one("select count(*) from pg_namespace where nspname = 'raw'")).toBe('0');
});

it('a unit test accepts rows for two versions of one model', async () => {
  const { code, out } = await project.run(['test', '--select', 'two_versions']);
  expect(code, out).toBe(0);
});

it('a unit test reports what is missing when nothing is known of an input', async () => {
  const { code, out } = await project.run(['test', '--select', 'nothing_known']);
  expect(code).toBe(1);
  expect(out).toMatch(
    /Not able to get columns for unit test 'rates' from relation .* because the relation doesn't exist/,
  );
});

it('a unit test uses the types of the relation if it exists', async () => {
  await project.client.query('create schema if not exists raw; create table raw.orders (id int, amount text)');
  const { code, out } = await project.run(['test', '--select', 'declared']);
  expect(code).toBe(1);
  expect(out).toContain("Invalid column name: 'at' in unit test fixture for 'orders'");
});
