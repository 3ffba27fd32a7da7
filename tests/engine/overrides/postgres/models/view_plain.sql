select id, name, updated_at {{ ', 1 as more' if var('more') }} from {{ ref('people') }}
