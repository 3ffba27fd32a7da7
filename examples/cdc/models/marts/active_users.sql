{{ config(order_by='(day)') }}
-- Users with an event on the day, and on the 7 and 30 days that end with it.
with days as (

    select user_id, session_day
    from {{ ref('sessions_daily') }}
    where events > 0

)

select
    session_day + arrayJoin(range(30)) as day,
    uniqExactIf(user_id, session_day = day) as dau,
    uniqExactIf(user_id, session_day > day - 7) as wau,
    uniqExact(user_id) as mau
from days
group by day
having day <= (select max(session_day) from days)
