{{
    config(
        materialized='materialized_view',
        engine='AggregatingMergeTree()',
        order_by='(day, event_name)'
    )
}}
-- A rollup that ClickHouse keeps while rows go into `events`. States of distinct ids, so that an event delivered twice
-- counts once:
-- select day, event_name, uniqExactMerge(events) as events, uniqExactMerge(users) as users from events_daily group by
-- day, event_name
select
    toDate(occurred_at) as day,
    event_name,
    uniqExactState(event_id) as events,
    uniqExactState(user_id) as users
from {{ ref('events') }}
group by day, event_name
