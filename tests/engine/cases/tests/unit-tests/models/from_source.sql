select s.id, s.kind from {{ source('raw', 'events') }} s
