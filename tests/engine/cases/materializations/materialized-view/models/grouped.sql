{{ config(indexes=[{'columns': ['rest']}], post_hook="comment on materialized view {{ this }} is 'hooked'") }}
select rest, count(*) as cnt from {{ ref('indexed') }} group by rest
