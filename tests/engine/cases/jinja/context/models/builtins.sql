-- depends_on: {{ ref('nums') }}
-- {{ local_md5('x') }} {{ tojson({'b': [1, 2.0, none, true], 'a': 'ü"'}) }} {{ tojson({'b': 1, 'a': 2}, sort_keys=true) }} {{ fromjson('{"k": [1, 2]}')['k'] }}
-- {{ fromyaml('a: [1, yes, 2026-01-01]\nb: {c: d}') }} {{ toyaml({'a': [1, 'two']}) | replace('\n', '|') }}
-- {{ set([1, 2, 2, 3]) | length }} {{ zip([1, 2], ['a', 'b']) | list }} {{ zip_strict([1], [2]) | list }} {{ set_strict(['b']) }}
-- {{ target.name }} {{ target.type }} {{ target.schema }} {{ target.threads }} {{ target.profile_name }} {{ project_name }} {{ model.unique_id }} {{ model.fqn }} {{ model.config.materialized }}
-- {{ flags.FULL_REFRESH }} {{ flags.WHICH }} {{ execute }} {{ dbt_version[:4] }} {{ builtins.ref('nums') }} {{ this.name }} {{ selected_resources | sort | first }} {{ schema }} {{ database }}
-- {{ adapter.quote('x') }} {{ adapter.type() }} {{ api.Relation.create(schema='s', identifier='i') }} {{ api.Column('c', 'varchar', char_size=5).data_type }} {{ api.Column.translate_type('string') }}
/* {{ dbt.type_string() }} {{ dbt.dateadd('day', 1, 'x') }} {{ dbt.datediff("'2026-01-01'", "'2026-02-01'", 'month') }} {{ dbt.concat(['a', 'b']) }} {{ dbt.safe_cast("'1'", 'int') }} {{ dbt.hash('a') }} */
/* {{ dbt.split_part('a', "','", 2) }} {{ dbt.listagg('a', "','", 'order by a') }} {{ dbt.date_trunc('month', 'a') }} {{ dbt.last_day('a', 'quarter') }} {{ dbt.any_value('a') }} {{ dbt.bool_or('a') }} {{ dbt.position("'a'", 'b') }} {{ dbt.length('a') }} {{ dbt.right('a', 2) }} {{ dbt.cast_bool_to_text('true') }} {{ dbt.array_construct([1, 2]) }} {{ dbt.array_append('a', 1) }} {{ dbt.array_concat('a', 'b') }} */
/* {{ dbt.except() }} {{ dbt.intersect() }} {{ dbt.string_literal("x") }} {{ dbt.type_timestamp() }} {{ dbt.type_numeric() }} {{ dbt.type_bigint() }} {{ dbt.type_float() }} {{ dbt.type_int() }} {{ dbt.type_boolean() }} {{ dbt.replace('a', "'b'", "'c'") }} {{ dbt.date_spine_all is defined }} */
{%- if execute %}
{%- set rel = adapter.get_relation(database=target.database, schema=target.schema, identifier='nums') %}
-- {{ rel }} {{ rel.is_table }} {{ rel.type }} {{ adapter.get_relation(target.database, target.schema, 'nothing') }} {{ load_relation(ref('nums')) is not none }}
-- {% for c in adapter.get_columns_in_relation(rel) %}{{ c.name }}:{{ c.data_type }}:{{ c.is_numeric() }} {% endfor %}
-- {{ graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | sort | join(' ') }} {{ graph.sources | length }}
-- {{ adapter.check_schema_exists(target.database, target.schema) }} {{ diff_of_two_dicts({'a': ['x', 'y']}, {'a': ['y']}) }}
{%- endif %}
{% raw %}-- {{ raw }} {% not_a_tag %}{% endraw %}
{# a comment #}
{% call wrap() -%} called {%- endcall %}
{%- set ns = namespace(total=0) %}
{%- for n in range(1, 6) if n is odd %}{% set ns.total = ns.total + n %}{% endfor %}
select {{ ns.total }} as total, {{ "'%s-%s'" | format('a', 'b') }} as formatted, {{ [3, 1, 2] | sort | tojson | replace('[', "'[") | replace(']', "]'") }} as sorted
