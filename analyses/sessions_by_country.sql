-- Sessions, their length and how many bought, by country. `tsdbt show --select sessions_by_country` prints it.
select
    coalesce(country, '(no profile)') as country,
    count(*) as sessions,
    round(avg(session_duration_seconds)) as avg_duration_seconds,
    round(100.0 * count(*) filter (where purchased) / count(*), 1) as purchased_percent
from {{ ref('user_sessions') }}
group by 1
order by sessions desc
