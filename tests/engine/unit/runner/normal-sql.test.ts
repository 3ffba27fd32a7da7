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
  ['select 1 from generate_series(1, 2) g, t', ['t']],
  ['select 1 from (a join b using (id)) x', ['a', 'b']],
  ['select arr from t array join arr as item', ['t']],
  ['select 1 from `t` final where id in ids', ['t', 'ids']],
  ["select 'from x' from $$from y$$, z", ['z']],
  ['select 1 from (select 1 from (select 1 from deep)) s group by a, b', ['deep']],
  ['select 1 from (select 1 as one) s, raw.hidden h', ['raw.hidden']],
  ['select 1 from a left join b on a.x = b.x and f(a.y, 1) > 0, c order by d, e', ['a', 'b', 'c']],
  ['select 1 from "order" o, "where" w where 1 = 1', ['order', 'where']],
  ['select 1 from settings, format, "window" limit 1', ['settings', 'format', 'window']],
  ['select 1 from t array join x as y, z as w settings max_threads = 1, limit = 2', ['t']],
  ['select 1 from t array join x as y, z as w join u on true', ['t', 'u']],
  ['select a, b from t window w as (order by c), v as (order by d)', ['t']],
  ['from t select a, b', ['t']],
  ['table raw.hidden', ['raw.hidden']],
  ['select 1 union all table only h', ['h']],
  ['with c as (table h) select 1 from c', ['h']],
  ['select 1 where a in (raw.hidden) and b in (1, c) and d in (null)', ['raw.hidden']],
  ['select name as table, b from t', ['t']],
])('relations that a query names: %s', (sql, expected) => {
  expect(namedRelations(sql).sort()).toEqual([...expected].sort());
});
