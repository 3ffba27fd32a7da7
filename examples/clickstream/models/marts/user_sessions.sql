{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='user_id',
    indexes=[{'columns': ['user_id']}]) }}
-- Sessions a user: an event more than {{ var('inactivity_minutes') }} minutes after the one before begins one.
with profiles as (

    select
        user_id,
        username,
        account_type,
        -- Copies are sorted and partitioned by it, so it is never null.
        coalesce(country, 'unknown') as country
    from {{ ref('stg_user_profiles') }}

),

-- A late event renumbers its user's sessions, and a changed profile is on all of them: the user comes anew, whole.
concerned as (

    select user_id
    from {{ new_rows(source('raw', 'page_views')) }} as arrived
    {%- if is_incremental() %}
    union
    select s.user_id
    from {{ this }} as s
    left join profiles as u on u.user_id = s.user_id
    where (s.username, s.account_type, s.country)
        is distinct from (u.username, u.account_type, coalesce(u.country, 'unknown'))
    {%- endif %}

),

ordered_events as (

    select
        *,
        lag(event_time) over (partition by user_id order by event_time, event_id) as prev_event_time
    from {{ ref('stg_clickstream') }}
    where user_id in (select user_id from concerned)

),

session_ids as (

    select
        *,
        count(*) filter (
            where prev_event_time is null
            or event_time - prev_event_time > interval '{{ var("inactivity_minutes") }} minutes'
        ) over (partition by user_id order by event_time, event_id) as session_num
    from ordered_events

),

sessions as (

    select
        user_id,
        session_num,
        min(event_time) as session_start,
        max(event_time) as session_end,
        count(*) as page_views,
        -- The first and the last in time; min(page_url) is the first in the alphabet.
        (array_agg(page_url order by event_time, event_id))[1] as landing_page,
        (array_agg(page_url order by event_time desc, event_id desc))[1] as exit_page,
        (array_agg(referrer_url order by event_time, event_id))[1] as entry_referrer
    from session_ids
    group by user_id, session_num

)

select
    s.user_id,
    u.username,
    u.account_type,
    coalesce(u.country, 'unknown') as country,
    s.session_num::integer as session_num,
    s.session_start,
    s.session_end,
    extract(epoch from s.session_end - s.session_start)::integer as session_duration_seconds,
    s.page_views::integer as page_views,
    s.landing_page,
    s.exit_page,
    s.entry_referrer
from sessions as s
-- Left: a session counts although its user has no profile yet.
left join profiles as u on u.user_id = s.user_id
