select id, name, at {{ ', 1 as more' if var('more') }} from {{ ref('people') }}
