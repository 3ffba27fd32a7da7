{{ config(severity='error', fail_calc='max(minutes)', warn_if='> 15', error_if='> 15') }}
-- Whole minutes, as dbt wants it, and up: 15 minutes 1 second are over 15. Without any session it fails, too.
select coalesce(ceil(extract(epoch from now() - max(session_end)) / 60), 1000000)::integer as minutes
from {{ ref('user_sessions') }}
