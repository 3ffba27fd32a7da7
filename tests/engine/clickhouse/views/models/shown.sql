select user_id, count() as n, sum(amount) as total from {{ ref('base') }} group by user_id
