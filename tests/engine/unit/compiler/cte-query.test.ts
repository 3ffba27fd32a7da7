// Tests how the query of a unit test is cut to one CTE.
import { describe, expect, it } from 'vitest';
import { cteQuery } from '../../../../src/compiler/cte-query.ts';

const cut = (sql: string, name: string): unknown => cteQuery(sql, name, 'plain');

describe('a query of one CTE', () => {
  it('keeps all CTEs, whatever they are named', () => {
    const sql =
      'with update as (select 1 as a), "a""b" (x) as materialized (select a from update) select * from "a""b"';
    expect(cut(sql, 'update')).toEqual({
      sql: sql.replace(/select \* from "a""b"$/, '').trimEnd() + '\nselect * from update',
    });
    expect(cut(sql, 'a"b')).toEqual({
      sql: sql.replace(/select \* from "a""b"$/, '').trimEnd() + '\nselect * from "a""b"',
    });
  });

  it('knows the CTEs of a recursive query and scalars of ClickHouse', () => {
    const recursive =
      'with recursive t(n) as (values (1) union all select n + 1 from t where n < 9) select max(n) from t';
    expect(cut(recursive, 'T')).toEqual({ sql: recursive.replace(' select max(n) from t', '\nselect * from t') });
    const scalars =
      "with (select max(a) from b) as most, toDate('2024-01-01') as day, c as (select 1) select most, day from c";
    expect(cteQuery(scalars, 'c', 'escaped')).toEqual({
      sql: scalars.replace(' select most, day from c', '\nselect * from c'),
    });
    expect(cteQuery(scalars, 'x', 'escaped')).toEqual({ known: ['c'] });
  });

  it('names no CTE in texts, comments and subqueries', () => {
    expect(cut("select 'with a as (select 1)' as t", 'a')).toEqual({ known: [] });
    expect(
      cut('/* with a as (select 1) */ with b as (with a as (select 1) select * from a) select * from b', 'a'),
    ).toEqual({
      known: ['b'],
    });
  });
});
