-- Click events, typed, each once: the loader delivers at least once, so of two copies the first that arrived stays.
-- depends_on: {{ ref('session_events') }} (the sample rows; nothing to load when a loader fills the table)
select distinct on (event_id)
    event_id,
    session_id,
    user_id,
    event_type,
    {{ moment('event_ts') }} as event_ts,
    page_url,
    nullif(referrer_url, '') as referrer_url,
    payload,
    {{ moment('processing_ts') }} as processing_ts
from {{ source('raw', 'session_events') }}
order by event_id, processing_ts
