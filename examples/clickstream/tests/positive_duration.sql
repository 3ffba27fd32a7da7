{{ config(severity='error', error_if='> 0') }}
select * from {{ ref('user_sessions') }} where session_duration_seconds < 0
