// ClickHouse queries with the lineage that follows from the meaning of their SQL, in the notation of postgres-cases.ts.

/** Columns of the relations that the queries read. `u` has unknown columns, `d` has more than these. */
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  a: ['id', 'x', 'y', 's', 'tags', 'm', 'pair'],
  b: ['id', 'a_id', 'v', 'd'],
  c: ['id', 'b_id', 'w'],
  nest: ['id', 'items.k', 'items.w'],
  q: ['Id', 'x y', 'a.b'],
  d: ['id'],
  u: [],
};

export const CASES: Readonly<Record<string, string>> = {
  'plain selects': `
select x from a => x <- a.x:i
select id, s from a => id <- a.id:i; s <- a.s:i
select x as z from a => z <- a.x:r
select x z from a => z <- a.x:r
from a select x => x <- a.x:i
select a.x from a => x <- a.x:i
select k.x from a as k => x <- a.x:i
select a.x from a as k => x <- a.x:i
select 1 as one => one <-
select 1 => 1 <-
select 'it''s' => 'it\\'s' <-
select null as n, true as t, [1, 2] as l, (1, 'k') as p => n <-; t <-; l <-; p <-
select x from a where y > 1 => x <- a.x:i | f a.y
select x from a prewhere y > 1 where s = 'k' => x <- a.x:i | f a.s, f a.y
select x from a final => x <- a.x:i
select x from a sample 1/2 => x <- a.x:i
select x from a order by y => x <- a.x:i | o a.y
select x from a order by x desc nulls last limit 3 => x <- a.x:i | o a.x
select x from a limit (select max(v) from b) => x <- a.x:i | f b.v
select x from a limit 2 offset 1 => x <- a.x:i
select x from a limit 1 by y => x <- a.x:i | g a.y
select x from a order by id limit 1 by y, s limit 5 => x <- a.x:i | g a.s, g a.y, o a.id
select x from a settings max_threads = 1 => x <- a.x:i
select x from a; => x <- a.x:i
select x /* y */ from a -- z => x <- a.x:i
select distinct x from a => x <- a.x:i | g a.x
select distinct on (x) x, y from a => x <- a.x:i; y <- a.y:i | g a.x
select "x" from \`a\` => x <- a.x:i
select \`x y\` from q => x y <- q.x y:i
select "Id", q."x y" as k from q => Id <- q.Id:i; k <- q.x y:r
select \`a.b\` from q => a.b <- q.a.b:i
select x as \`k, alias: z\` from a => k, alias: z <- a.x:r
`,
  expressions: `
select x + y as z from a => z <- a.x:e, a.y:e
select x + 1 as x from a => x <- a.x:e
select -x as x from a => x <- a.x:e
select upper(s) as k from a => k <- a.s:e
select s || 'k' as k from a => k <- a.s:e
select if(x > 1, y, id) as k from a => k <- a.id:e, a.x:e, a.y:e
select x > 1 ? y : id as k from a => k <- a.id:e, a.x:e, a.y:e
select case when x > 1 then y else id end as k from a => k <- a.id:e, a.x:e, a.y:e
select case x when 1 then y end as k from a => k <- a.x:e, a.y:e
select multiIf(x = 1, y, x = 2, id, 0) as k from a => k <- a.id:e, a.x:e, a.y:e
select x between y and id as k from a => k <- a.id:e, a.x:e, a.y:e
select x in (1, 2) as k from a => k <- a.x:e
select x in (select v from b where a_id = 1) as k from a => k <- a.x:e, b.v:e [f b.a_id]
select not (x > y) as k from a => k <- a.x:e, a.y:e
select x is null as k from a => k <- a.x:e
select s like 'a%' as k from a => k <- a.s:e
select coalesce(x, y, 0) as k from a => k <- a.x:e, a.y:e
select toStartOfMonth(d) as k from b => k <- b.d:e
select d + interval 1 day as k from b => k <- b.d:e
select extract(year from d) as k from b => k <- b.d:e
select dateDiff('day', d, now()) as k from b => k <- b.d:e
select now() as n, rand() as r from a => n <-; r <-
select (x, y) as k from a => k <- a.x:e, a.y:e
select tuple(x, y).1 as k from a => k <- a.x:e, a.y:e
select pair.1 as k, a.pair.2 as z from a => k <- a.pair:e; z <- a.pair:e
select pair.p as k, a.pair.p as z from a => k <- a.pair:e; z <- a.pair:e
select m['k'] as k, m.keys as z from a => k <- a.m:e; z <- a.m:e
select [x, y] as k from a => k <- a.x:e, a.y:e
select tags[1] as k, tags[x] as z from a => k <- a.tags:e; z <- a.tags:e, a.x:e
select tags.size0 as k from a => k <- a.tags:e
select map('k', x) as k from a => k <- a.x:e
select bitAnd(x, 1)::UInt8 as k from a => k <- a.x:e
`,
  casts: `
select x::Int64 as x from a => x <- a.x:c
select cast(x as String) as k from a => k <- a.x:c
select cast(x, 'String') as k from a => k <- a.x:c
select toString(x) as x from a => x <- a.x:c
select toDate(d) as d from b => d <- b.d:c
select toDecimal64(x, 2) as x from a => x <- a.x:c
select toDateTime(d, 'UTC') as k from b => k <- b.d:c
select (x + 1)::String as k from a => k <- a.x:e
select toString(x) || 'k' as x from a => x <- a.x:e
select sum(x)::Float64 as n from a => n <- a.x:a
select k as x from (select toString(x) as k from a) => x <- a.x:c
`,
  'names without aliases': `
select x + 1 from a => plus(x, 1) <- a.x:e
select a.x + 1, x::String from a => plus(x, 1) <- a.x:e; CAST(x, 'String') <- a.x:c
select count(), sum(x), quantile(0.5)(x) from a => count() <-; sum(x) <- a.x:a; quantile(0.5)(x) <- a.x:a
select -1.5, [x, 1], (x, y) from a => -1.5 <-; [x, 1] <- a.x:e; (x, y) <- a.x:e, a.y:e
select arrayMap(e -> e + 1, tags) from a => arrayMap(lambda(tuple(e), plus(e, 1)), tags) <- a.tags:e
select sum(x) over (partition by y order by id desc) from a
  => sum(x) OVER (PARTITION BY y ORDER BY id DESC) <- a.x:w [g a.y, o a.id]
select (x as k) + 1, k from a => plus(k, 1) <- a.x:e; k <- a.x:r
select \`plus(x, 1)\` as k from (select x + 1 from a) => k <- a.x:e
select x + (select max(v) from b) from a => ? *
select a.id, b.id from a join b on a.id = b.a_id => id <- a.id:i; b.id <- b.id:r | j a.id, j b.a_id
select a.id, c.id, v from a join b on a.id = b.a_id join c on b.id = c.b_id
  => a.id <- a.id:r; c.id <- c.id:r; v <- b.v:i | j a.id, j b.a_id, j b.id, j c.b_id
select a.id + 1, b.id + 1 from a join b on a.id = b.a_id
  => plus(id, 1) <- a.id:e; plus(b.id, 1) <- b.id:e | j a.id, j b.a_id
`,
  aliases: `
select x + 1 as k, k * 2 as z from a => k <- a.x:e; z <- a.x:e
select k * 2 as z, x + 1 as k from a => z <- a.x:e; k <- a.x:e
select x as y, y as x from a => y <- a.y:i; x <- a.x:i
select y as x, x as y from a => x <- a.x:i; y <- a.y:i
select x + 1 as x, x * 2 as z from a => x <- a.x:e; z <- a.x:e
select y as x from a where x > 1 => x <- a.y:r | f a.y
select toString(x) as x, count() as n from a group by x => x <- a.x:c; n <- | g a.x
select y as x, sum(x) as n from a group by y => x <- a.y:r; n <- a.y:a | g a.y
select sum(x) as n, n / count() as k from a => n <- a.x:a; k <- a.x:a
select max(x) as n from a group by y having n > 1 => n <- a.x:a | f a.x, g a.y
select x from a where k > 1 group by x, y + 1 as k => x <- a.x:i | f a.y, g a.x, g a.y
select x as k, count() as n from a group by k order by k => k <- a.x:r; n <- | g a.x, o a.x
select x, count() as n from a group by 1 order by 2 desc, 1 => x <- a.x:i; n <- | g a.x, o a.x
select a.id as id, b.id as other from a join b on id = other
  => id <- a.id:i; other <- b.id:r | j a.id, j b.id
with 5 as k select x + k as z from a => z <- a.x:e
with x + 1 as k select k as z from a where k > 2 => z <- a.x:e | f a.x
with sum(x) as n select n, y from a group by y => n <- a.x:a; y <- a.y:i | g a.y
with (select max(v) from b) as top select x / top as k from a => k <- a.x:e, b.v:a
with (p, q) -> p + q as f select f(x, y) as k from a => k <- a.x:e, a.y:e
with 5 as k select z from (select x + k as z from a) => z <- a.x:e
with y as k select z from (select x as z from a) => z <- a.x:r
select id as a, a.x from a => a <- a.id:r; x <- a.x:i
select (x, y) as pair, pair.1 as k from a => pair <- a.x:e, a.y:e; k <- a.x:e, a.y:e
`,
  CTEs: `
with t as (select x from a) select x from t => x <- a.x:i
with t as (select x as z from a) select z as x from t => x <- a.x:i
with t as (select x as z from a) select z from t => z <- a.x:r
with t(k) as (select x from a) select k from t => k <- a.x:r
with t(k, z) as (select * from (select x, y from a)) select z, t.k from t => z <- a.y:r; k <- a.x:r
with t as (select * from a), r as (select * from t) select y from r => y <- a.y:i
with t as (select x from a where y > 1) select x from t => x <- a.x:i | f a.y
with r as (select x from t), t as (select x from a) select x from r => x <- a.x:i
with a as (select y as x from a) select x from a => x <- a.y:r
with b as (select x from a) select b.x from b => x <- a.x:i
with t as (with t as (select x from a) select x + 1 as x from t) select x from t => x <- a.x:e
with t as (select x from a) select k.x from (with t as (select v as x from b) select x from t) k => x <- b.v:r
with t as (select v from b) select x from a where x in t => x <- a.x:i | f a.x, f b.v
with t as (select v from b) select (select max(v) from t) as n from a => n <- b.v:a
with t as (select id, sum(v) as n from b group by id) select n + 1 as n from t => n <- b.v:a | g b.id
with t as (select x from a) select p.x, q.x as z from t as p cross join t as q => x <- a.x:i; z <- a.x:r
with t as (select id, v from b) select t.id, o.v as z from t join t as o on t.id = o.id
  => id <- b.id:i; z <- b.v:r | j b.id
with t as (select 1 as k union all select x from a) select k from t union all select v from b
  => k <- a.x:r, b.v:r
with 2 as k, t as (select x * k as z from a) select z from t => z <- a.x:e
`,
  'recursive CTEs': `
with recursive t as (select id, x from a union all select t.id, t.x + 1 from t where t.x < 9) select * from t
  => id <- a.id:i; x <- a.x:e | f a.x
with recursive t as (select 1 as n union all select n + 1 from t where n < 9) select n from t => n <-
with recursive t as (select x as p, y as q from a union all select q, p from t) select p, q from t
  => p <- a.x:r, a.y:r; q <- a.x:r, a.y:r
with recursive t as (select id from a union all select b.id from b join t on t.id = b.a_id) select id from t
  => id <- a.id:i, b.id:i | j a.id, j b.a_id, j b.id
`,
  'set operations': `
select x from a union all select v from b => x <- a.x:i, b.v:r
select x from a union distinct select v from b => x <- a.x:i, b.v:r | g a.x, g b.v
select x, y from a intersect select v, id from b => x <- a.x:i; y <- a.y:i | f a.x, f a.y, f b.id, f b.v
select x from a except select v from b => x <- a.x:i | f a.x, f b.v
select x from a union all (select v from b union distinct select w from c)
  => x <- a.x:i, b.v:r, c.w:r | g b.v, g c.w
select * from (select x, y from a union all select v, id from b) where y > 1
  => x <- a.x:i, b.v:r; y <- a.y:i, b.id:r | f a.y, f b.id
(select x from a order by y) union all (select v from b where d > now()) => x <- a.x:i, b.v:r | f b.d, o a.y
select 1 as k union all select x from a => k <- a.x:r
`,
  joins: `
select v from a join b on a.id = b.a_id => v <- b.v:i | j a.id, j b.a_id
select id from a join b on a.id = b.a_id => id <- a.id:i | j a.id, j b.a_id
select x, v from a, b where a.id = b.a_id => x <- a.x:i; v <- b.v:i | f a.id, f b.a_id
select id from a cross join b => id <- a.id:i
select v from a left join b on a.id = b.a_id and b.v > a.x => v <- b.v:i | j a.id, j a.x, j b.a_id, j b.v
select id, v from a join b using (id) => id <- a.id:i; v <- b.v:i | j a.id, j b.id
select id from a left join b using id => id <- a.id:i | j a.id, j b.id
select id from a right join b using id => id <- b.id:i | j a.id, j b.id
select id from a full join b using id => id <- a.id:e, b.id:e | j a.id, j b.id
select a.id as k, b.id as z from a right join b using id => k <- a.id:r; z <- b.id:r | j a.id, j b.id
select id, w from a join b using id join c using id => id <- a.id:i; w <- c.w:i | j a.id, j b.id, j c.id
select x from a any left join b on a.id = b.a_id => x <- a.x:i | j a.id, j b.a_id
select x from a left semi join b on a.id = b.a_id => x <- a.x:i | j a.id, j b.a_id
select x from a left anti join b on a.id = b.a_id => x <- a.x:i | j a.id, j b.a_id
select x, v from a asof join b on a.id = b.a_id and a.x >= b.v
  => x <- a.x:i; v <- b.v:i | j a.id, j a.x, j b.a_id, j b.v
select x, w from a asof join (select id, w as y, w from c) as k using (id, y)
  => x <- a.x:i; w <- c.w:i | j a.id, j a.y, j c.id, j c.w
select x, v from a global any join b on a.id = b.a_id => x <- a.x:i; v <- b.v:i | j a.id, j b.a_id
select x, w from (select x from a) as k paste join (select w from c) as z => x <- a.x:i; w <- c.w:i
select p.x, q.y as z from a as p join a as q on p.id = q.x => x <- a.x:i; z <- a.y:r | j a.id, j a.x
select k.n from (select a_id, sum(v) as n from b group by a_id) as k join a on a.id = k.a_id
  => n <- b.v:a | g b.a_id, j a.id, j b.a_id
select x, v, w from a left join b on a.id = b.a_id left join c on c.b_id = b.id where w > 1
  => x <- a.x:i; v <- b.v:i; w <- c.w:i | f c.w, j a.id, j b.a_id, j b.id, j c.b_id
`,
  subqueries: `
select k from (select x as k from a) => k <- a.x:r
select t.k from (select x as k from a) as t where t.k > 1 => k <- a.x:r | f a.x
select (select max(v) from b) as n from a => n <- b.v:a
select (select v from b limit 1) as n from a => n <- b.v:r
select x from a where id in (select a_id from b where v > 1) => x <- a.x:i | f a.id, f b.a_id, f b.v
select x from a where (id, x) in (select a_id, v from b) => x <- a.x:i | f a.id, f a.x, f b.a_id, f b.v
select x from a where id not in (select a_id from b) => x <- a.x:i | f a.id, f b.a_id
select x from a where id global in (select a_id from b) => x <- a.x:i | f a.id, f b.a_id
select x from a where exists (select 1 from b where v > 3) => x <- a.x:i | f b.v
select x, (select max(v) from b where b.a_id = a.id) as n from a
  => x <- a.x:i; n <- b.v:a [f a.id, f b.a_id]
select x from a where x > (select avg(v) from b) => x <- a.x:i | f a.x, f b.v
select * from (select * from (select x, s from a)) => x <- a.x:i; s <- a.s:i
select x from view(select x, y from a where y > 1) => x <- a.x:i | f a.y
`,
  'group by and aggregates': `
select y, sum(x) as n from a group by y => y <- a.y:i; n <- a.x:a | g a.y
select count() as n from a => n <-
select count(*) as n from a => n <-
select count(*) as n, COUNT(*) as m from u => n <-; m <-
select count(*) from a => count() <-
select countIf(*, x > 1) as n from a => n <- [f a.x]
select count(*) over (partition by s) as n from a => n <- [g a.s]
select uniqExact(*) as n from nest => n <- nest.id:a, nest.items.k:a, nest.items.w:a
select count(x) as n, count(distinct s) as k from a => n <- a.x:a; k <- a.s:a
select sumIf(x, y > 1) as n from a => n <- a.x:a [f a.y]
select countIf(y > 1) as n from a => n <- [f a.y]
select sum(x) filter (where y > 1) as n from a => n <- a.x:a [f a.y]
select sumIfState(x, y > 1) as n from a => n <- a.x:a [f a.y]
select sumIfOrNull(x, y > 1) as n from a => n <- a.x:a [f a.y]
select sumMerge(k) as n from (select sumState(x) as k from a group by y) => n <- a.x:a | g a.y
select sumArray(tags) as n from a => n <- a.tags:a
select argMax(x, y) as k from a => k <- a.x:a, a.y:a
select argMaxIf(x, y, s = 'k0') as k from a => k <- a.x:a, a.y:a [f a.s]
select groupArray(x) as k, uniqExact(y) as z, any(s) as o from a => k <- a.x:a; z <- a.y:a; o <- a.s:a
select quantiles(0.5, 0.9)(x) as k from a => k <- a.x:a
select topK(3)(s) as k from a => k <- a.s:a
select max(x) - min(y) as k from a => k <- a.x:a, a.y:a
select s, y + 1 as k, max(x) as n from a group by all => s <- a.s:i; k <- a.y:e; n <- a.x:a | g a.s, g a.y
select s, y, sum(x) as n from a group by s, y with rollup => s <- a.s:i; y <- a.y:i; n <- a.x:a | g a.s, g a.y
select s, y, sum(x) as n from a group by grouping sets ((s), (s, y))
  => s <- a.s:i; y <- a.y:i; n <- a.x:a | g a.s, g a.y
select s, sum(x) as n, grouping(s) as k from a group by cube(s) => s <- a.s:i; n <- a.x:a; k <- | g a.s
select y, sum(x) as n from a group by y with totals => y <- a.y:i; n <- a.x:a | g a.y
select y from a group by y having sum(x) > 3 => y <- a.y:i | f a.x, g a.y
select SUM(x) as n from a => n <- a.x:a
select arraySum(groupArray(x)) as n from a => n <- a.x:a
select count() as n from a group by x order by max(y) => n <- | g a.x, o a.y
`,
  windows: `
select sum(x) over (partition by y order by id) as n from a => n <- a.x:w [g a.y, o a.id]
select row_number() over (order by x) as n from a => n <- [o a.x]
select lagInFrame(x, 1) over (partition by s order by id) as k from a => k <- a.x:w [g a.s, o a.id]
select sum(x) over w as n from a window w as (partition by y) => n <- a.x:w [g a.y]
select sum(x) over (w order by id) as n from a window w as (partition by y) => n <- a.x:w [g a.y, o a.id]
select x from a qualify row_number() over (partition by y order by id) = 1 => x <- a.x:i | g a.y, o a.id
select sum(sum(x)) over (order by y) as n from a group by y => n <- a.x:w [o a.y] | g a.y
select n from (select x, row_number() over (partition by s order by y) as n from a) where n = 1
  => n <- [g a.s, o a.y] | g a.s, o a.y
select x - avg(x) over () as k from a => k <- a.x:w
`,
  arrays: `
select arrayJoin(tags) as k from a => k <- a.tags:e | j a.tags
select k, x from a array join tags as k => k <- a.tags:e; x <- a.x:i | j a.tags
select tags from a array join tags => tags <- a.tags:e | j a.tags
select tags, k from a array join tags as k => tags <- a.tags:i; k <- a.tags:e | j a.tags
select k, n from a array join tags as k, arrayEnumerate(tags) as n => k <- a.tags:e; n <- a.tags:e | j a.tags
select k from a left array join tags as k where k > 1 => k <- a.tags:e | f a.tags, j a.tags
select number, x from a array join range(3) as number => number <-; x <- a.x:i
select items.k from nest => items.k <- nest.items.k:i
select nest.items.k as z from nest => z <- nest.items.k:r
select items.k as k, items.w as w from nest array join items
  => k <- nest.items.k:e; w <- nest.items.w:e | j nest.items.k, j nest.items.w
select i.k as k from nest array join items as i => k <- nest.items.k:e | j nest.items.k, j nest.items.w
select arrayMap(e -> e + x, tags) as k from a => k <- a.tags:e, a.x:e
select arrayMap(x -> x + 1, tags) as k from a => k <- a.tags:e
select arrayMap((p, q) -> p + q, tags, [y]) as k from a => k <- a.tags:e, a.y:e
select arrayFilter(e -> e > 1, tags) as k, arrayExists(e -> e = id, tags) as z from a
  => k <- a.tags:e; z <- a.id:e, a.tags:e
select arrayFold((acc, e) -> acc + e, tags, toInt64(y)) as k from a => k <- a.tags:e, a.y:e
select arraySort(e -> -e, tags) as k, length(tags) as n from a => k <- a.tags:e; n <- a.tags:e
select sum(k) as n from a array join tags as k group by s => n <- a.tags:a | g a.s, j a.tags
select mapKeys(m) as k from a => k <- a.m:e
`,
  'all columns': `
select * from b => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i
select b.* from b => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i
select * except (id, d) from b => a_id <- b.a_id:i; v <- b.v:i
select * except id, 1 as k from c => b_id <- c.b_id:i; w <- c.w:i; k <-
select * except('_?id') from b => v <- b.v:i; d <- b.d:i
select * replace (w + id as w) from c => id <- c.id:i; b_id <- c.b_id:i; w <- c.id:e, c.w:e
select * except (b_id) replace (toString(id) as id) from c => id <- c.id:c; w <- c.w:i
select * apply(toString) from c => toString(id) <- c.id:c; toString(b_id) <- c.b_id:c; toString(w) <- c.w:c
select columns('^(x|y)$') from a => x <- a.x:i; y <- a.y:i
select columns('^[xy]$') apply(sum) from a => sum(x) <- a.x:a; sum(y) <- a.y:a
select columns('^[xy]$') apply(e -> e * 2) from a => multiply(x, 2) <- a.x:e; multiply(y, 2) <- a.y:e
select columns('^[xy]$') apply(quantile(0.9)) from a => quantile(0.9)(x) <- a.x:a; quantile(0.9)(y) <- a.y:a
select columns(x, y), columns('^i') from a => x <- a.x:i; y <- a.y:i; id <- a.id:i
select columns('(?i)X') from a => ? *
select * from b join c using id
  => id <- b.id:i; a_id <- b.a_id:i; v <- b.v:i; d <- b.d:i; b_id <- c.b_id:i; w <- c.w:i | j b.id, j c.id
select * from c join (select id from b) as k on c.b_id = k.id
  => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i; k.id <- b.id:r | j b.id, j c.b_id
select k.*, c.w from c join (select id, v from b) as k on c.b_id = k.id
  => k.id <- b.id:r; v <- b.v:i; w <- c.w:i | j b.id, j c.b_id
select * from c array join [1, 2] as k => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i
select * from (select x, tags from a) array join tags => x <- a.x:i; tags <- a.tags:e | j a.tags
select *, w + 1 as k from c => id <- c.id:i; b_id <- c.b_id:i; w <- c.w:i; k <- c.w:e
select tuple(*) as k from c => k <- c.b_id:e, c.id:e, c.w:e
select greatest(columns('^[xy]$')) as k from a => k <- a.x:e, a.y:e
select untuple(pair) from a => ? *
`,
  'with fill': `
select x, y from a order by x with fill from 1 to 9 interpolate (y as y + 1)
  => x <- a.x:e; y <- a.y:e | o a.x
select x from a order by x with fill => x <- a.x:e | o a.x
`,
  'table functions and dictionaries': `
select number as n from numbers(3) => n <-
select n.number from numbers(3) as n => number <-
select * from values('k Int32, w Tuple(a Int8, b String)', (1, (1, 'a'))) => k <-; w <-
select generate_series as k from generate_series(1, 3) => k <-
select dictGet('rates', 'rate', x) as k from a => k <- a.x:e, rates.rate:e
select dictGet('c', 'w', x) as k from a => k <- a.x:e, c.w:e
select dictGetOrDefault('c', ('w', 'b_id'), x, (y, 0)) as k from a => k <- a.x:e, a.y:e, c.b_id:e, c.w:e
select dictGet(rates, 'rate', x) as k from a => k <- a.x:e, rates.rate:e
select dictGet(concat('ra', 'tes'), 'rate', x) as k from a => ? k
select dictHas('c', x) as k from a => ? k
select k from url('http://127.0.0.1:1/k.csv', 'CSV', 'k Int32') => ? k
select * from file('/etc/passwd') => ? *
select * from remote('127.0.0.1', system.one) => ? *
`,
  'unknown parents': `
select k from u => k <- u.k:i
select u.k as z from u where n > 1 => z <- u.k:r | f u.n
select * from u => ? *
select k, * from u => k <- u.k:i; ? *
select k from u, d => ? k
select id from d => id <- d.id:i
select k from d => k <- d.k:i
select * from d => id <- d.id:i
select x from a join u on a.id = u.id => x <- a.x:i | j a.id, j u.id
select u.k, x from a join u on a.id = u.id => k <- u.k:i; x <- a.x:i | j a.id, j u.id
select a.x, u.k from u join a on a.id = u.id => k <- u.k:i; ? * | j a.id, j u.id
select x from u join a on a.id = u.id => ? x
select k + 1 as k, k * 2 as z from u => k <- u.k:e; z <- u.k:e
select k from (select k, n from u where n > 1) => k <- u.k:i | f u.n
with 1 as k select z from (select k as z from u) => ? z
select other.k from u as other => k <- u.k:i
select shop.orders.k from shop.orders => k <- shop.orders.k:i
select orders.k from shop.orders => k <- shop.orders.k:i
select k.a.b as z from u => z <- u.k:e
select u.k.a as z from u => z <- u.k:e
select z from (select * except (k) from u) => z <- u.z:i
select x from a where id in (select k from u) => x <- a.x:i | f a.id, f u.k
`,
  'not known': `
select x from a join b on a.id = b.id join c on b.id = c.id where id = 1 => ? x
select t.k from (select x from a) as t (k) => ? *
select x from a settings prefer_column_name_to_alias = 1 => ? *
select nothing from a => ? nothing
`,
};
