{% macro shout(text) %}{{ return(adapter.dispatch('shout', 'helper')(text)) }}{% endmacro %}
{% macro default__shout(text) %}'{{ text | upper }}'{% endmacro %}
