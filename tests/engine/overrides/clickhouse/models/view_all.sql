{{ config(materialized='view', pre_hook="select 'pre'", post_hook="select 'post'", persist_docs={'relation': true, 'columns': true}) }} select id, name from {{ ref('people') }}
