{{ config(materialized='table', tags='hourly') }}
select a.id from {{ ref('a_model') }} a join {{ ref('b_model') }} b using (id)
