{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        engine='ReplacingMergeTree(ingest_ts)',
        order_by='(event_id)'
    )
}}
-- Events, each once: of two copies the newer stays, which ReplacingMergeTree sees to while it merges; until then
-- `final` does.
select event_id, session_id, user_id, event_name, occurred_at, page_url, properties, ingest_ts
from {{ ref('events') }}
{% if is_incremental() %}
where (event_id, ingest_ts) not in (select event_id, ingest_ts from {{ this }})
{% endif %}
