// Changes of a model with what they mean to a reader. Each line: the SQL before, the SQL after, the reader's SQL, the
// expected changes, and the class for the reader. `$` is the model; indented lines continue the one before.
import type { Dialect } from '../strict/planted-project.ts';

/** Columns of the sources `t` and `u`. */
export const TABLES = {
  t: { id: 'int', x: 'int', y: 'int', s: 'text' },
  u: { id: 'int', t_id: 'int', v: 'int' },
} as const;

const COMMON = `
select id, x from t ;; select  id, /* same */ x from t ;; select id, x from $ ;; ;; none
select id, x from t ;; SELECT id, x FROM t ;; select id from $ ;; ;; none
select id, x from t ;; select id, x, y from t ;; select id from $ ;; y added ;; invisible
select id, x from t ;; select id, x, y from t ;; select * from $ ;; y added ;; additive
select id, x from t ;; select id, x, y + 1 as z from t ;; select id, x from $ ;; z added ;; invisible
select id, x, y from t ;; select id, x from t ;; select id from $ ;; y removed ;; invisible
select id, x, y from t ;; select id, x from t ;; select id, y from $ ;; y removed ;; breaking
select id, x, y from t ;; select id, x from t ;; select * from $ ;; y removed ;; breaking
select id, x, y from t ;; select id, x from t ;; select id from $ where y > 2 ;; y removed ;; breaking
select id, x from t ;; select id, x as z from t ;; select id from $ ;; x renamed to z ;; invisible
select id, x from t ;; select id, x as z from t ;; select x from $ ;; x renamed to z ;; breaking
select id, x + 1 as k from t ;; select id, x + 1 as z from t ;; select id from $ ;; k renamed to z ;; invisible
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select k from $ ;; k values ;; breaking
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select id from $ ;; k values ;; invisible
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select count(1) as n from $ ;; k values ;; invisible
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select id from $ where k > 9 ;; k values ;; breaking
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select distinct k from $ ;; k values ;; breaking
select id, x * 2 as k from t ;; select id, x * 3 as k from t ;; select id, row_number() over (order by k) as n from
  $ ;;
  k values ;; breaking
select id, x as k from t ;; select id, y as k from t ;; select k from $ ;; k values ;; breaking
select id, x as k from t ;; select id, cast(x as bigint) as k from t ;; select k from $ ;; k type ;; breaking
select id, x as k from t ;; select id, cast(x as bigint) as k from t ;; select id from $ ;; k type ;; invisible
select id, x, y from t ;; select y, x, id from t ;; select id, x from $ ;; id order, y order ;; invisible
select id, x from t ;; select x, id from t ;; select id, x from $ union all select id, v from u ;; id order, x
  order ;;
  invisible
select id, x from t ;; select x, id from t ;; select * from $ union all select id, v from u ;; id order, x order ;;
  breaking
select id, x from t ;; select id, x from t where x > 2 ;; select id from $ ;; rows where ;; breaking
select id, x from t where x > 2 ;; select id, x from t where x > 3 ;; select count(*) as n from $ ;; rows where ;;
  breaking
select t.id, t.x from t join u on u.t_id = t.id ;; select t.id, t.x from t left join u on u.t_id = t.id ;;
  select id from $ ;; rows from ;; breaking
select id, x from t ;; select distinct id, x from t ;; select id from $ ;; rows distinct ;; breaking
select distinct x from t ;; select distinct x, y from t ;; select x from $ ;; y added, rows other columns decide ;;
  breaking
select x, count(*) as n from t group by x ;; select x, count(*) as n, max(y) as m from t group by x ;; select x, n
  from $ ;;
  m added ;; invisible
select x, count(*) as n from t group by x ;; select x, count(*) as n from t group by x, y ;; select x from $ ;;
  rows group by ;; breaking
select x, count(*) as n from t group by 1 ;; select x, count(*) as n from t group by x ;; select x, n from $ ;; ;;
  none
select x + 1 as k, count(*) as n from t group by 1 ;; select x + 2 as k, count(*) as n from t group by 1 ;;
  select n from $ ;; k values, rows group by ;; breaking
select id, x from t order by id limit 3 ;; select id, x from t order by id limit 4 ;; select id from $ ;; rows
  limit ;;
  breaking
select id, x from t order by id limit 3 ;; select id, x from t order by y limit 3 ;; select id from $ ;; rows order
  by ;;
  breaking
select id, x from t order by id ;; select id, x from t order by y ;; select id from $ ;; row order ;; invisible
select id, x from t ;; select id, x from t union all select id, v from u ;; select id from $ ;; rows query ;; breaking
select 1 as one from t ;; select 1 as one, count(*) as n from t ;; select one from $ ;; n added, rows aggregated ;;
  breaking
select count(*) as n from t ;; select count(*) as n, sum(x) as m from t ;; select n from $ ;; m added ;; invisible
with a as (select id, x from t) select id, x from a ;; with a as (select id, y as x from t) select id, x from a ;;
  select id from $ ;; x values ;; invisible
with a as (select id, x from t) select id, x from a ;; with a as (select id, y as x from t) select id, x from a ;;
  select x from $ ;; x values ;; breaking
with a as (select id, x from t) select id, x from a ;; with a as (select id, x from t where x > 2) select id, x
  from a ;;
  select id from $ ;; rows where ;; breaking
with a as (select id, x from t) select id from a ;; with a as (select id, x from t), b as (select 1 as q) select id
  from a ;;
  select id from $ ;; ;; none
with a as (select id, x from t) select * from a ;; with a as (select id, x, y from t) select * from a ;;
  select id, x from $ ;; y added ;; invisible
with a as (select * from t) select id, x from a where x > 1 ;; with a as (select id, x, y from t) select id, x from a
  where x > 1 ;; select id from $ ;; ;; none
with a as (select id, x as k from t) select id, k from a ;; with a as (select id, x as z from t) select id, z as k
  from a ;;
  select id, k from $ ;; ;; none
with a as (select id, x as k from t) select id from a where k > 2 ;; with a as (select id, x as z from t) select id
  from a
  where z > 2 ;; select id from $ ;; ;; none
select * from t ;; select id, x, y, s from t ;; select id, s from $ ;; ;; none
select * from t ;; select id, x, s from t ;; select id from $ ;; y removed ;; invisible
select id, case when x > 2 then 'a' else 'b' end as c from t ;; select id, case when x > 3 then 'a' else 'b' end as c
  from t ;; select id from $ ;; c values ;; invisible
select id, unknown_function(x) as k from t ;; select id, unknown_function(y) as k from t ;; select id from $ ;;
  k values, rows several ;; breaking
`;

const POSTGRES = `
select id, x::text as k from t ;; select id, x::varchar(3) as k from t ;; select id from $ ;; k type ;; invisible
select id, x from t ;; select id, x, generate_series(1, x) as n from t ;; select id from $ ;; n added, rows other
  columns decide ;;
  breaking
select id, x * 2 as x from t where x > 1 ;; select id, x * 3 as x from t where x > 1 ;; select id from $ ;; x
  values ;;
  invisible
select distinct on (x) id, x from t order by x, id ;; select distinct on (x) id, x from t order by x, y ;; select x
  from $ ;;
  rows order by ;; breaking
select x as k, count(*) as n from t group by k ;; select y as k, count(*) as n from t group by k ;; select n from $ ;;
  k values, rows other columns decide ;; breaking
select id, x from t order by id ;; select id, x from t order by y ;; select array_agg(id) as l from $ ;; row order ;;
  breaking
select id, "x" from t ;; select id, "x", "y" from t ;; select id, x from $ ;; y added ;; invisible
select id, x is distinct from y as k from t ;; select id, x is distinct from y as k, s from t ;; select k from $ ;;
  s added ;; invisible
select a.id, b.x from t a join t b on a.id = b.y ;; select b.id, b.x from t a join t b on a.id = b.y ;;
  select id from $ ;; id values ;; breaking
select id, x from t ;; select id, x from t union select id, v from u ;; select id from $ ;; rows query ;; breaking
select id, x from t ;; select id, x, (select max(v) from u) as m from t ;; select id from $ ;; m added ;; invisible
with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r ;;
  with recursive r as (select 1 as n union all select n + 1 from r where n < 4) select n from r ;;
  select n from $ ;; rows query ;; breaking
`;

const CLICKHOUSE = `
select id, x + 1 as k, k * 2 as m from t ;; select id, x + 2 as k, k * 2 as m from t ;; select m from $ ;;
  k values, m values ;; breaking
select id, x + 1 as k, k * 2 as m from t ;; select id, x + 2 as k, k * 2 as m from t ;; select id from $ ;;
  k values, m values ;; invisible
select id, x + 1 as k from t where k > 3 ;; select id, x + 2 as k from t where k > 3 ;; select id from $ ;;
  k values, rows k decides ;; breaking
select id, x from t where y > 3 ;; select id, x, 9 as y from t where y > 3 ;; select id from $ ;;
  y added, rows other columns decide ;; breaking
select id, x from t ;; select id, x, arrayJoin([1, 2]) as n from t ;; select id from $ ;; n added, rows several ;;
  breaking
select id, x from t ;; select id, x, arraySum(e -> e + y, [1, 2]) as n from t ;; select id from $ ;; n added ;;
  invisible
select * from t ;; select * except (y) from t ;; select id from $ ;; y removed ;; invisible
select * from t ;; select * replace (y + 1 as y) from t ;; select id, x from $ ;; y type ;; invisible
select id, x from t ;; select id, x from t limit 1 by x ;; select id from $ ;; rows limit ;; breaking
select id, x from t order by id ;; select id, x from t order by y ;; select groupArray(id) as l from $ ;; row order ;;
  breaking
with 2 as n select id, x * n as k from t ;; with 3 as n select id, x * n as k from t ;; select k from $ ;; rows
  with ;;
  breaking
select id, toString(x) as k from t ;; select id, toInt64(x) as k from t ;; select id from $ ;; k type ;; invisible
select x, sum(y) as m from t group by all ;; select x, s, sum(y) as m from t group by all ;; select x from $ ;;
  s added, rows other columns decide ;; breaking
select id, x from t final ;; select id, x from t ;; select id from $ ;; rows from ;; breaking
`;

export interface ImpactCase {
  readonly before: string;
  readonly after: string;
  readonly reader: string;
  readonly changes: string;
  readonly class: string;
}

export function impactCases(dialect: Dialect): ImpactCase[] {
  return `${COMMON}${dialect === 'postgres' ? POSTGRES : CLICKHOUSE}`
    .replaceAll(/\n {2}/g, ' ')
    .split('\n')
    .filter((line) => line.includes(';;'))
    .map((line) => {
      const [before = '', after = '', reader = '', changes = '', found = ''] = line
        .split(';;')
        .map((part) => part.trim());
      return { before, after, reader, changes, class: found };
    });
}
