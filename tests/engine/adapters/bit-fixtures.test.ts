// Unit tests of models with bit(n) columns. The catalogue gives the type without its length, and a cast to it keeps one
// bit.
import { expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const SQL = '{format: sql, rows: "select B\'101\' as b"}';
const ROWS = "{rows: [{b: '101'}]}";
const given = (fixture: string): string => fixture.replace('{', "{input: ref('up'), ");
const unitTest = (name: string, input: string, expected: string): string =>
  `  - {name: ${name}, model: m, given: [${given(input)}], expect: ${expected}}\n`;

it('rows of a unit test keep every bit of a bit(n) column, in each format', async () => {
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
