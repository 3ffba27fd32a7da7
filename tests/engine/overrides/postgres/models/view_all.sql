{{ config(materialized='view', pre_hook="select 'pre'", post_hook="select 'post'", grants={'select': ['pg_read_all_stats' if var('more') else 'pg_monitor']}, persist_docs={'relation': true, 'columns': true}) }}
{% call set_sql_header(config) %} select 'header'; {% endcall %}
select id, name from {{ ref('people') }}
