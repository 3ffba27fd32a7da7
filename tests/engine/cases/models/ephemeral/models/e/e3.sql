{{ config(alias='aliased_e3') }}
select a.id from {{ ref('e2') }} a join {{ ref('e1') }} b using (id)
