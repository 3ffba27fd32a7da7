select id, name from {{ source('shop', 'users') }} -- {{ stamp() }}
