{% if execute %}{% set pairs = pivot_note() %}{% endif %}select 1 as id
