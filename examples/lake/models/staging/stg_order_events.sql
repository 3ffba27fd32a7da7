-- Postgres reads the table that the loader fills; ClickHouse reads the files in the store, where everything stays.
-- Both give the same rows: nothing behind this model knows which database it is in.
with arrived as (

    select event_id, order_id, customer_id, country, event_type, amount_cents, event_ts, _kafka_ts, _partition, _offset
{% if target.type == 'clickhouse' %}
    from {{ archived_rows(source('raw', 'order_events'), {
        'event_id': 'String',
        'order_id': 'String',
        'customer_id': 'String',
        'country': 'LowCardinality(String)',
        'event_type': 'LowCardinality(String)',
        'amount_cents': 'Int64',
        'event_ts': "DateTime64(3, 'UTC')",
    }) }} as files
{% else %}
    from {{ source('raw', 'order_events') }}
{% endif %}

),

-- A producer that heard no answer sends an event again: the same one at another offset.
numbered as (

    select arrived.*, row_number() over (partition by event_id order by _partition, _offset) as copy
    from arrived

)

select event_id, order_id, customer_id, country, event_type, amount_cents, event_ts, _kafka_ts
from numbered
where copy = 1
