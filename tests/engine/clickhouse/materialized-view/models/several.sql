{{ config(materialized='materialized_view', engine='MergeTree()', order_by='id') }}
--early:begin
select id, 'early' as half from {{ ref('events') }} where id < 3
--early:end

union all

--late:begin
select id, 'late' as half from {{ ref('events') }} where id >= 3
--late:end
