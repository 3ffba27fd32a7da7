{{ config(unique_key='session_day_user', partition_by='toYYYYMM(session_day)', order_by='(session_day, user_id)') }}
-- A row a user and day. Days and users that an event has come to, changed in or gone from are counted anew, whole,
-- however long ago they are. Where all events are gone the row stays, with zeros.
with touched as (

    select distinct arrayJoin(places) as place
    from {{ ref('events') }}
    {% if is_incremental() %}
    where version > (select max(events_version) from {{ this }})
    {% endif %}

),

counted as (

    select
        arrayJoin(places) as place,
        not is_deleted and place = (user_id, toDate(occurred_at)) as counts,
        event_name,
        toDateTime(occurred_at) as at
    from {{ ref('events') }}
    where length(places) > 1 or toDate(occurred_at) in (select place.2 from touched)

)

select
    concat(place.1, '_', toString(place.2)) as session_day_user,
    place.1 as user_id,
    place.2 as session_day,
    countIf(counts) as events,
    countIf(counts and event_name = 'session_start') as starts,
    countIf(counts and event_name = 'session_end') as ends,
    -- How far the user came, in this order and time: 1 a session, 2 a cart, 3 a purchase.
    windowFunnel({{ var('funnel_seconds') }})(
        at,
        counts and event_name = 'session_start',
        counts and event_name = 'add_to_cart',
        counts and event_name = 'purchase'
    ) as funnel_step,
    (select max(version) from {{ ref('events') }}) as events_version
from counted
where place in (select place from touched)
group by place
