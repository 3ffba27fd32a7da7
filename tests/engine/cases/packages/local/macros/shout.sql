{% macro shout(name) %}{{ return(adapter.dispatch('shout')(name)) }}{% endmacro %}
