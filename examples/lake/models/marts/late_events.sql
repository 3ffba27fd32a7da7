{{ config(enabled=target.type == 'clickhouse', order_by='day') }}
-- A question for the raw stream: what the files hold of Kafka's own time, which no mart has.
select
    toDate(event_ts) as day,
    count() as events,
    countIf(_kafka_ts > event_ts + interval 1 hour) as late,
    max(dateDiff('second', event_ts, assumeNotNull(_kafka_ts))) as latest_seconds
from {{ ref('stg_order_events') }}
group by day
