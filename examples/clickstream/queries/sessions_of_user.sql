-- The newest sessions of a user.
select session_start, session_end, page_views, landing_page
from analytics.user_sessions
where user_id = '{{ var("user", "user-00001") }}'
order by session_start desc
limit 5
