-- One row a session, whole: every event of it, late ones too.
select
    session_id,
    -- Grouped by the session alone: events before the login have no user_id, and a group by both would give such a
    -- session two rows. (Written down naively, the user_id is grouped by but never selected by the CTE below it: an
    -- error.)
    {{ last_value_of('user_id', ['user_id is not null', 'event_ts', 'event_id']) }} as user_id,
    min(event_ts) as session_start,
    max(event_ts) as session_end,
    count(*) as events,
    -- count(*) would call each click, login and purchase a page view.
    count(*) filter (where event_type in ('session_start', 'page_view')) as page_views,
    {{ any_row("event_type = 'purchase'") }} as purchased,
    max(processing_ts) as processing_ts
from {{ ref('stg_sessions') }}
group by session_id
