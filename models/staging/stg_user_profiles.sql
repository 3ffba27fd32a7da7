-- User profiles as the application keeps them.
-- depends_on: {{ ref('user_profiles') }} (the sample rows)
select
    user_id,
    username,
    account_type,
    signup_date,
    country,
    updated_at
from {{ source('raw', 'user_profiles') }}
