-- Valid queries of both dialects with one planted mistake each: «valid|mistake» or «valid|mistake|line of the error».

-- column
select id,
  «amount|amuont» as a
from {{ ref('orders') }}

-- column of alias
select o.id,
  o.«status|sttus»
from {{ ref('orders') }} o

-- column in where
select id
from {{ ref('orders') }}
where «status|stat» = 'x'

-- column in join
select o.id, c.name
from {{ ref('orders') }} o
join {{ ref('customers') }} c
  on c.id = o.«customer_id|customerid»

-- column in group
select status, count(*) as n
from {{ ref('orders') }}
group by «status|statuss»

-- column in having
select status, count(*) as n
from {{ ref('orders') }}
group by status
having max(«amount|amont») > 1

-- column in order
select id
from {{ ref('orders') }}
order by «amount|amout»

-- column in case
select id,
  case
    when «status|state» = 'a' then 1
    else 2
  end as kind
from {{ ref('orders') }}

-- column in cte
with big as (
  select id, customer_id
  from {{ ref('orders') }}
  where «amount|ammount» > 10
)
select * from big

-- column of cte
with big as (
  select id, amount from {{ ref('orders') }}
)
select id,
  «amount|status»
from big

-- column of second cte
with a as (select id from {{ ref('orders') }}),
b as (
  select id,
    «id|amount» as x
  from a
)
select * from b

-- column of subquery
select s.id,
  s.«total|totals»
from (
  select id, sum(amount) as total from {{ ref('orders') }} group by id
) s

-- column in scalar subquery
select id,
  (select max(«amount|amnt») from {{ ref('payments') }}) as top
from {{ ref('orders') }}

-- column in in subquery
select id
from {{ ref('orders') }}
where customer_id in (
  select «id|ids» from {{ ref('customers') }}
)

-- column in window
select id,
  sum(amount) over (partition by «customer_id|costumer_id» order by id) as running
from {{ ref('orders') }}

-- column in window order
select id,
  row_number() over (
    partition by customer_id
    order by «created_at|create_at»
  ) as n
from {{ ref('orders') }}

-- column in union
select id, status
from {{ ref('orders') }}
union all
select id,
  «name|nmae»
from {{ ref('customers') }}

-- column in aggregate
select customer_id,
  avg(«amount|amounts») as a
from {{ ref('orders') }}
group by customer_id

-- column of removed alias
select «o|x».id
from {{ ref('orders') }} o

-- column of wrong side
select o.id,
  «c|o».name
from {{ ref('orders') }} o
join {{ ref('customers') }} c on c.id = o.customer_id

-- column of snapshot
select id,
  «dbt_valid_from|dbt_valid_form»
from {{ ref('orders_history') }}

-- column of seed
select «code|cod»,
  rate
from {{ ref('rates') }}

-- column of source
select id,
  «status|statu»
from {{ source('raw', 'orders') }}

-- column of ephemeral
select id,
  «paid|payed»
from {{ ref('paid_orders') }}

-- column of incremental
select «day|days»,
  n
from {{ ref('daily') }}

-- column in coalesce
select id,
  coalesce(«status|statsu», 'none') as s
from {{ ref('orders') }}

-- column in cast
select
  cast(«amount|amonut» as varchar) as a
from {{ ref('orders') }}

-- column in between
select id
from {{ ref('orders') }}
where id > 0
  and «amount|amt» between 1 and 2

-- column in left join
select o.id
from {{ ref('orders') }} o
left join {{ ref('payments') }} p
  on p.«order_id|orders_id» = o.id

-- column in third join
select o.id
from {{ ref('orders') }} o
join {{ ref('payments') }} p on p.order_id = o.id
join {{ ref('customers') }} c
  on c.«id|customer_id» = o.customer_id

-- column after group
with t as (
  select customer_id, sum(amount) as total
  from {{ ref('orders') }}
  group by customer_id
)
select customer_id
from t
where «total|amount» > 5

-- column twice
with t as (
  select id, amount from {{ ref('orders') }}
),
u as (
  select id from t
)
select id,
  «id|amount» as again
from u

-- column in jinja
select id
  {%- for name in ['status', '«amount|amuont|3»'] %},
  {{ name }}
  {%- endfor %}
from {{ ref('orders') }}

-- column in if
select id
{% if target.name != 'none' %}
  , «status|stauts»
{% endif %}
from {{ ref('orders') }}

-- column in nested cte
with a as (
  with b as (
    select id, «status|sttaus» as s
    from {{ ref('orders') }}
  )
  select * from b
)
select * from a

-- column in exists
select id
from {{ ref('orders') }}
where id in (
  select order_id
  from {{ ref('payments') }}
  where «amount|value» > 0
)

-- column in distinct
select distinct
  «customer_id|custmer_id»
from {{ ref('orders') }}

-- column in nullif
select id,
  amount / nullif(«amount|amoutn», 0) as r
from {{ ref('orders') }}

-- column in deep case
select id,
  case when status = 'a' then
    case when «amount|total» > 1 then 1 else 0 end
  else 3 end as k
from {{ ref('orders') }}

-- column in having count
select customer_id
from {{ ref('orders') }}
group by customer_id
having count(«id|order_id») > 1

-- group by missing
select customer_id,
  «max(status)|status» as s,
  sum(amount) as a
from {{ ref('orders') }}
group by customer_id

-- aggregate without group
select
  «max(id)|id» as id,
  sum(amount) as a
from {{ ref('orders') }}

-- aggregate in where
select id
from {{ ref('orders') }}
where «amount|sum(amount)» > 1

-- aggregate in aggregate
select
  sum(«amount|count(*)») as s
from {{ ref('orders') }}

-- type of sum
select
  sum(«amount|status») as s
from {{ ref('orders') }}

-- type of avg
select customer_id,
  avg(«amount|status») as s
from {{ ref('orders') }}
group by customer_id

-- type of minus
select id,
  «amount|status» - amount as d
from {{ ref('orders') }}

-- type of plus
select id,
  amount + «amount|status» as d
from {{ ref('orders') }}

-- type of times
select id,
  «id|status» * amount as d
from {{ ref('orders') }}

-- type of comparison
select id
from {{ ref('orders') }}
where «customer_id|status» = amount

-- type of between
select id
from {{ ref('orders') }}
where id > 1
  and amount > «1|status»

-- type of union
select id, status
from {{ ref('orders') }}
union all
select id«, name|»
from {{ ref('customers') }}

-- relation of cte
with big_orders as (
  select id from {{ ref('orders') }}
)
select id
from «big_orders|big_order»

-- relation of join cte
with totals as (
  select customer_id, sum(amount) as t
  from {{ ref('orders') }}
  group by customer_id
)
select c.id
from {{ ref('customers') }} c
join «totals|total» x
  on x.customer_id = c.id

-- syntax comma
select id«,|»
  status s, amount a
from {{ ref('orders') }}

-- syntax keyword
select id
«from|form» {{ ref('orders') }} o

-- syntax parenthesis
select id,
  coalesce(status, 'x'«)|» as s
from {{ ref('orders') }}

-- syntax case
select id,
  case when status = 'a' then 1 else 2 «end|» as k
from {{ ref('orders') }}

-- syntax on
select o.id
from {{ ref('orders') }} o
join {{ ref('customers') }} c «on|no» c.id = o.customer_id

-- syntax group
select status, count(*) as n
from {{ ref('orders') }}
group «by|» status

-- function arguments
select id,
  lower(status«|, 1, 2») as s
from {{ ref('orders') }}

-- macro argument
select id,
  {{ cents('«amount|amuont|macros/m.sql:2»') }} as c
from {{ ref('orders') }}

-- macro filter
select id
from {{ ref('orders') }}
where {{ is_open('«status|statu|macros/m.sql:5»') }}
