{{ config(order_by='(cohort_week, event_name)') }}
-- Users of a week's cohort who have ever done a thing.
select
    toMonday(users.created_at) as cohort_week,
    events.event_name as event_name,
    uniqExact(events.user_id) as users
from {{ ref('events') }} as events
inner join {{ ref('stg_users') }} as users on users.user_id = events.user_id
where not events.is_deleted
group by cohort_week, event_name
