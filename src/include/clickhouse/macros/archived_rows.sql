{#- The files of an archive as rows. Address and keys of the store stand in a named collection of the server, of the
    name of the archive's connection: neither compiled SQL nor logs have them. -#}
{% macro clickhouse__archived_rows(source, columns, collection=none) %}
  {#- A unit test's rows are given. -#}
  {%- if not execute or model.resource_type == 'unit_test' -%}{{ return(source) }}{%- endif -%}
  {%- set found = namespace(load=none, shared={}) -%}
  {%- for candidate in graph.sources.values() if candidate.schema == source.schema
      and candidate.identifier == source.identifier -%}
    {%- set found.load = ((candidate.meta or candidate.config.meta or {}).get('tsdbt') or {}).get('load') or {} -%}
    {%- set found.shared = ((candidate.source_meta or {}).get('tsdbt') or {}).get('load') or {} -%}
  {%- endfor -%}
  {%- set load = found.load or {} -%}
  {%- set archive = load.get('archive', found.shared.get('archive')) -%}
  {%- if not archive -%}
    {{ exceptions.raise_compiler_error("archived_rows: " ~ source ~ " has no archive. It needs meta: {tsdbt: {load: "
        "{archive: {connection, path}}}}.") }}
  {%- endif -%}
  {%- set topic = load.get('topic', found.shared.get('topic')) -%}
  {%- set folder = archive.path | replace('{day}', '*') | replace('{hour}', '*')
      | replace('{topic}', topic if topic is string else '*') -%}
  {%- set own = {'_topic': 'LowCardinality(String)', '_partition': 'Int32', '_offset': 'Int64',
      '_kafka_ts': "Nullable(DateTime64(3, 'UTC'))", '_key': 'Nullable(String)'} -%}
  {%- set parquet = archive.get('format') == 'parquet' -%}
  {#- A Parquet file has the message's value in one column, from which the model's columns are taken. -#}
  {%- set structure, shown = [], [] -%}
  {%- do own.update({'_value': 'Nullable(String)'} if parquet else columns) -%}
  {%- for name, type in own.items() -%}
    {%- do structure.append(adapter.quote(name) ~ ' ' ~ type) -%}
    {%- if not parquet or name != '_value' or name in columns -%}
      {%- do shown.append(adapter.quote(name)) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for name, type in columns.items() if parquet and name not in own -%}
    {%- do shown.append("JSONExtract(ifNull(_value, ''), " ~ clickhouse__new_rows_text(name) ~ ", "
        ~ clickhouse__new_rows_text(type) ~ ") as " ~ adapter.quote(name)) -%}
  {%- endfor -%}
  {%- set files = clickhouse__new_rows_text(folder ~ ("" if folder.endswith("/") else "/")
      ~ ("p*.parquet" if parquet else "p*.ndjson.gz")) -%}
  {{ return("(select " ~ (shown | join(', ') if parquet else '*') ~ " from s3("
      ~ adapter.quote(collection or archive.connection) ~ ", filename = " ~ files ~ ", format = '"
      ~ ("Parquet" if parquet else "JSONEachRow") ~ "', structure = "
      ~ clickhouse__new_rows_text(structure | join(', ')) ~ ")" ~ (" limit 0" if flags.EMPTY else "")
      ~ " settings date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1)") }}
{% endmacro %}
