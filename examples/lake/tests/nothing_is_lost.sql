-- The mart counts every order once: no day and no country swallows one.
with counted as (

    select sum(orders) as orders from {{ ref('revenue_daily') }}

),

known as (

    select count(*) as orders from {{ ref('orders') }}

)

select counted.orders as counted, known.orders as known
from counted cross join known
where counted.orders <> known.orders
