{{
    config(
        materialized='incremental',
        unique_key='session_day_user',
        incremental_strategy='atomic_upsert' if target.type == 'clickhouse' else 'delete+insert',
        partition_by='toYYYYMM(session_day)',
        order_by='(session_day, user_id)'
    )
}}
-- One row a user and day. The last three days are counted anew by each build, since events come late; older days stay
-- as they are. On ClickHouse `atomic_upsert` publishes them by one statement, where delete+insert would show a hole to
-- whoever reads in between.
with sessions as (

    select
        {{ not_null_value('e.user_id') }} as user_id,
        {{ dbt.cast('event_ts', 'date') }} as session_day,
        count(*) filter (where event_type = 'session_start') as starts,
        count(*) filter (where event_type in ('session_start', 'page_view')) as page_views,
        count(*) filter (where event_type = 'purchase') as purchases
    from {{ ref('stg_sessions') }} as e
    where e.user_id is not null
    {% if is_incremental() %}
        and event_ts >= {{ dbt.date_trunc('day', before(as_of(), 3, 'day')) }}
    {% endif %}
    group by user_id, {{ dbt.cast('event_ts', 'date') }}

)

select
    {{ dbt.concat(['user_id', "'_'", dbt.cast('session_day', dbt.type_string())]) }} as session_day_user,
    user_id,
    session_day,
    starts,
    page_views,
    purchases
from sessions
