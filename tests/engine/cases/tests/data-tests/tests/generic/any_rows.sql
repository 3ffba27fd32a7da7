{% test any_rows(model, at_least=1, column_name=none) %}
{{ config(severity='error', fail_calc='coalesce(sum(missing), 0)') }}
select {{ at_least }} - count(*) as missing from {{ model }} having count(*) < {{ at_least }}
{% endtest %}
