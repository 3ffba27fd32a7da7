{{ config(order_by='(day)') }}
-- Orders of a day by what has become of them.
select
    toDate(ordered_at) as day,
    count() as orders,
    sumIf(amount, status in ('paid', 'refunded')) as paid,
    sumIf(amount, status = 'refunded') as refunded
from {{ ref('stg_orders') }}
group by day
