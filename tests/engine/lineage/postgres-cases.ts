// Queries with the lineage that follows from the meaning of their SQL, one a line: SQL => COLUMNS | USES.
//
// A column is `name <- node.column:kind, … [role node.column, …]`, `?` instead of sources that are not known; the
// uses in brackets are those of the column alone. Kinds: i(dentical), r(enamed), c(ast), e(xpression), a(ggregate),
// w(indow). Roles: f(ilter), j(oin), g(roup), o(rder). Sources and uses are sorted.

/** Columns of the relations that the queries read. `u` has unknown columns, `d` has more than these. */
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  a: ['id', 'x', 'y', 's', 'tags', 'j'],
  b: ['id', 'a_id', 'v', 'd'],
  c: ['id', 'b_id', 'w'],
  q: ['Id', 'x y', 'a"b'],
  d: ['id'],
  u: [],
};

export const CASES: Readonly<Record<string, string>> = {
  'plain selects': `
select x from a => x <- a.x:i
select id, s from a => id <- a.id:i; s <- a.s:i
select x as z from a => z <- a.x:r
select x z from a => z <- a.x:r
select x as y, y as x from a => y <- a.x:r; x <- a.y:r
select a.x from a => x <- a.x:i
select t.x from a t => x <- a.x:i
select t.x from a as t(k, m) => ? x
select k, m, y from a as t(k, m) => k <- a.id:r; m <- a.x:r; y <- a.y:i
select public.a.x from public.a => x <- public.a.x:i
select 1 as one => one <-
select 1 => ?column? <-
select null::int as n => n <-
select x from a where y > 1 => x <- a.x:i | f a.y
select x from a where y > 1 and s = 'k' => x <- a.x:i | f a.s, f a.y
select x from a order by y => x <- a.x:i | o a.y
select x from a order by x limit 3 => x <- a.x:i | o a.x
select x from a limit (select max(v) from b) => x <- a.x:i | f b.v
select x from a offset 2 => x <- a.x:i
select x from a for update => x <- a.x:i
table b => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i
select x from a tablesample system (10) => x <- a.x:i
`,
  expressions: `
select x + y as z from a => z <- a.x:e, a.y:e
select x + 1 as x from a => x <- a.x:e
select x || s as z from a => z <- a.s:e, a.x:e
select -x as x from a => x <- a.x:e
select upper(s) from a => upper <- a.s:e
select coalesce(x, y, 0) from a => coalesce <- a.x:e, a.y:e
select nullif(x, y) from a => nullif <- a.x:e, a.y:e
select greatest(x, y) from a => greatest <- a.x:e, a.y:e
select case when x > 1 then y else id end from a => id <- a.id:e, a.x:e, a.y:e
select case x when 1 then 'k' end as k from a => k <- a.x:e
select x is null as n from a => n <- a.x:e
select x between y and id as k from a => k <- a.id:e, a.x:e, a.y:e
select x in (1, y) as k from a => k <- a.x:e, a.y:e
select s like 'a%' as k from a => k <- a.s:e
select not (x > y) as k from a => k <- a.x:e, a.y:e
select array[x, y] from a => array <- a.x:e, a.y:e
select row(x, y) from a => row <- a.x:e, a.y:e
select tags[x] from a => tags <- a.tags:e, a.x:e
select tags[1:2] as k from a => k <- a.tags:e
select j -> 'k' as k from a => k <- a.j:e
select j ->> s as k from a => k <- a.j:e, a.s:e
select extract(year from d) from b => extract <- b.d:e
select d at time zone 'UTC' as t from b => t <- b.d:e
select substring(s from x for y) from a => substring <- a.s:e, a.x:e, a.y:e
select position('k' in s) from a => position <- a.s:e
select s collate "C" as s from a => s <- a.s:i
select now() as n, current_date from a => n <-; current_date <-
select make_interval(days => x) from a => make_interval <- a.x:e
select x = any(tags) as k from a => k <- a.tags:e, a.x:e
select json_array(select v from b) as k from a => k <- b.v:a
`,
  casts: `
select x::text from a => x <- a.x:c
select cast(x as bigint) as z from a => z <- a.x:c
select x::text::int as x from a => x <- a.x:c
select (x + 1)::text as x from a => x <- a.x:e
select x::text || 'k' as x from a => x <- a.x:e
select date '2020-01-01' => date <-
select s::varchar(10) from a => s <- a.s:c
select sum(x)::int as n from a => n <- a.x:a
select z as x from (select x::text as z from a) t => x <- a.x:c
`,
  CTEs: `
with t as (select x from a) select x from t => x <- a.x:i
with t as (select x as z from a) select z as x from t => x <- a.x:i
with t as (select x as z from a) select z from t => z <- a.x:r
with t(k) as (select x from a) select k from t => k <- a.x:r
with t as (select * from a), r as (select * from t) select y from r => y <- a.y:i
with t as (select x from a where y > 1) select x from t => x <- a.x:i | f a.y
with t as (select x from a), r as (select v from b) select v from r => v <- b.v:i
with t as (with t as (select x from a) select x + 1 as x from t) select x from t => x <- a.x:e
with a as (select y as x from a) select x from a => x <- a.y:r
with b as (select x from a) select b.x from b => x <- a.x:i
with t as (select x from a) select k.x from (with t as (select v as x from b) select x from t) k => x <- b.v:r
with t as (select x from a) select (select max(x) from t) as m => m <- a.x:a
with t as (select id, sum(v) as n from b group by id) select n + 1 as n from t => n <- b.v:a | g b.id
with t as materialized (select x from a) select * from t => x <- a.x:i
with t as (select x from a) select p.x, q.x as z from t p cross join t q => x <- a.x:i; z <- a.x:r
`,
  'recursive CTEs': `
with recursive t as (select id, x from a union all select t.id, t.x + 1 from t) select * from t
  => id <- a.id:i; x <- a.x:e
with recursive t(k) as (select x from a union all select k from t where k < 9) select k from t => k <- a.x:r | f a.x
with recursive t as (select id from a union all select b.id from b join t on t.id = b.a_id) select id from t
  => id <- a.id:i, b.id:i | j a.id, j b.a_id, j b.id
with recursive t(p, q) as (select x, y from a union all select q, p from t) select p, q from t
  => p <- a.x:r, a.y:r; q <- a.x:r, a.y:r
with recursive t(n) as (values (1) union all select n + 1 from t where n < 9) select n from t => n <-
with recursive t(n) as (select x from a union select n from t) select n from t => n <- a.x:r | g a.x
with recursive r as (select x from t), t as (select x from a) select x from r => x <- a.x:i
with recursive t as (select id from a union all select t.id from t) search depth first by id set o select id, o from t
  => id <- a.id:i; o <- a.id:e
`,
  'set operations': `
select x from a union all select v from b => x <- a.x:i, b.v:r
select x from a union select v from b => x <- a.x:i, b.v:r | g a.x, g b.v
select x, y from a intersect select v, id from b => x <- a.x:i; y <- a.y:i | f a.x, f a.y, f b.id, f b.v
select x from a except select v from b => x <- a.x:i | f a.x, f b.v
select x from a except all select v from b => x <- a.x:i | f a.x, f b.v
select x from a where y > 1 union all select v from b where d is null => x <- a.x:i, b.v:r | f a.y, f b.d
select x from a union all select v from b order by x => x <- a.x:i, b.v:r | o a.x, o b.v
select x from a union all select v from b order by 1 limit 3 => x <- a.x:i, b.v:r | o a.x, o b.v
select x from a union all select v from b union all select w from c => x <- a.x:i, b.v:r, c.w:r
(select x from a limit 1) union all (select v from b limit 1) => x <- a.x:i, b.v:r
select z from (select x as z from a union all select sum(v) from b) t => z <- a.x:r, b.v:a
select 1 as k union all select x from a => k <- a.x:r
select id, x from a union all select * from (select id, v from b) t => id <- a.id:i, b.id:i; x <- a.x:i, b.v:r
`,
  subqueries: `
select z from (select x as z from a) t => z <- a.x:r
select t.z + 1 as k from (select x as z from a) t => k <- a.x:e
select t.k from (select x from a) t(k) => k <- a.x:r
select (select v from b limit 1) as k from a => k <- b.v:r
select (select v from b limit 1) from a => v <- b.v:i
select (select max(v) from b) as k from a => k <- b.v:a
select (select v from b where b.a_id = a.id) as k from a => k <- b.v:r [f a.id, f b.a_id]
select (select a.x) as x from a => x <- a.x:i
select x from a where exists (select 1 from b where b.a_id = a.id) => x <- a.x:i | f a.id, f b.a_id
select exists (select 1 from b where v > 1) as k from a => k <- [f b.v]
select x from a where id in (select a_id from b where v > 1) => x <- a.x:i | f a.id, f b.a_id, f b.v
select x from a where id not in (select a_id from b) => x <- a.x:i | f a.id, f b.a_id
select x from a where x > all (select v from b) => x <- a.x:i | f a.x, f b.v
select x in (select v from b) as k from a => k <- a.x:e, b.v:e
select array(select v from b order by d) as k from a => k <- b.v:a [o b.d]
select x, k from a, lateral (select v as k from b where b.a_id = a.id) t => x <- a.x:i; k <- b.v:r | f a.id, f b.a_id
select k from a cross join lateral (select a.x + b.v as k from b) t => k <- a.x:e, b.v:e
select x from a where y = (select max(y) from a t where t.s = a.s) => x <- a.x:i | f a.s, f a.y
select x from a where exists (select 1 from b where exists (select 1 from c where c.b_id = b.id and c.w = a.y))
  => x <- a.x:i | f a.y, f b.id, f c.b_id, f c.w
select (select x from b limit 1) as k from a => k <- a.x:r
select k from (select x as k from a) t where k > 1 => k <- a.x:r | f a.x
`,
  joins: `
select x, v from a join b on b.a_id = a.id => x <- a.x:i; v <- b.v:i | j a.id, j b.a_id
select x, v from a left join b on b.a_id = a.id and v > 1 => x <- a.x:i; v <- b.v:i | j a.id, j b.a_id, j b.v
select x, v from a, b where a.id = b.a_id => x <- a.x:i; v <- b.v:i | f a.id, f b.a_id
select x, v from a cross join b => x <- a.x:i; v <- b.v:i
select id, v from a join b using (id) => id <- a.id:i; v <- b.v:i | j a.id, j b.id
select id from a left join b using (id) => id <- a.id:i | j a.id, j b.id
select id from a right join b using (id) => id <- b.id:i | j a.id, j b.id
select id from a full join b using (id) => id <- a.id:e, b.id:e | j a.id, j b.id
select a.id, b.id as k from a full join b using (id) => id <- a.id:i; k <- b.id:r | j a.id, j b.id
select * from b join c using (id)
  => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i; b_id <- c.b_id:i; w <- c.w:i | j b.id, j c.id
select * from b natural join c
  => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i; b_id <- c.b_id:i; w <- c.w:i | j b.id, j c.id
select id from a join b using (id) join c using (id) => id <- a.id:i | j a.id, j b.id, j c.id
select k.id from a join b using (id) as k => id <- a.id:i | j a.id, j b.id
select t.x from (a join b on a.id = b.a_id) as t(k, x) => x <- a.x:i | j a.id, j b.a_id
select w from a join b on b.a_id = a.id join c on c.b_id = b.id => w <- c.w:i | j a.id, j b.a_id, j b.id, j c.b_id
select p.x, q.x as z from a p join a q on p.id = q.y => x <- a.x:i; z <- a.x:r | j a.id, j a.y
select x from a join (select a_id from b where v > 1) t on t.a_id = a.id => x <- a.x:i | f b.v, j a.id, j b.a_id
select c.* from b full join c on c.b_id = b.id => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i | j b.id, j c.b_id
select x from a left join b on exists (select 1 from c where c.b_id = b.id) => x <- a.x:i | f b.id, f c.b_id
`,
  windows: `
select row_number() over (partition by s order by x) as n from a => n <- [g a.s, o a.x]
select sum(x) over (partition by s) from a => sum <- a.x:w [g a.s]
select sum(x) over () as n, y from a => n <- a.x:w; y <- a.y:i
select lag(x) over w as k from a window w as (partition by s order by y) => k <- a.x:w [g a.s, o a.y]
select lag(x) over (w order by y) as k from a window w as (partition by s) => k <- a.x:w [g a.s, o a.y]
select x - lag(x, 1, y) over (order by id) as k from a => k <- a.x:w, a.y:w [o a.id]
select sum(sum(x)) over (order by s) as k from a group by s => k <- a.x:w [o a.s] | g a.s
select count(*) filter (where x > 1) over (partition by s) as n from a => n <- [f a.x, g a.s]
select x from (select x, row_number() over (partition by s order by y) as n from a) t where n = 1
  => x <- a.x:i | g a.s, o a.y
select rank() over (order by x desc)::text as k from a => k <- [o a.x]
`,
  aggregates: `
select count(*) from a => count <-
select count(x), sum(y) as n from a => count <- a.x:a; n <- a.y:a
select s, max(x) as x from a group by s => s <- a.s:i; x <- a.x:a | g a.s
select s as k, max(x) from a group by 1 => k <- a.s:r; max <- a.x:a | g a.s
select upper(s) as k, count(*) as n from a group by k => k <- a.s:e; n <- | g a.s
select x as s, count(*) as n from a group by s, x => s <- a.x:r; n <- | g a.s, g a.x
select x + y as k from a group by x + y => k <- a.x:e, a.y:e | g a.x, g a.y
select s from a group by s having sum(x) > 1 => s <- a.s:i | f a.x, g a.s
select sum(x) filter (where y > 1) as n from a => n <- a.x:a [f a.y]
select array_agg(x order by y) as k from a => k <- a.x:a [o a.y]
select string_agg(s, ',' order by id desc) as k from a => k <- a.s:a [o a.id]
select count(distinct x) as n from a => n <- a.x:a
select percentile_cont(0.5) within group (order by x) as m from a => m <- a.x:a
select sum(x) / count(y) as k from a => k <- a.x:a, a.y:a
select sum(x + y)::text as k from a => k <- a.x:a, a.y:a
select s, y, sum(x) as n from a group by rollup (s, y) => s <- a.s:i; y <- a.y:i; n <- a.x:a | g a.s, g a.y
select s, grouping(s) as k from a group by grouping sets ((s), ()) => s <- a.s:i; k <- | g a.s
select json_agg(x) as k from a => k <- a.x:a
select json_objectagg(s : x) as k from a => k <- a.s:a, a.x:a
select json_arrayagg(x order by y) as k from a => k <- a.x:a [o a.y]
select max(k) as k from (select x as k from a) t => k <- a.x:a
`,
  DISTINCT: `
select distinct x from a => x <- a.x:i | g a.x
select distinct x, upper(s) as k from a => x <- a.x:i; k <- a.s:e | g a.s, g a.x
select distinct on (s) x from a order by s, y => x <- a.x:i | g a.s, o a.s, o a.y
select distinct on (1) s as k, x from a => k <- a.s:r; x <- a.x:i | g a.s
select distinct on (k) s as k, x from a => k <- a.s:r; x <- a.x:i | g a.s
select distinct on (x + y) id from a => id <- a.id:i | g a.x, g a.y
`,
  stars: `
select * from c => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i
select c.*, v from b, c => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i; v <- b.v:i
select t.* from c t => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i
select * from (select x as z from a) t => z <- a.x:r
select w + 1 as w, * from (select b_id from c) t, (select w from c) r => w <- c.w:e; b_id <- c.b_id:i; w <- c.w:i
select * from (select w from c) t cross join (select v from b) r => w <- c.w:i; v <- b.v:i
select t.* from (values (1)) t => column1 <-
`,
  VALUES: `
values (1, 2) => column1 <-; column2 <-
select k from (values (1, 'p'), (2, 'q')) t(k, m) => k <-
select x, k from a cross join lateral (values (a.y), (a.id)) t(k) => x <- a.x:i; k <- a.id:r, a.y:r
select column2 from (values (1, 2)) t => column2 <-
select x from a join (values (1)) t(k) on t.k = a.y => x <- a.x:i | j a.y
`,
  'functions in FROM': `
select g from generate_series(1, 3) g => g <-
select x, g from a, generate_series(1, a.y) g => x <- a.x:i; g <- a.y:e | j a.y
select t.tag from a, unnest(a.tags) as t(tag) => tag <- a.tags:e | j a.tags
select k, n from a, unnest(a.tags) with ordinality as t(k, n) => k <- a.tags:e; n <- | j a.tags
select key, value from a, jsonb_each(a.j) => key <- a.j:e; value <- a.j:e | j a.j
select e.value ->> 'k' as k from a cross join jsonb_array_elements(j) e => k <- a.j:e | j a.j
select k from a, jsonb_to_recordset(a.j) as t(k int, m text) => k <- a.j:e | j a.j
select p, q from a, unnest(a.tags, array[a.x]) as t(p, q) => p <- a.tags:e; q <- a.x:e | j a.tags, j a.x
select x, unnest(tags) as k from a => x <- a.x:i; k <- a.tags:e | j a.tags
select k from a, json_table(j, '$[*]' columns (k int path '$.k')) t => k <- a.j:e | j a.j
select k.z from a, lateral my_function(a.x) k(z) => z <- a.x:e | j a.x
`,
  'whole rows and composite values': `
select to_jsonb(c) as k from c => k <- c.b_id:e, c.id:e, c.w:e
select c as k from c => k <- c.b_id:e, c.id:e, c.w:e
select (c).w from c => w <- c.w:i
select (c).w as k from c => k <- c.w:r
select (c).* from c => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i
select (j).k from a => k <- a.j:e
select count(c) as n from c => n <- c.b_id:a, c.id:a, c.w:a
select row_to_json(t) as k from (select x, y from a) t => k <- a.x:e, a.y:e
select count(t.*) as n from (select x from a) t => n <- a.x:a
`,
  'quoting and case': `
select X from A => x <- a.x:i
select "x" as "X" from a => X <- a.x:r
select "Id" from q => Id <- q.Id:i
select "x y" as z from q => z <- q.x y:r
select "a""b" from q => a"b <- q.a"b:i
select T."Id" from q t => Id <- q.Id:i
with "T" as (select x from a), t as (select y as x from a) select x from "T" => x <- a.x:i
select U&"\\0078" from a => x <- a.x:i
`,
  'columns that are not known': `
select id from u => id <- u.id:i
select u.k + 1 as k from u => k <- u.k:e
select * from u => ? *
select x, u.* from a, u => x <- a.x:i; ? *
select k from u, d => ? k
select d.k from u, d => k <- d.k:i
select * from d => id <- d.id:i
select k from d => k <- d.k:i
select nothing from c => ? nothing
select t.x from a => ? x
select id from b, c => ? id
select id from (select b.id, c.id from b, c) t => ? id
select k from (select * from u) t => k <- u.k:i
select x from a where nothing > 1 => ? x
select * from u union all select * from u => ? *
select b.id from b natural join d => ? id
select max(k) as m from u group by m => ? m
select (u).k from u => ? k
select x from a where exists (select 1 from u where y = 1) => ? x
select f.k from some_function(1) f => k <-
select * from some_function(1) f => ? *
with t as (insert into a values (1) returning x) select x from t => ? x
`,
};
