select user_id, username, account_type, signup_date, country
from {{ source('raw', 'users') }}
