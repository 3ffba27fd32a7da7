{{
    config(
        materialized='incremental',
        unique_key='session_id',
        incremental_strategy='atomic_upsert' if target.type == 'clickhouse' else 'delete+insert',
        on_schema_change='append_new_columns',
        indexes=[{'columns': ['session_id'], 'unique': true}, {'columns': ['session_start']}]
        if target.type == 'postgres' else [],
        order_by='(session_id)'
    )
}}
-- Metrics a session; sessions of a single event have no duration and stay out.
with sessions as (

    select
        session_id,
        user_id,
        session_start,
        session_end,
        {{ seconds_between('session_start', 'session_end') }} as duration_seconds,
        events,
        page_views,
        purchased,
        processing_ts
    from {{ ref('int_sessions') }}
    -- Every session that an event has arrived for since the last build, whole: a late event is simply a new row, its
    -- session comes back with all of its events, and the key replaces the old row. No guess by max(timestamp), which
    -- loses what commits late.
    where session_id in (select session_id from {{ arrived_rows(source('raw', 'session_events')) }} as arrived)

)

select *
from sessions
-- A WHERE cannot see the alias of its own SELECT, hence the CTE.
where duration_seconds > 0
