-- Top countries by sessions of the day, which is UTC's, whatever the server's zone is.
select country, count(*) as sessions, avg(session_duration_seconds) as avg_duration
from analytics.user_sessions
where session_start >= toStartOfDay(now('UTC'))
group by country
order by sessions desc
limit 10
