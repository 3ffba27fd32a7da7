{% set metrics = [metric('revenue'), metric('growth')] %}
{% for m in metrics %}
  {%- if execute %}
-- {{ m }}: {{ m.name }}, {{ m.metric_name }}, {{ m.label }}, {{ m.description }}, {{ m.package_name }}, {{ m.filter }},
-- {{ m.resource_type }}, {{ m.unique_id }}, {{ m.config.meta }}, {{ m.absent }}
  {%- endif %}
{% endfor %}
select 1 as id
