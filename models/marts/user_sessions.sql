{{ config(order_by='(user_id, session_start)', query_settings={'join_use_nulls': 1}) }}
-- Sessions a user: {{ var('inactivity_minutes') }} minutes without an event end one, whatever session_id the site gave.
with ordered_events as (

    select
        {{ not_null_value('e.user_id') }} as user_id,
        event_id,
        event_type,
        event_ts,
        page_url,
        referrer_url,
        {{ previous('event_ts', 'user_id', 'event_ts, event_id') }} as previous_event_ts
    from {{ ref('stg_sessions') }} as e
    where e.user_id is not null

),

numbered_events as (

    select
        *,
        count(*) filter (
            where previous_event_ts is null
            or previous_event_ts < {{ before('event_ts', var('inactivity_minutes'), 'minute') }}
        ) over (partition by user_id order by event_ts, event_id) as session_num
    from ordered_events

),

sessions as (

    select
        user_id,
        session_num,
        min(event_ts) as session_start,
        max(event_ts) as session_end,
        count(*) filter (where event_type in ('session_start', 'page_view')) as page_views,
        {{ any_row("event_type = 'purchase'") }} as purchased,
        -- The first and the last page in time; min(page_url) would be the first in the alphabet.
        {{ first_value_of('page_url', ['event_ts', 'event_id']) }} as landing_page,
        {{ last_value_of('page_url', ['event_ts', 'event_id']) }} as exit_page,
        {{ first_value_of('referrer_url', ['event_ts', 'event_id']) }} as entry_referrer
    from numbered_events
    group by user_id, session_num

)

select
    s.user_id || '-' || s.session_num as user_session_id,
    s.user_id,
    p.username,
    p.account_type,
    p.country,
    s.session_num::integer as session_num,
    s.session_start,
    s.session_end,
    {{ dbt.cast('round(' ~ seconds_between('s.session_start', 's.session_end') ~ ')',
        'integer') }} as session_duration_seconds,
    s.page_views::integer as page_views,
    s.purchased,
    s.landing_page,
    s.exit_page,
    s.entry_referrer
from sessions as s
-- Left: a session counts although its user has no profile yet.
left join {{ ref('stg_user_profiles') }} as p on p.user_id = s.user_id
