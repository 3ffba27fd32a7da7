// Generates what real projects contain beyond the output of generate.mjs: many macros that call each other by dispatch,
// config from variables, long YAML with anchors, docs blocks, tests with arguments, hooks that read flags and clocks,
// snapshots, analyses, exposures. generate.mjs builds the graph of models.

const MACROS_PER_FILE = 4;

/** Macros with a clause are called; most others never are, as in packages. */
function macroFile(n) {
  const one = (i) => `{% macro clean_${i}(column, kind='text') %}
    {{ return(adapter.dispatch('clean_${i}', 'bench')(column, kind)) }}
{% endmacro %}

{% macro default__clean_${i}(column, kind) -%}
    {#- Kinds that a warehouse does not know are text there; flags of the command make no difference. -#}
    {%- set known = {'text': dbt.type_string(), 'int': dbt.type_int(), 'at': dbt.type_timestamp()} -%}
    {%- if target.type in ('bigquery', 'databricks') and kind == 'text' -%}
        cast(nullif(trim({{ column }}), '') as string)
    {%- elif kind in known -%}
        cast({{ column }} as {{ known[kind] }})
    {%- else -%}
        {{ exceptions.raise_compiler_error('unknown kind ' ~ kind ~ ' of ' ~ column) }}
    {%- endif -%}
{%- endmacro %}

{% macro bigquery__clean_${i}(column, kind) -%}
    {%- for part in [column] if part -%}safe_cast({{ part | trim }} as {{ kind | upper }}){%- endfor -%}
{%- endmacro %}
`;
  return Array.from({ length: MACROS_PER_FILE }, (_, k) => one(n * MACROS_PER_FILE + k)).join('\n');
}

const NAMES = `{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(adapter.dispatch('generate_schema_name', 'bench')(custom_schema_name, node)) }}
{%- endmacro %}

{% macro default__generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = var('schema_prefix', none) -%}
    {%- if custom_schema_name is none -%}{{ target.schema }}
    {%- elif prefix is not none -%}{{ prefix }}_{{ custom_schema_name | trim }}
    {%- else -%}{{ target.schema }}_{{ custom_schema_name | trim }}{%- endif -%}
{%- endmacro %}
`;

const CLOCKS = `{% macro loaded_at() -%}
    '{{ run_started_at.astimezone(modules.pytz.timezone("UTC")).strftime("%Y-%m-%d %H:%M") }}'
{%- endmacro %}

{% macro note_load(table) -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- do log('loaded ' ~ table ~ ' at ' ~ modules.datetime.datetime.now().isoformat(), info=false) -%}
    {%- endif -%}
{%- endmacro %}
`;

const TESTS = `{% test within(model, column_name, least, most, group_by=[], strictly=false) %}
    {%- set sign = '' if strictly else '=' -%}
    select {{ column_name }}{% for each in group_by %}, {{ each }}{% endfor %}
    from {{ model }}
    where not ({{ column_name }} >{{ sign }} {{ least }} and {{ column_name }} <{{ sign }} {{ most }})
{% endtest %}
`;

/** Config lines of a model's entry, read from variables as packages do. */
const configLines = (i) => `    config:
      schema: |
        {%- if var('schema_prefix', none) is not none -%}{{ var('schema_prefix') }}_area_${i % 7}
        {%- else -%}area_${i % 7}{%- endif -%}
      enabled: "{{ var('area_${i % 7}_enabled', var('everything_enabled', true)) | as_bool }}"
      tags: [area_${i % 7}, daily]
      meta: {owner: team_${i % 5}, contains_pii: false, terms: [one, two, {deep: {deeper: ${i}}}]}
`;

/** Columns by an anchor, and tests with arguments and config. */
const columnLines = (i) => `      - &status_${i}
        name: origin_${i}
        description: >
          Where the row was first seen, in the words of the system that owns it. {{ doc('origin') }}
        config: &column_config_${i}
          meta: {data_type: varchar, is_primary_key: false, terminology: "area ${i % 7}"}
      - <<: *status_${i}
        name: amount_in_words_${i}
        config: *column_config_${i}
`;
const testLines = `          - within:
              arguments: {least: 0, most: 1000000, group_by: [id, status]}
              config:
                severity: warn
                enabled: "{{ (var('checks_enabled', true)) | as_bool }}"
                where: "at >= '2020-01-01'"
`;

/**
 * The additional files of a project of so many models, and the additions to its models and entries.
 * @returns `files` by path, `sql` and `entry` for model number i, `test` for its column amount
 */
export function likeReal(count) {
  const macros = Math.max(1, Math.round(count / MACROS_PER_FILE));
  const files = new Map([
    ['macros/names.sql', NAMES],
    ['macros/clocks.sql', CLOCKS],
    ['macros/tests.sql', TESTS],
    ['models/docs.md', '{% docs origin %}One of the systems that **write** such rows.{% enddocs %}\n'],
  ]);
  for (let i = 0; i < macros; i += 1) files.set(`macros/clean/clean_${i}.sql`, macroFile(i));
  for (let i = 0; i < count / 50; i += 1) {
    const model = `stg_${String(i).padStart(5, '0')}`;
    files.set(`analyses/look_${i}.sql`, `select * from {{ ref('${model}') }} where at > {{ loaded_at() }}\n`);
    files.set(
      `snapshots/history_${i}.sql`,
      `{% snapshot history_${i} %}{{ config(unique_key='id', strategy='check', check_cols=['status']) }}\n` +
        `select * from {{ ref('${model}') }}{% endsnapshot %}\n`,
    );
    files.set(
      `models/exposures/board_${i}.yml`,
      `exposures:\n  - {name: board_${i}, type: dashboard, owner: {email: a@b.c}, depends_on: ["ref('${model}')"]}\n`,
    );
  }
  return {
    files,
    sql: (i) => {
      const macro = (k) => `clean_${(i * 3 + k) % (macros * MACROS_PER_FILE)}`;
      const calls = [0, 1, 2].map((k) => `{{ ${macro(k)}("'${k}'", 'text') }} as word_${k}`).join(', ');
      return `{{ config(
    enabled = var('area_${i % 7}_enabled', var('everything_enabled', true)) | as_bool,
    post_hook = "{{ note_load('model_${i}') }}"
) }}
{#- ${calls} is what it stands for -#}
{%- set words -%}${calls}, {{ loaded_at() }} as loaded{%- endset -%}
-- {{ words | replace('\\n', ' ') }}
`;
    },
    entry: configLines,
    columns: columnLines,
    test: testLines,
  };
}
