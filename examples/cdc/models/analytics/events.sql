{{
    config(
        unique_key='event_id',
        partition_by='toYYYYMM(occurred_at)',
        order_by='(event_name, occurred_at, user_id, event_id)'
    )
}}
-- Events in the order in which they are read. A deleted one stays with its last values, marked, so that what was
-- counted from it can be counted anew; `places` are all users and days that it has ever been counted under.
with arrived as (

    select distinct event_id
    from {{ new_rows(source('raw', 'events')) }} as arrived

),

present as (

    select 1 as is_there, event_id, user_id, event_name, occurred_at, ifNull(properties, '{}')::JSON as properties
    from {{ source('raw', 'events') }} final
    where not _deleted and event_id in (select event_id from arrived)

){% if is_incremental() %},

known as (

    select 1 as is_known, event_id, user_id, event_name, occurred_at, properties, places
    from {{ this }}
    where event_id in (select event_id from arrived)

){% endif %}

select
    arrived.event_id as event_id,
{% if is_incremental() %}
    if(is_there = 1, present.user_id, known.user_id) as user_id,
    if(is_there = 1, present.event_name, known.event_name) as event_name,
    if(is_there = 1, present.occurred_at, known.occurred_at) as occurred_at,
    if(is_there = 1, present.properties, known.properties) as properties,
    is_there = 0 as is_deleted,
    arrayDistinct(arrayConcat(known.places, if(is_there = 1, [(present.user_id, toDate(present.occurred_at))], [])))
        as places,
    -- One more for each build: what reads this table asks for the versions that it has not seen.
    (select max(version) from {{ this }}) + 1 as version
{% else %}
    present.user_id as user_id,
    present.event_name as event_name,
    present.occurred_at as occurred_at,
    present.properties as properties,
    is_there = 0 as is_deleted,
    [(present.user_id, toDate(present.occurred_at))] as places,
    toUInt64(1) as version
{% endif %}
from arrived
left join present on present.event_id = arrived.event_id
{% if is_incremental() %}
left join known on known.event_id = arrived.event_id
-- An event that came and went between two builds was never counted.
where is_there = 1 or is_known = 1
{% else %}
where is_there = 1
{% endif %}
