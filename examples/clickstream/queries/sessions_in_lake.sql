-- What stands in the Iceberg table, by day. ClickHouse reads it from the store: the named collection has path and keys.
select toDate(session_start, 'UTC') as day, uniqExact(country) as countries, count(*) as sessions_in_lake
from icebergS3("lake_sessions")
group by day
order by day desc
