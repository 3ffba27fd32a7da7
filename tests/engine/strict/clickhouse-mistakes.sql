-- Valid queries of ClickHouse with one planted mistake each, as in common-mistakes.sql.

-- lambda
select
  arrayMap(x -> «x|y» + 1, [id]) as a
from {{ ref('orders') }}

-- array of array join
select id,
  «tag|tga»
from {{ ref('orders') }}
array join [status] as tag

-- array join function
select
  arrayJoin([«status|state»]) as s
from {{ ref('orders') }}

-- column in with expression
with max(«amount|amuont») as best
select best
from {{ ref('orders') }}

-- prewhere
select id
from {{ ref('orders') }}
where «status|statsu» in ('a', 'b')

-- qualify
select id
from {{ ref('orders') }}
qualify row_number() over (partition by «customer_id|custmer») = 1

-- limit by
select id
from {{ ref('orders') }}
order by id
limit 1 by «customer_id|custmer_id»

-- replace
select * replace (
  lower(«status|sttus») as status
)
from {{ ref('orders') }}

-- sum if
select
  sumIf(amount, «status|stat» = 'a') as s
from {{ ref('orders') }}

-- count if
select
  countIf(«amount > 1|amount») as n
from {{ ref('orders') }}

-- arg max
select customer_id,
  argMax(status, «created_at|created») as s
from {{ ref('orders') }}
group by customer_id

-- quantile
select
  quantile(0.9)(«amount|status») as q
from {{ ref('orders') }}

-- condition of if
select id,
  if(«amount > 1|status», 1, 2) as k
from {{ ref('orders') }}

-- condition of where
select id
from {{ ref('orders') }}
where «amount > 1|status»

-- condition of multiIf
select id,
  multiIf(«amount > 1|amount», 1, 2) as k
from {{ ref('orders') }}

-- function arguments of toDate
select id,
  toDate(created_at«|, 1, 2, 3») as d
from {{ ref('orders') }}

-- function arguments of substring
select
  substring(«status|amount», 1, 2) as s
from {{ ref('orders') }}

-- function arguments of length
select
  length(«status|amount») as n
from {{ ref('orders') }}

-- function arguments of dateDiff
select
  dateDiff('day', created_at, «created_at|status») as n
from {{ ref('orders') }}

-- function arguments of toStartOfMonth
select
  toStartOfMonth(«created_at|status») as m
from {{ ref('orders') }}

-- function arguments of splitByChar
select
  splitByChar(',', «status|id») as parts
from {{ ref('orders') }}

-- function arguments of arraySum
select
  arraySum(«[amount]|amount») as s
from {{ ref('orders') }}

-- function arguments of round
select
  round(«amount|status», 2) as r
from {{ ref('orders') }}

-- function arguments of lower
select
  lower(«status|amount») as l
from {{ ref('orders') }}

-- type of least
select id,
  least(amount, «1|status») as l
from {{ ref('orders') }}

-- type of not
select id
from {{ ref('orders') }}
where not «(amount > 1)|status»

-- type of like
select id
from {{ ref('orders') }}
where «status|amount» like 'a%'

-- type of and
select id
from {{ ref('orders') }}
where amount > 1 and «id = 1|status»

-- type of having
select status
from {{ ref('orders') }}
group by status
having «count() > 1|status»

-- window without over
select id,
  rank() «over (order by id)|» as n
from {{ ref('orders') }}

-- group by all
select customer_id,
  «any(status)|status» as s, sum(amount) as a
from {{ ref('orders') }}
group by customer_id

-- tuple element
select
  (id, status).«2|5» as s
from {{ ref('orders') }}

-- using
select id
from {{ ref('orders') }}
join {{ ref('customers') }} using («id|customerid»)

-- asof join
select o.id
from {{ ref('orders') }} o
asof join {{ ref('payments') }} p
  on p.order_id = o.id and p.«paid_at|payed_at» <= o.created_at

-- transform
select
  transform(«status|sttus», ['a'], ['b'], 'c') as t
from {{ ref('orders') }}

-- incremental branch
{{ config(materialized='incremental') }}
select id, amount from {{ ref('orders') }}
{% if is_incremental() %}
where id > (select max(«id|order_id») from {{ this }})
{% endif %}

-- lambda of two arrays
select
  arrayMap((a, b) -> a + b, [amount], [«amount|amoutn»]) as x
from {{ ref('orders') }}

-- function arguments of arrayJoin
select
  arrayJoin(«[id]|id») as x
from {{ ref('orders') }}

-- group array
select customer_id,
  groupArray(«status|statu») as x
from {{ ref('orders') }}
group by customer_id
