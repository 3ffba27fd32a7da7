{{ config(materialized='table', order_by='id', persist_docs={'relation': true, 'columns': true}) }}
select id, user_id from {{ ref('events') }}
