{{ config(severity='warn') }}
-- A warning when the day has fewer than 100 sessions by the business hours (8 to 22 UTC): tracking may have broken.
select count(*) as sessions
from {{ ref('user_sessions') }}
where session_start >= date_trunc('day', {{ as_of() }})
having count(*) < 100
    and extract(hour from {{ as_of() }}) between 8 and 22
