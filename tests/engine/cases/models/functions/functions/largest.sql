select max(id) from {{ ref('numbers') }}
