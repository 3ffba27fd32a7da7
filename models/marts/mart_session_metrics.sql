{{
    config(
        materialized='incremental',
        unique_key='session_id',
        incremental_strategy='delete+insert',
        on_schema_change='append_new_columns',
        indexes=[{'columns': ['session_id'], 'unique': true}, {'columns': ['session_start']}]
    )
}}
-- Metrics a session; sessions of a single event have no duration and stay out.
with sessions as (

    select
        session_id,
        user_id,
        session_start,
        session_end,
        extract(epoch from (session_end - session_start))::numeric(12, 3) as duration_seconds,
        events,
        page_views,
        purchased,
        processing_ts
    from {{ ref('int_sessions') }}
    {% if is_incremental() %}
    -- Incremental by arrival, not by the day of the load: int_sessions gives a session the arrival of its newest event, so a late
    -- event brings back its whole session, and the key replaces the old row.
    where processing_ts >= (
        select coalesce(max(processing_ts), '-infinity') - interval '{{ var("lookback_minutes") }} minutes'
        from {{ this }}
    )
    {% endif %}

)

select *
from sessions
-- A WHERE cannot see the alias of its own SELECT, hence the CTE.
where duration_seconds > 0
