// Column lineage of Postgres queries: the table of cases, reasons of what is not known, and input of any size.
import { describe, expect, it } from 'vitest';
import { createLineageDialect } from '../../../src/lineage/create-dialect.ts';
import { CASES, TABLES } from './postgres-cases.ts';
import { casesOf, noEngine, parentsOf, written } from './written-lineage.ts';

const dialect = await createLineageDialect('postgres', noEngine);
const parents = parentsOf(TABLES);
const lineage = async (sql: string): Promise<string> => written(await dialect.columns(sql, parents));
const reasonOf = async (sql: string): Promise<string | null | undefined> =>
  (await dialect.columns(sql, parents)).columns.find(({ reason }) => reason !== null)?.reason;

for (const [title, table] of Object.entries(CASES)) {
  describe(title, () => {
    it.each(casesOf(table))('%s', async (sql, expected) => {
      expect(await lineage(sql)).toBe(expected);
    });
  });
}

describe('reasons', () => {
  it.each([
    ['select * from u', 'the columns of u are not known'],
    ['select id from b, c', 'column "id" is ambiguous'],
    ['select k from u, d', 'column "k" can be of u or d, whose columns are not known'],
    ['select nothing from c', 'column "nothing" is not found'],
    ['select t.x from a', '"t" is not found in FROM'],
    ['', 'the SQL is empty'],
    ['select 1; select 2', 'the SQL is 2 statements'],
    ['delete from a', 'the SQL is not a SELECT'],
  ])('%s', async (sql, reason) => {
    expect(await reasonOf(sql)).toBe(reason);
  });

  it('give the place of a syntax error', async () => {
    expect(await reasonOf('select x\nfrom a\n  wher y')).toMatch(
      /^the SQL cannot be parsed: .*"y".*, line 3, column 8$/,
    );
    expect(await reasonOf("select 'é', x\nfrom from")).toMatch(/, line 2, column 6$/);
  });
});

describe('large input', () => {
  it('of 10,000 columns', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `c${at}`);
    const { columns } = await dialect.columns(
      `with t as (select * from wide) select ${names.map((name) => `${name} + 1 as ${name}`).join(', ')} from t`,
      parentsOf({ wide: names }),
    );
    expect(columns.length).toBe(10_000);
    expect(columns.at(-1)).toEqual({
      column: 'c9999',
      reason: null,
      sources: [{ node: 'wide', column: 'c9999', kind: 'expression' }],
      uses: [],
    });
  });

  it('of queries that double their columns', async () => {
    const queries = Array.from({ length: 40 }, (_, at) => `c${at + 1} as (select a.*, b.* from c${at} a, c${at} b)`);
    const sql = `with c0 as (select x from a), ${queries.join(', ')} select * from c40`;
    expect(await reasonOf(sql)).toBe('a query has more than 10000 columns');
  });

  it('of 1 MB', async () => {
    const part = 'select x from a where y > 1';
    const sql = `select v as x from b ${`union all ${part} `.repeat(2_000)} -- ${'k'.repeat(1_000_000)}`;
    const result = await lineage(sql);
    expect([result, await reasonOf(sql)]).toSatisfy(
      ([known, reason]) => known === 'x <- a.x:i, b.v:r | f a.y' || reason === 'the SQL is nested too deeply',
    );
    expect(await lineage(`select x from a where s in (${"'abcdefgh', ".repeat(85_000)}'k')`)).toBe(
      'x <- a.x:i | f a.s',
    );
  });

  it('with deep nesting', async () => {
    const nested = (depth: number): string => `select ${'('.repeat(depth)}x${' + 1)'.repeat(depth)} as k from a`;
    expect(await lineage(nested(200))).toBe('k <- a.x:e');
    for (const depth of [5_000, 100_000]) expect(['k <- a.x:e', '? *']).toContain(await lineage(nested(depth)));
    expect(await lineage('select x from a')).toBe('x <- a.x:i');
  });
});
