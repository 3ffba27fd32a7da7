{{ config(materialized='table', indexes=[{'columns': ['id']}], grants={'select': ['pg_monitor']}, persist_docs={'relation': true, 'columns': true}) }} select id, name from {{ ref('rows') }}
