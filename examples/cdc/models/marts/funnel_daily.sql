{{ config(order_by='(day)') }}
-- Users who came as far as each step, by day.
select
    session_day as day,
    countIf(funnel_step >= 1) as started,
    countIf(funnel_step >= 2) as added_to_cart,
    countIf(funnel_step >= 3) as purchased
from {{ ref('sessions_daily') }}
where events > 0
group by day
