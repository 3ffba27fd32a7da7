select table_name from {{ source('info', 'catalogue') }}
