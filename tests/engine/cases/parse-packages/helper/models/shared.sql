{{ config(tags=['in_file'], materialized='view') }}
select '{{ var("from_root") }}' as a, '{{ var("own") }}' as b from {{ source('helper_source', 'one') }}
