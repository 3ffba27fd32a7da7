-- Users as of now.
select user_id, email as email_hash, country, plan, created_at
from {{ source('raw', 'users') }} final
where not _deleted
