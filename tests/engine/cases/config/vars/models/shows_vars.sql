-- {{ var('plain') }} {{ var('flag') }} {{ var('nested') }} {{ var('nested')['a'][2]['b'] }}
-- {{ var('missing', 'a default') }} {{ var('missing', none) }} {{ var.has_var('missing') }} {{ var.has_var('plain') }}
-- {{ var('text') | tojson }} {{ var('scoped') }} {{ env_var('CASE_TAG', 'absent') }} {{ env_var('CASE_NUMBER', '3') | int + 1 }}
-- {{ var('at') }} {{ var('day', 'no day') }}
select {{ var('plain') }} as plain, '{{ var("scoped") }}' as scoped, {{ var('limit', 10) }}::int as lim
{%- if var('flag') %}, true as flag{% endif %}
