{{ config(materialized='view', event_time='at') }}
select * from {{ ref('events') }}
