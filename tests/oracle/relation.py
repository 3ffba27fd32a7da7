"""Records what templates see of real dbt-postgres' Relation, Column and adapter.

npm run --silent oracle -- relation > tests/engine/unit/adapters/golden/relation.json
"""

import json
from datetime import datetime, timezone

import jinja2
from dbt.adapters.base.relation import EventTimeFilter
from dbt.adapters.postgres.column import PostgresColumn
from dbt.adapters.postgres.impl import PostgresAdapter
from dbt.adapters.postgres.relation import PostgresRelation


class Proxy:
    """dbt's RelationProxy with a project that quotes no identifiers."""

    def __getattr__(self, key):
        return getattr(PostgresRelation, key)

    def create(self, *args, **kwargs):
        kwargs["quote_policy"] = {
            **{"database": True, "schema": True, "identifier": False},
            **kwargs.pop("quote_policy", {}),
        }
        return PostgresRelation.create(*args, **kwargs)


class Adapter:
    def __getattr__(self, key):
        if key in (
            "quote",
            "render_raw_columns_constraints",
            "render_raw_model_constraints",
            "get_hard_deletes_behavior",
        ):
            return getattr(PostgresAdapter, key)
        raise AttributeError(key)


R = "Relation.create(database='db', schema='sc', identifier='Tab', type='table')"
EXPRESSIONS = [
    R,
    f"{R} | string",
    f"[{R}]",
    f"{R}.render()",
    f"{R}.include(database=false)",
    f"{R}.include(False)",
    f"{R}.include(schema=False, identifier=False)",
    f"{R}.quote(identifier=false)",
    f"{R}.quote(False, False, False)",
    f"{R}.quote()",
    f"{R}.without_identifier()",
    f"{R}.without_identifier().identifier",
    f"{R}.information_schema()",
    f"{R}.information_schema('tables')",
    f"[{R}.information_schema('tables')]",
    f"{R}.information_schema(nope).render()",
    f"{R}.information_schema_only()",
    f"{R}.include(database=false).information_schema('columns')",
    f"{R}.replace_path(identifier='x')",
    f"{R}.replace_path(database=none)",
    f"{R}.incorporate(path={{'identifier': 'y'}})",
    f"{R}.incorporate(type='view').type",
    f"{R}.incorporate(type='view').is_view",
    f"{R}.incorporate(path={{'schema': none, 'database': none}})",
    f"{R}.incorporate(quote_policy={{'schema': false}})",
    f"{R}.incorporate(include_policy={{'schema': false}})",
    f"{R}.database",
    f"{R}.schema",
    f"{R}.identifier",
    f"{R}.name",
    f"{R}.table",
    f"{R}.type",
    f"{R}.is_table",
    f"{R}.is_view",
    f"{R}.is_cte",
    f"{R}.is_materialized_view",
    f"{R}.is_pointer",
    f"{R}.get_function_config({{'resource_type': 'model'}})",
    f"{R}.get_function_config({{'resource_type': 'function', 'config': {{'type': 'scalar'}}}})",
    f"{R}.get_function_config({{'resource_type': 'function', 'language': 'sql', 'config': {{}}}})",
    f"{R}.get_function_config({{'resource_type': 'function', 'language': 'python', "
    "'config': {'type': 'scalar', 'entry_point': 'main'}})",
    f"{R}.get_function_config({{'resource_type': 'function', 'language': 'python', "
    "'config': {'type': 'scalar', 'runtime_version': '3.11'}})",
    f"{R}.get_function_macro_name({R}.get_function_config({{'resource_type': 'function', 'language': 'python', "
    "'config': {'type': 'aggregate', 'runtime_version': '3.11', 'entry_point': 'main'}}))",
    f"{R}.is_function",
    f"{R}.can_be_renamed",
    f"{R}.can_be_replaced",
    f"{R}.incorporate(type='materialized_view').can_be_renamed",
    f"{R}.path",
    f"{R}.path.schema",
    f"{R}.path['identifier']",
    f"{R}.path.get_part('schema')",
    f"{R}.path.get_lowered_part('identifier')",
    f"{R}.quote_policy",
    f"{R}.quote_policy.identifier",
    f"{R}.include_policy.replace(database=False)",
    f"{R}.quote_character",
    f"{R}.limit",
    f"{R}.dbt_created",
    f"{R}.require_alias",
    f"{R}.event_time_filter",
    f"{R}['schema']",
    f"{R}['nope']",
    f"{R}.nope",
    f"{R}.get('schema')",
    f"{R}.get('nope')",
    f"{R}.get('nope', 'other')",
    f"{R}.get('metadata')",
    f"{R}.get('metadata').type",
    f"{R}.relation_max_name_length()",
    f"{R}.quoted('a')",
    f"{R}.matches(identifier='Tab')",
    f"{R}.matches(database='db', schema='sc', identifier='Tab')",
    f"{R}.matches(identifier='other')",
    f"{R}.matches(identifier='tab')",
    f"{R}.matches()",
    f"{R}.incorporate(dbt_created=true, quote_policy={{'identifier': false}}).matches(identifier='TAB')",
    f"{R} == {R}",
    f"{R} == {R}.incorporate(type='view')",
    f"{R} == {R}.quote(identifier=false)",
    f"{R} in [{R}]",
    f"{R} == 'x'",
    f"{R} != {R}",
    f"{{{R}: 1}}[{R}]",
    f"{R} is mapping",
    f"{R} is string",
    f"{R} is iterable",
    f"{R} ~ '_x'",
    f"{R} if {R} else 'no'",
    f"{R} | length",
    f"{R} | list",
    f"{R}.incorporate(limit=0)",
    f"{R}.incorporate(limit=10)",
    f"{R}.incorporate(limit=0).render()",
    f"{R}.incorporate(limit=0).include(database=false)",
    f"{R}.render_limited()",
    f"{R}.incorporate(require_alias=false, limit=0)",
    f"{R}.incorporate(event_time_filter=filter_both)",
    f"{R}.incorporate(event_time_filter=filter_start)",
    f"{R}.incorporate(event_time_filter=filter_end, limit=0)",
    f"{R}.View",
    f"{R}.MaterializedView",
    f"{R}.get_relation_type('view')",
    "Relation.View",
    "Relation.CTE",
    "Relation.External",
    "Relation.Table",
    "Relation.create()",
    "Relation.create().render()",
    "Relation.create(identifier='x')",
    "Relation.create('d', 's', 'i')",
    "Relation.create(schema='s', identifier='i', quote_policy={'schema': false})",
    "Relation.create(database='d', schema='s', identifier='i', include_policy={'database': false})",
    "Relation.create(identifier='i', type='nope')",
    "Relation.create(identifier=nope)",
    "Relation.create(database=3)",
    "Relation.create(identifier='i', unknown='x')",
    "Relation.add_ephemeral_prefix('m')",
    "Relation.scd_args('id', 'ts')",
    "Relation.scd_args(['a', 'b'], 'ts')",
    "Relation.get_default_quote_policy()",
    "Relation.get_default_include_policy()",
    "Relation.get_relation_type('nope')",
    "Relation.create(identifier='x' * 63, type='table').identifier | length",
    "Relation.create(identifier='x' * 64, type='table')",
    "Relation.create(identifier='x' * 64).identifier | length",
    "Relation.create(identifier='é' * 31, type='table').identifier | length",
    "Relation.create(schema='s', identifier='a\"b')",
    "Column('a', 'text')",
    "[Column('a', 'text')]",
    "Column('a', 'text').name",
    "Column('a', 'text').column",
    "Column('a', 'text').quoted",
    "Column('a', 'text').dtype",
    "Column('a', 'text').data_type",
    "Column('a', 'TEXT').data_type",
    "Column('a', 'character varying').data_type",
    "Column('a', 'character varying', 20).data_type",
    "Column('a', 'varchar').data_type",
    "Column('a', 'varchar', 5).data_type",
    "Column('a', 'character', 5).data_type",
    "Column('a', 'numeric', none, 10, 2).data_type",
    "Column('a', 'numeric', none, 10).data_type",
    "Column('a', 'numeric').data_type",
    "Column('a', 'decimal', numeric_precision=5, numeric_scale=1).data_type",
    "Column('a', 'integer').data_type",
    "Column('a', 'integer').expanded_data_type",
    "Column('a', 'integer').is_integer()",
    "Column('a', 'BIGINT').is_integer()",
    "Column('a', 'integer').is_number()",
    "Column('a', 'float8').is_float()",
    "Column('a', 'numeric').is_numeric()",
    "Column('a', 'text').is_string()",
    "Column('a', 'text').string_size()",
    "Column('a', 'varchar', 7).string_size()",
    "Column('a', 'integer').string_size()",
    "Column('a', 'varchar', 5).can_expand_to(Column('a', 'varchar', 7))",
    "Column('a', 'varchar', 7).can_expand_to(Column('a', 'varchar', 5))",
    "Column('a', 'integer').can_expand_to(Column('a', 'varchar', 5))",
    "Column('a', 'text').literal('x')",
    "Column('a', 'text') == Column('a', 'text')",
    "Column('a', 'text') == Column('a', 'int')",
    "Column.translate_type('string')",
    "Column.translate_type('STRING')",
    "Column.translate_type('int')",
    "Column.create('a', 'string')",
    "Column.create('a', 'INTEGER').dtype",
    "Column.string_type(5)",
    "Column.numeric_type('numeric', 5, 2)",
    "Column.numeric_type('numeric', none, 2)",
    "Column.from_description('a', 'numeric(10,2)')",
    "Column.from_description('a', 'varchar(5)')",
    "Column.from_description('a', 'text')",
    "Column.from_description('a', 'varchar(x)')",
    "Column.TYPE_LABELS",
    "Column('a', 'text').nope",
    "Column('a')",
    "Column('a', 'text').nope()",
    "Relation.create(identifier='x').nope()",
    "Relation.create(identifier='x').path.nope()",
    "adapter.quote('a')",
    "adapter.quote('a\"b')",
    "adapter.render_raw_columns_constraints({'a': {'name': 'a', 'data_type': 'int', 'constraints': [{'type': "
    "'not_null'}, {'type': 'check', 'expression': 'a > 0'}]}})",
    "adapter.render_raw_columns_constraints({'a': {'name': 'a', 'data_type': 'int', 'quote': true, 'constraints': "
    "[{'type': 'unique'}, {'type': 'primary_key', 'expression': 'x'}, {'type': 'check'}]}})",
    "adapter.render_raw_columns_constraints({'a': {'name': 'a', 'data_type': 'int', 'constraints': [{'type': "
    "'foreign_key', 'to': 't', 'to_columns': ['x', 'y']}, {'type': 'foreign_key', 'expression': 't (x)'}, {'type': "
    "'custom', 'expression': 'z'}]}})",
    "adapter.render_raw_columns_constraints({'a': {'name': 'a', 'data_type': 'int', 'constraints': [{'type': "
    "'nope'}]}})",
    "adapter.render_raw_model_constraints([{'type': 'check', 'expression': 'a > 0', 'name': 'c'}, {'type': 'unique', "
    "'columns': ['a', 'b']}, {'type': 'unique', 'columns': ['a'], 'expression': 'nulls not distinct'}])",
    "adapter.render_raw_model_constraints([{'type': 'primary_key', 'columns': ['a'], 'name': 'pk'}, {'type': "
    "'foreign_key', 'columns': ['a'], 'to': 't', 'to_columns': ['x']}, {'type': 'foreign_key', 'columns': ['a'], "
    "'expression': 't (x)'}, {'type': 'custom', 'expression': 'exclude'}, {'type': 'not_null', 'columns': ['a']}])",
    "adapter.get_hard_deletes_behavior({})",
    "adapter.get_hard_deletes_behavior({'hard_deletes': 'new_record'})",
    "adapter.get_hard_deletes_behavior({'invalidate_hard_deletes': true})",
    "adapter.get_hard_deletes_behavior({'invalidate_hard_deletes': false})",
    "adapter.get_hard_deletes_behavior({'hard_deletes': 'invalidate'})",
    "adapter.get_hard_deletes_behavior({'hard_deletes': 'ignore'})",
    "adapter.get_hard_deletes_behavior({'hard_deletes': 'x'})",
    "adapter.get_hard_deletes_behavior({'hard_deletes': 'ignore', 'invalidate_hard_deletes': true})",
]

env = jinja2.Environment()
start = datetime(2024, 1, 1, tzinfo=timezone.utc)
end = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
context = {
    "Relation": Proxy(),
    "Column": PostgresColumn,
    "adapter": Adapter(),
    "filter_both": {"field_name": "at", "start": start.isoformat(), "end": end.isoformat()},
    "filter_start": {"field_name": "at", "start": start.isoformat()},
    "filter_end": {"field_name": "at", "end": end.isoformat()},
}


def evaluate(expression):
    try:
        return {"text": env.from_string("{{ " + expression + " }}").render(**context)}
    except Exception as e:
        return {"error": type(e).__name__, "message": str(getattr(e, "msg", None) or e)}


print(json.dumps([{"expression": e, **evaluate(e)} for e in EXPRESSIONS], indent=1))
