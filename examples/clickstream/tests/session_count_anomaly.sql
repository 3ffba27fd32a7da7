{{ config(severity='warn', fail_calc='sum(unusual)', warn_if='> 0') }}
-- Days and hours are those of UTC, whatever the server's zone is.
select
    case
        when count(*) < 100 and extract(hour from now() at time zone 'utc') between 8 and 22 then 1
        else 0
    end as unusual
from {{ ref('user_sessions') }}
where session_start >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
