-- Every session of the marts belongs to a user.
select session_id, session_start from {{ ref('mart_session_metrics') }} where user_id is null
union all
select user_session_id, session_start from {{ ref('user_sessions') }} where user_id is null
