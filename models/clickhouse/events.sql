{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        engine='MergeTree()',
        partition_by='toYYYYMM(occurred_at)',
        order_by='(event_name, occurred_at, event_id)',
        ttl="toDateTime(occurred_at) + toIntervalYear(" ~ var('events_kept_years') ~ ")",
        projections=[{'name': 'by_user', 'query': 'select event_name, event_id, occurred_at, user_id order by '
        'user_id, occurred_at'}]
    )
}}
-- Every event as it came, append-only: an event that is delivered twice is here twice. `events_daily` is fed by what is
-- inserted here.
select
    event_id,
    session_id,
    user_id,
    toLowCardinality(event_type) as event_name,
    event_ts::DateTime64(3, 'UTC') as occurred_at,
    page_url,
    payload::JSON as properties,
    processing_ts::DateTime64(3, 'UTC') as ingest_ts
from {{ source('raw', 'session_events') }}
-- depends_on: {{ ref('session_events') }} (the sample rows)
{% if is_incremental() %}
where (event_id, processing_ts) not in (select event_id, ingest_ts from {{ this }})
{% endif %}
