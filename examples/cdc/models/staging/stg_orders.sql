-- Orders as of now.
select order_id, user_id, status, amount, ordered_at
from {{ source('raw', 'orders') }} final
where not _deleted
