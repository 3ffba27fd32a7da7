-- Top countries by sessions of the day.
select country, count(*) as sessions, avg(session_duration_seconds) as avg_duration
from analytics.user_sessions
where session_start >= current_date()
group by country
order by sessions desc
limit 10
