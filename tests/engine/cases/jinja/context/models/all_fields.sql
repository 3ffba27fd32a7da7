{# The first walk over a dict that is made when it is asked for. -#}
{% for key, value in model.items() if key not in ['config_call_dict', 'unrendered_config_call_dict'] -%}
-- {{ key }}: {{ value is mapping }} {{ value is string }}
{% endfor -%}
{% for key in model.keys() if not key.endswith('config_call_dict') -%}
-- {{ key }}
{% endfor -%}
select {{ model.values() | list | length > 20 }} as many
