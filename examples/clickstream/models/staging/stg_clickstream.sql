-- Click events that belong to somebody.
select event_id, user_id, page_url, referrer_url, event_time
from {{ source('raw', 'page_views') }}
-- A message without a value deletes its key.
where user_id is not null and _deleted is not true
