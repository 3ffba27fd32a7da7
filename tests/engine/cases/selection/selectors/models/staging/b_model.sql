select id from {{ ref('a_model') }}
