{{ config(materialized='table') }}
-- with in a comment
WITH  first as (select * from {{ ref('e2') }})
select first.* from first, {{ ref('e1') }} e where first.id = e.id
