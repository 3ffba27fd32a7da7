{% test any_rows(model, min_rows=1) %}
{{ config(fail_calc = 'coalesce(max(missing), 0)') }}
select {{ min_rows }} - count(*) as missing from {{ model }} having count(*) < {{ min_rows }}
{% endtest %}
