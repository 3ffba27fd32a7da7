{{ config(order_by='(day, country)') }}
-- Orders by the day (UTC) on which they were placed. Money is counted in cents: sums stay exact in both databases.
with orders as (

    select {{ utc_day('placed_at') }} as day, country, paid_cents, refunded_cents, is_cancelled
    from {{ ref('orders') }}

)

select
    concat({{ as_text('day') }}, '/', country) as day_country,
    day,
    country,
    count(*) as orders,
    sum(is_cancelled) as cancelled,
    sum(paid_cents - refunded_cents) as net_cents
from orders
group by day, country
