-- One row a session, whole: every event of it, late ones too.
select
    session_id,
    -- Grouped by the session alone: events before the login have no user.
    (array_agg(user_id order by event_ts, event_id) filter (where user_id is not null))[1] as user_id,
    min(event_ts) as session_start,
    max(event_ts) as session_end,
    count(*) as events,
    count(*) filter (where event_type = 'page_view') as page_views,
    bool_or(event_type = 'purchase') as purchased,
    max(campaign) as campaign,
    max(processing_ts) as processing_ts
from {{ ref('stg_sessions') }}
group by session_id
