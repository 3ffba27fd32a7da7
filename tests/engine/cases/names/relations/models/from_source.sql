select id, '{{ source("quoted", "t") }}' as s from {{ source('quoted', 't') }}
