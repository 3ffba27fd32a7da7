// Holds the lineage of the cases against the real Postgres: a change of a column that is neither source nor use of an
// output column leaves its values, and a change of a column that is passed on changes them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLineageDialect } from '../../../src/lineage/create-dialect.ts';
import { FaultProject } from '../faults/project.ts';
import { CASES, TABLES } from './postgres-cases.ts';
import { casesOf, noEngine, parentsOf } from './written-lineage.ts';

const DATA = `
set statement_timeout = '2s';
create table a (id int, x int, y int, s text, tags int[], j jsonb);
create table b (id int, a_id int, v int, d timestamp);
create table c (id int, b_id int, w int);
create table q ("Id" int, "x y" int, "a""b" int);
create table d (id int);
insert into a select i, i * 3 % 7, i * 5 % 11, 'k' || i % 4, array[i, i % 3], jsonb_build_object('k', i)
  from generate_series(1, 12) i;
insert into b select i, i % 6 + 1, i * 7 % 5, timestamp '2024-01-01' + i * interval '40 days'
  from generate_series(1, 12) i;
insert into b values (13, 1, 9, null);
insert into c select i, i % 5 + 1, i * 11 % 13 from generate_series(1, 12) i;
insert into q select i, i * 2, i * 3 from generate_series(1, 5) i;
insert into d select generate_series(1, 3);`;

/** Changes of columns that are not integers. */
const CHANGES: Readonly<Record<string, string>> = {
  s: "s || 'z'",
  tags: 'tags || 9',
  j: `j || '{"k": 99}'`,
  d: "d + interval '400 days'",
};
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Queries whose rows depend on an order or the clock, or are without end. */
const NOT_REPEATED = /tablesample|limit|offset|now\(\)|current_date|over|recursive|distinct on|ctid/;

let project: FaultProject;
beforeAll(async () => {
  project = await FaultProject.open({});
  await project.client.query(DATA);
});
afterAll(async () => {
  await project?.close();
});

/** The sorted values of each output column after a change, which is undone; null: the server rejects the query. */
async function valuesOf(sql: string, change = 'select 1'): Promise<string[] | null> {
  await project.client.query(`begin; ${change}`);
  try {
    const { rows, fields } = await project.client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return fields.map((_, at) => JSON.stringify(rows.map((row) => JSON.stringify(row[at])).sort()));
  } catch {
    return null;
  } finally {
    await project.client.query('rollback');
  }
}

it('the lineage of the cases is that of the server', { timeout: 120_000 }, async () => {
  const dialect = await createLineageDialect('postgres', noEngine);
  const parents = parentsOf(TABLES);
  const wrong: string[] = [];
  let [kept, passedOn] = [0, 0];
  for (const [sql] of Object.values(CASES).flatMap(casesOf)) {
    const { columns, uses } = await dialect.columns(sql, parents);
    const before = NOT_REPEATED.test(sql) ? null : await valuesOf(sql);
    if (before === null || before.length !== columns.length) continue;
    for (const [table, names] of Object.entries(TABLES)) {
      for (const name of names) {
        const value = (table !== 'a' && name !== 'd' ? undefined : CHANGES[name]) ?? `${quoted(name)} + 50`;
        const after = await valuesOf(sql, `update ${table} set ${quoted(name)} = ${value}`);
        if (after === null) continue;
        columns.forEach(({ column, reason, sources, uses: own }, at) => {
          if (reason !== null) return;
          const isThis = (each: { readonly node: string; readonly column: string }): boolean =>
            each.column === name && each.node.split('.').at(-1) === table;
          const changed = after[at] !== before[at];
          const source = sources.find(isThis);
          if (source === undefined) {
            if ([...uses, ...own].some(isThis)) return;
            kept++;
            if (changed) wrong.push(`${sql}: ${column} follows ${table}.${name}`);
          } else if (['identical', 'renamed', 'cast'].includes(source.kind) && before[at] !== '[]') {
            passedOn++;
            if (!changed) wrong.push(`${sql}: ${column} does not follow ${table}.${name}`);
          }
        });
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(kept).toBeGreaterThan(2_000);
  expect(passedOn).toBeGreaterThan(100);
});
