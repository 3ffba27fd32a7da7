{% macro make_log() %}
create table if not exists {{ target.schema }}.log (n serial, what text)
{% endmacro %}

{% macro log_line(what) %}insert into {{ target.schema }}.log (what) values ({{ dbt.string_literal(what) }}){% endmacro %}

{% macro log_results(results) %}
    {% if execute %}
        {% for r in results | sort(attribute='node.unique_id') %}
            {% do run_query(log_line(r.node.resource_type ~ ' ' ~ r.node.name ~ ' ' ~ r.status ~ ' ' ~ (r.failures if r.failures is not none else '-'))) %}
        {% endfor %}
    {% endif %}
    select 1
{% endmacro %}
