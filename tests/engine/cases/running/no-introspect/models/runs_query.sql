{% set r = run_query('select 1 as x') %}
select {{ r.columns[0].values()[0] if execute else 0 }} as id
