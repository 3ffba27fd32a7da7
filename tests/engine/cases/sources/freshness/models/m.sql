select * from {{ source('raw', 'fresh_one') }}
