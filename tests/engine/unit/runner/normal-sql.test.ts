// Tests which relations a query is found to read.
import { expect, it } from 'vitest';
import { namedRelations } from '../../../../src/runner/reuse/normal-sql.ts';

it.each([
  ['select 1 from a.b, "c"."D" as d, e f, lateral g(1) where x in (select 1 from h)', ['a.b', 'c.d', 'e', 'h']],
  ['select 1 from "x"."y"."z" join only t on true', ['x.y.z', 't']],
  ["select extract(year from d), trim(both ' ' from n), d is distinct from e from t", ['t']],
  [
    'with recursive a (id) as (select 1 from t), b as not materialized (values (1)) select 1 from a join b on true',
    ['t'],
  ],
  ['with c as (select 1), d as (select 1 from c) select 1 from d, s.c', ['s.c']],
  ['select 1 from generate_series(1, 2) g, t', []],
  ['select 1 from (a join b using (id)) x', ['b']],
  ['select arr from t array join arr as item', ['t']],
  ['select 1 from `t` final where id in ids', ['t', 'ids']],
  ["select 'from x' from $$from y$$, z", []],
  ['select 1 from (select 1 from (select 1 from deep)) s group by a, b', ['deep']],
])('relations that a query names: %s', (sql, expected) => {
  expect(namedRelations(sql)).toEqual(expected);
});
