{# Hooks of the root project run before those of packages, which run by name. #}
{% macro say(what) %}insert into {{ target.schema }}.said (what) values ('{{ what }}'){% endmacro %}
{% macro base() %}{{ var('base') }}{% endmacro %}
