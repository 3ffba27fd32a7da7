// Tests where CTEs of ephemeral models are inserted. The expected texts come from dbt.compilation.inject_ctes_into_sql
// of dbt-core 1.12.6.
import { describe, expect, it } from 'vitest';
import { injectCtes } from '../../../../src/compiler/inject-ctes.ts';

const CTE = { id: 'model.p.x', sql: ' __dbt__cte__x as (\nselect 2\n)' };

describe('injectCtes', () => {
  it.each([
    ['a query without WITH gets one', 'select 1', 'with __dbt__cte__x as (\nselect 2\n) select 1'],
    [
      'blanks in front stay, text behind the first statement goes',
      ' -- c\nselect 1; x',
      ' with __dbt__cte__x as (\nselect 2\n) -- c\nselect 1; ',
    ],
    [
      'WITH RECURSIVE stays in front',
      'WITH recursive a as (select 1) select 1',
      'WITH recursive  __dbt__cte__x as (\nselect 2\n), a as (select 1) select 1',
    ],
    [
      'a comment between WITH and the first name is no word',
      'with /* recursive */ a as (select 1)',
      'with  __dbt__cte__x as (\nselect 2\n), /* recursive */ a as (select 1)',
    ],
    [
      'a WITH in a string or in parentheses does not count',
      "select 'with' from (with a as (select 1) select * from a) x",
      "with __dbt__cte__x as (\nselect 2\n) select 'with' from (with a as (select 1) select * from a) x",
    ],
  ])('handles this case: %s', (_what, sql, expected) => {
    expect(injectCtes(sql, [CTE]).sql).toBe(expected);
  });

  it('separates CTEs by commas, and leaves the query unchanged without CTEs', () => {
    expect(injectCtes('select 1', [CTE, { id: 'y', sql: ' __dbt__cte__y as (\nselect 3\n)' }]).sql).toBe(
      'with __dbt__cte__x as (\nselect 2\n),  __dbt__cte__y as (\nselect 3\n) select 1',
    );
    expect(injectCtes('select 1; select 2', [])).toEqual({ sql: 'select 1; select 2', at: 0, length: 0 });
  });

  it('reports where it put the CTEs, so that later positions can be mapped back', () => {
    const query = 'with a as (select 1) select * from a';
    const { sql, at, length } = injectCtes(query, [CTE]);
    expect(sql.slice(0, at) + sql.slice(at + length)).toBe(query);
  });
});
