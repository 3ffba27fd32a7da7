{{ config(materialized='incremental', pre_hook="{% if is_incremental() %}" ~ log_line('incremental') ~ "{% else %}" ~ log_line('first') ~ "{% endif %}", unique_key='id') }}
select 1 as id, count(*) as n from {{ ref('with_hooks') }}
