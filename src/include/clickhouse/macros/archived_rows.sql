{#- The files of an archive as rows. Address and keys of the store are in a named collection of the server, named after
    the archive's connection: neither compiled SQL nor logs contain them. -#}
{% macro clickhouse__archived_rows(source, columns, collection=none) %}
  {#- The rows of a unit test are given. -#}
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
  {%- set several = load.get('topics') or load.get('topic_pattern') -%}
  {%- set topic = none if several else load.get('topic', found.shared.get('topic')) -%}
  {%- set folder = archive.path | replace('{day}', '*') | replace('{hour}', '*')
      | replace('{topic}', topic if topic is string else '*') -%}
  {%- set own = {'_topic': 'LowCardinality(String)', '_partition': 'Int32', '_offset': 'Int64',
      '_kafka_ts': "Nullable(DateTime64(3, 'UTC'))", '_key': 'Nullable(String)'} -%}
  {%- set parquet = archive.get('format') == 'parquet' -%}
  {#- A Parquet file stores the message's value in one column, from which the model's columns are extracted. -#}
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
  {%- set folder = folder ~ ("" if folder.endswith("/") else "/") -%}
  {%- set files = clickhouse__new_rows_text(folder ~ ("p*.parquet" if parquet else "p*.ndjson.gz")) -%}
  {%- set compact = archive.get('compact') not in [none, false] -%}
  {%- set place = adapter.quote(collection or archive.connection) ~ ", filename = " ~ files ~ ", format = '" -%}
  {{ return("(select " ~ (shown | join(', ') if parquet else '*') ~ " from s3(" ~ place
      ~ ("Parquet" if parquet else "JSONEachRow") ~ "', structure = "
      ~ clickhouse__new_rows_text(structure | join(', ')) ~ ")"
      ~ (clickhouse__archived_once(archive.path, topic, place) if compact else "")
      ~ (" limit 0" if flags.EMPTY else "")
      ~ " settings date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1"
      ~ (", use_hive_partitioning = 0" if "=" in archive.path else "") ~ ")") }}
{% endmacro %}

{#- The files that count. For a joined file and those that it replaces, all readers make the same choice for five
    minutes: the small ones while it is younger, only the joined one after that. The files are listed here and again
    when they are read, before or after this: files that arrive in between are not read. The last four groups of a name
    are partition, from, to, and whether it is a joined file. -#}
{% macro clickhouse__archived_once(path, topic, place) %}
  {%- set folder = path ~ ("" if path.endswith("/") else "/") -%}
  {%- set name = "/\\Q" ~ (folder | replace('{topic}', topic if topic is string else "\\E([^/]+)\\Q")
      | replace('{day}', "\\E([-+0-9]{10}|none)\\Q") | replace('{hour}', "\\E(?:[0-9]{2}|none)\\Q"))
      ~ "\\Ep([0-9]+)-([0-9]+)-([0-9]+)(-day)?[.]" -%}
  {{ return(" where _path in (select arrayJoin(arrayMap(f -> f.1, arrayFilter(f -> if(f.4, f.5, not "
      "arrayExists(by -> by.4 and by.5 and by.2 <= f.2 and f.3 <= by.3, files)), files))) from (select groupArray(("
      "_path, toUInt64OrZero(name[-3]), toUInt64OrZero(name[-2]), name[-1] != '', _time < now() - 300)) as files from "
      "(select _path, _time, extractGroups(_path, " ~ clickhouse__new_rows_text(name) ~ ") as name from s3("
      ~ place ~ "One')) group by arraySlice(name, 1, length(name) - 3)))") }}
{% endmacro %}
