{#- `seed`, and `build` with it, empties a seed's table before it loads the file. Here a loader may have added rows to
    the same table, so a seed with `meta: {replace_by: <column>}` replaces only its own rows; `--full-refresh` still
    starts afresh. -#}
{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {% set key = model.config.get('meta', {}).get('replace_by') %}
    {% if full_refresh or not key %}
        {{ return(dbt.default__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
    {% endif %}
    {% set sql %}
        delete from {{ old_relation.render() }}
        where {{ adapter.quote(key) }} in (
            {%- for value in agate_table.columns[key].values() | unique -%}
                {{ dbt.string_literal(dbt.escape_single_quotes(value)) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
    {% endset %}
    {% call statement('delete_seed_rows') %}{{ sql }}{% endcall %}
    {{ return(sql) }}
{% endmacro %}
