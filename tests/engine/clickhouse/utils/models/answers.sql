{{ config(materialized='table') }}
{%- if execute -%}
{%- set base = adapter.get_relation(database='', schema=target.schema, identifier='base') -%}
{%- set answers = [
    base, base.type, base.can_exchange, base.can_on_cluster, base.should_on_cluster, base.derivative('_x', 'view'), base.mvs_pointing_to_it, adapter.get_columns_in_relation(base),
    adapter.get_column_schema_from_query("select 1 as a, toDecimal64(1, 3) as b, 'x'::LowCardinality(Nullable(String)) as c, now64(3) as d, toFixedString('ab', 2) as e"),
    adapter.get_clickhouse_cluster_name(), adapter.get_clickhouse_local_suffix(), adapter.get_clickhouse_local_db_prefix(), adapter.supports_atomic_exchange(),
    adapter.is_before_version('30.0'), adapter.is_at_or_after_version('20.1'), adapter.can_exchange(target.schema, 'table'), adapter.can_exchange(target.schema, 'view'),
    adapter.should_on_cluster(), adapter.calculate_incremental_strategy(none), adapter.calculate_incremental_strategy('delete+insert'), adapter.clickhouse_db_engine_clause(),
    api.Column.create('a', 'Nullable(Int8)').data_type, api.Column('a', 'LowCardinality(Nullable(String))'), api.Relation.create(schema='x', identifier='y', type='dictionary'),
    adapter.get_ch_database(target.schema).engine, adapter.get_ch_database('nowhere'), adapter.quote('a b'), clickhouse_s3source(bucket='b', path='p.csv', fmt='CSV', structure=['a Int8']) | trim,
    adapter.filter_settings_by_engine({'replicated_deduplication_window': 1, 'x': 2}, 'Memory'), modules.datetime.date(2026, 1, 2), target.type, target.schema, this, this.schema, this.database
] -%}
{% for answer in answers -%}
select {{ loop.index }} as number, '{{ (answer | string).replace("\\", "\\\\").replace("'", "\\'") }}' as answer {{ 'union all' if not loop.last }}
{% endfor %}
{%- else -%}
select 1
{%- endif %}
-- depends_on: {{ ref('base') }}
