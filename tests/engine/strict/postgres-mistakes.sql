-- Valid queries of Postgres with one planted mistake each, as in common-mistakes.sql.

-- ambiguous column
select o.amount,
  «o.id|id»
from {{ ref('orders') }} o
join {{ ref('customers') }} c on c.id = o.customer_id

-- ambiguous column in where
select o.amount
from {{ ref('orders') }} o
join {{ ref('payments') }} p on p.order_id = o.id
where «p.amount|amount» > 1

-- ambiguous column in group
select count(*) as n
from {{ ref('orders') }} o
join {{ ref('payments') }} p on p.order_id = o.id
group by «o.id|id»

-- cast of a text
select id,
  «'1'|'one'»::integer as one
from {{ ref('orders') }}

-- cast of a date
select id,
  «created_at|amount»::date as d
from {{ ref('orders') }}

-- filter clause
select
  count(*) filter (where «status|sttus» = 'a') as n
from {{ ref('orders') }}

-- distinct on
select distinct on («customer_id|custmer_id») id
from {{ ref('orders') }}
order by customer_id

-- lateral join
select o.id, x.top
from {{ ref('orders') }} o
cross join lateral (
  select max(p.amount) as top
  from {{ ref('payments') }} p
  where p.order_id = o.«id|order_id»
) x

-- recursive cte
with recursive t as (
  select 1 as n
  union all
  select «n|m» + 1 from t where n < 5
)
select n from t

-- type of case
select id,
  case when status = 'a' then «amount|created_at» else 1.5 end as x
from {{ ref('orders') }}

-- type of coalesce
select id,
  coalesce(created_at, «created_at|amount») as x
from {{ ref('orders') }}

-- type of in
select id
from {{ ref('orders') }}
where id in (select «order_id|paid_at» from {{ ref('payments') }})

-- type of where
select id
from {{ ref('orders') }}
where «amount > 1|amount»

-- type of join
select o.id
from {{ ref('orders') }} o
join {{ ref('customers') }} c
  on c.id = o.«customer_id|status»

-- type of date_trunc
select
  date_trunc('day', «created_at|amount») as d
from {{ ref('orders') }}

-- type of extract
select
  extract(year from «created_at|status») as y
from {{ ref('orders') }}

-- type of interval
select id,
  «created_at|status» + interval '1 day' as t
from {{ ref('orders') }}

-- types of union
select id, status from {{ ref('orders') }}
union all
select id, «name|born» from {{ ref('customers') }}

-- type of round
select
  round(amount, «2|status») as r
from {{ ref('orders') }}

-- type of not
select id
from {{ ref('orders') }}
where not «(amount > 1)|amount»

-- type of like
select id
from {{ ref('orders') }}
where «status|amount» like 'a%'

-- type of limit
select id
from {{ ref('orders') }}
limit «10|'ten'»

-- function arguments of substring
select
  substring(«status|id», 1, 2) as s
from {{ ref('orders') }}

-- function arguments of length
select
  length(«status|amount») as n
from {{ ref('orders') }}

-- function arguments of string_agg
select
  string_agg(status«, ','|») as s
from {{ ref('orders') }}

-- window without over
select id,
  row_number() «over (order by id)|» as n
from {{ ref('orders') }}

-- window in where
select id
from {{ ref('orders') }}
where «id = 1|row_number() over () = 1»

-- order by position
select id
from {{ ref('orders') }}
order by «1|4»

-- group by position
select status, count(*) as n
from {{ ref('orders') }}
group by «1|7»

-- group by expression
select
  «lower(status)|upper(status)» as s, count(*) as n
from {{ ref('orders') }}
group by lower(status)

-- output column twice
select id, amount,
  status as «s|id»
from {{ ref('orders') }}

-- alias twice
select 1 as one
from {{ ref('orders') }} o
join {{ ref('customers') }} «c|o» on true

-- missing from
select o.id
from {{ ref('orders') }} o
where «o|orders».amount > 1

-- subquery with two columns
select id
from {{ ref('orders') }}
where customer_id = (select «max(id)|id, name» from {{ ref('customers') }})

-- values
select v.a
from (values (1, 'x'), (2«, 'y'|»)) as v (a, b)

-- using
select id
from {{ ref('orders') }}
join {{ ref('customers') }} using («id|customer_id»)

-- column of values
select v.«b|c»
from (values (1, 'x')) as v (a, b)

-- incremental branch
{{ config(materialized='incremental') }}
select id, amount from {{ ref('orders') }}
{% if is_incremental() %}
where id > (select max(«id|order_id») from {{ this }})
{% endif %}
