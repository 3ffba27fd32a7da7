-- Click events, their times in UTC.
select
    event_id,
    session_id,
    user_id,
    event_type,
    event_ts at time zone 'utc' as event_ts,
    page_url,
    campaign,
    payload,
    processing_ts at time zone 'utc' as processing_ts
from {{ source('raw', 'session_events') }}
-- A message without a value deletes its key.
where _deleted is not true
