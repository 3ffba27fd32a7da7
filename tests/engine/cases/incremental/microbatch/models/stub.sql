{{ config(materialized='ephemeral', event_time='at') }}
select * from {{ ref('events') }}
