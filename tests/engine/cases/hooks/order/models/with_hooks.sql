{{ config(
    materialized='table',
    pre_hook=[before_begin(log_line('before begin')), in_transaction(log_line('in transaction'))],
    post_hook=[after_commit(log_line('after commit')), "analyze {{ this }}"],
    sql_header="set local statement_timeout = '60s';"
) }}
select 1 as id
