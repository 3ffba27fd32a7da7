{{ config(unique_key='session_id', indexes=[{'columns': ['session_id'], 'unique': true}]) }}
-- Metrics a session: a session that an event has arrived for comes again, whole.
with sessions as (

    select
        *,
        extract(epoch from session_end - session_start)::numeric(12, 3) as duration_seconds
    from {{ ref('int_sessions') }}
    where session_id in (select session_id from {{ new_rows(source('raw', 'session_events')) }} as arrived)

)

select
    session_id,
    user_id,
    session_start,
    session_end,
    duration_seconds,
    events,
    page_views,
    purchased,
    campaign,
    processing_ts
from sessions
-- A session of one event has no duration yet.
where duration_seconds > 0
