{#- The views of a materialized view's model: the sections of its SQL that define them, and how they are recognized as
    the model's if it has other sections, or another materialization, in a later run. -#}

{#- name, `begin` or `end`, the text before and after; none for a line without a marker. dbt-clickhouse skips a marker
    with another spelling, and the view with it. -#}
{% macro clickhouse__section_marker(line) %}
  {%- set found = modules.re.findall('^(.*?)--\\s?([^:\\s]+):(begin|end)(?!\\w)(.*)$', line) -%}
  {%- if found -%}
    {{ return((found[0][1], found[0][2], found[0][0], found[0][3])) }}
  {%- elif modules.re.findall('(?i)^\\s*--\\s*[^:\\s]+\\s*:\\s*(?:begin|end)\\s*$', line) -%}
    {%- do clickhouse__raise_marker(line, 'Expected `--name:begin` or `--name:end`, in lower case, with at most one '
        'blank after the dashes.') -%}
  {%- endif -%}
  {{- return(none) -}}
{% endmacro %}

{#- Names the line of the model's file, if the marker is written there and not by a macro. -#}
{% macro clickhouse__raise_marker(line, problem) %}
  {%- set numbers = [] -%}
  {%- for written in (model.raw_code or '').split('\n') -%}
    {%- if written.strip() == line.strip() -%}
      {%- do numbers.append(loop.index) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- do exceptions.raise_compiler_error('Cannot use the marker "' ~ line.strip() ~ '" in ' ~ model.original_file_path
      ~ (', line ' ~ numbers[-1] if numbers else '') ~ '. ' ~ problem) -%}
{% endmacro %}

{#- The comment of a view that a model created. -#}
{% macro clickhouse__own_view_comment() %}tsdbt: view of {{ model.unique_id }}{% endmacro %}

{#- Names of the views that write into a relation and belong to its model: those with its comment, and the one with the
    name that dbt-clickhouse drops, too. A view with a separate model never does. -#}
{% macro clickhouse__own_views(relation) %}
  {%- set models, own = [], [] -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
    {%- do models.append((node.schema, node.alias)) -%}
  {%- endfor -%}
  {%- for view in relation.mvs_pointing_to_it if view.schema == relation.schema
      and (view.schema, view.name) not in models -%}
    {%- if view.name == relation.identifier ~ '_mv' or (view.get('comment') or '').startswith('tsdbt: view of ') -%}
      {%- do own.append(view.name) -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return(own) -}}
{% endmacro %}

{#- For a model that is no longer a materialized view: its views would continue to write into the relation that replaces
    the table. -#}
{% macro clickhouse__drop_own_views(target_relation) %}
  {%- set relation = load_cached_relation(target_relation) -%}
  {%- set own = clickhouse__own_views(relation) if relation is not none else [] -%}
  {%- if own -%}
    {{- clickhouse__drop_mvs_by_names(target_relation, on_cluster_clause(target_relation), own) -}}
  {%- endif -%}
{% endmacro %}

{#- A view of the model whose section was renamed continues under the new name, so that each row is seen by exactly one.
    A view without a section is dropped. -#}
{% macro clickhouse__rename_own_views(target_relation, views) %}
  {%- set found, expected = clickhouse__search_associated_mvs_to_target(target_relation.schema, target_relation.name,
      views) -%}
  {%- if not found -%}
    {%- do log('No existing mvs found matching the pattern. continuing..', info=True) -%}
  {%- endif -%}
  {%- set own = clickhouse__own_views(load_cached_relation(target_relation)) -%}
  {%- set missing = expected | reject('in', found) | list -%}
  {%- for name in found if name not in expected -%}
    {%- set view = target_relation.derivative(name, 'materialized_view', interpret_suffix_as_full_identifier=True) -%}
    {%- if name not in own -%}
      {%- do log('Warning - Materialized view "' ~ name ~ '" was detected pointing to the model "'
        ~ target_relation.name ~ '" but was not found in this run. In case it is a renamed mv that was previously '
          'part of this model, drop it manually (!!!)', info=True) -%}
    {%- elif missing -%}
      {%- do adapter.rename_relation(view, target_relation.derivative(missing.pop(0), 'materialized_view',
          interpret_suffix_as_full_identifier=True)) -%}
    {%- else -%}
      {{- clickhouse__drop_mv(view, on_cluster_clause(target_relation)) -}}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}
