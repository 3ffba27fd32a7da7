// Tests what a node's code sees while it is parsed.
import { describe, expect, it } from 'vitest';
import { parse, project, world } from './contexts.ts';

describe('a reference, while parsing,', () => {
  it("to a model is recorded with its arguments and version, and renders the node's own relation", () => {
    const { text, recorded } = parse("{{ ref('a') }} {{ ref('pkg', 'b', v=2) }} {{ ref('c', version='x') }}", world());
    expect(text).toBe('"dev"."main"."m" "dev"."main"."m" "dev"."main"."m"');
    expect(recorded.refs).toEqual([
      { name: 'a', package: null, version: null },
      { name: 'b', package: 'pkg', version: 2 },
      { name: 'c', package: null, version: 'x' },
    ]);
  });

  it('to a source is recorded', () => {
    expect(parse("{{ source('raw', 'events') }}", world()).recorded.sources).toEqual([['raw', 'events']]);
  });

  it.each([
    ['{{ ref() }}', 'ref() takes at most two arguments (0 given)'],
    ["{{ ref('a', 'b', 'c') }}", 'ref() takes at most two arguments (3 given)'],
    ['{{ ref(1) }}', "The name argument to ref() must be a string, got <class 'int'>"],
    ["{{ ref(1, 'a') }}", "The package argument to ref() must be a string or None, got <class 'int'>"],
    ["{{ source('a') }}", 'source() takes exactly two arguments (1 given)'],
    ["{{ source('a', 1) }}", "The table name (second) argument to source() must be a string, got <class 'int'>"],
    ['{{ config(1, a=2) }}', 'Invalid inline model config'],
    [
      "{{ config(pre_hook='a', **{'pre-hook': 'b'}) }}",
      'Invalid config, has conflicting keys "pre_hook" and "pre-hook"',
    ],
  ])('%s is rejected in the words of dbt', (code, message) => {
    expect(() => parse(code, world())).toThrow(message);
  });
});

describe('config, while parsing,', () => {
  it('collects keyword arguments and dicts, and stores hooks under the name with a dash', () => {
    const { text, recorded } = parse(
      "{{ config(materialized='table', pre_hook=['a']) }}{{ config({'x': 1}) }}{% do config.set('y', 2) %}",
      world(),
    );
    expect(text).toBe('');
    expect(recorded.configs).toEqual([{ materialized: 'table', 'pre-hook': ['a'] }, { x: 1 }, { y: 2 }]);
  });

  it('returns an empty text from get and require', () => {
    expect(
      parse(
        "[{{ config.get('a', default='b') }}{{ config.require('c') }}{{ config.meta_get('c') }}{{ " +
          'config.persist_relation_docs() }}]',
        world(),
      ).text,
    ).toBe('[False]');
  });
});

describe('a template, while parsing,', () => {
  it('ignores unknown names as dbt does, and reads known ones', () => {
    expect(parse('{{ nothing.at.all(1)[2] }}{{ execute }} {{ this }} {{ model.name }} {{ graph }}', world()).text).toBe(
      'False "dev"."main"."m" m {}',
    );
  });

  it('gets None for a missing variable, and the rendered Jinja of an existing one', () => {
    const w = world({ root: { vars: { a: '{{ 1 + 1 }}', shop: { b: 'package' }, b: 'global' } }, cliVars: { c: [1] } });
    expect(
      parse("{{ var('a') }} {{ var('b') }} {{ var('c') }} {{ var('d') }} {{ var('d', 'e') }} {{ var.has_var('a') }}", w)
        .text,
    ).toBe('2 package [1] None e True');
  });

  it('records environment variables and their defaults, and rejects secrets', () => {
    const w = world({ env: { A: 'x', DBT_ENV_SECRET_B: 'y' } });
    const { text, recorded } = parse("{{ env_var('A') }}{{ env_var('Z', 'd') }}", w);
    expect(text).toBe('xd');
    expect(recorded.envVars).toEqual([
      ['A', 'x'],
      ['Z', 'DBT_DEFAULT_PLACEHOLDER'],
    ]);
    expect(() => parse("{{ env_var('Z') }}", w)).toThrow("Env var required but not provided: 'Z'");
    expect(() => parse("{{ env_var('DBT_ENV_SECRET_B') }}", w)).toThrow(
      "Secret env vars are allowed only in profiles.yml or packages.yml. Found 'DBT_ENV_SECRET_B' referenced " +
        'elsewhere.',
    );
  });

  it('never sees the password in target', () => {
    const { text } = parse(
      '{{ target.name }} {{ target.schema }} {{ target.dbname }} {{ target.password }}{{ target.pass }} {{ ' +
        'target.threads }} {{ target.get("profile_name") }}',
      world(),
    );
    expect(text).toBe('dev main dev  4 shop');
  });
});

describe('a macro call, while parsing,', () => {
  const macros = {
    dbt: [
      '{% macro hi() %}dbt{% endmacro %}',
      '{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name }}{% endmacro %}',
      '{% macro default__pick(x) %}default {{ x }}{% endmacro %}',
      '{% macro statement_like() %}{% if execute %}ran{% endif %}{% endmacro %}',
    ],
    dbt_postgres: ['{% macro postgres__pick(x) %}postgres {{ x }}{% endmacro %}'],
    tools: [
      '{% macro hi() %}tools{% endmacro %}',
      '{% macro only() %}only{% endmacro %}',
      '{% macro outer() %}{{ tools.only() }}{% endmacro %}',
      '{% macro default__pick(x) %}tools {{ x }}{% endmacro %}',
    ],
    shop: ['{% macro hi() %}shop{% endmacro %}', '{% macro value() %}{{ return([1, 2]) }}{% endmacro %}'],
  };
  const packages = [project('tools')];

  it("finds the node's package first, then the root project, then the internal packages", () => {
    const w = world({ macros, packages });
    expect(
      parse('{{ hi() }} {{ tools.hi() }} {{ dbt.hi() }} {{ context["hi"]() }} {{ context.get("value")()[1] }}', w).text,
    ).toBe('shop tools dbt shop 2');
    expect(parse('{{ hi() }}', w, { ...parse('', w).scope.node, package_name: 'tools' }).text).toBe('tools');
  });

  it('is recorded only if the template itself contains it', () => {
    expect(parse('{{ tools.outer() }}{{ value() }}{{ value() }}', world({ macros, packages })).recorded.macros).toEqual(
      ['macro.tools.outer', 'macro.shop.value', 'macro.shop.value'],
    );
  });

  it('is dispatched by adapter, namespace and the configured search order', () => {
    const w = world({ macros, packages });
    expect(
      parse(
        "{{ adapter.dispatch('pick')(1) }} {{ adapter.dispatch('pick', 'tools')(2) }} {{ " +
          "adapter.dispatch('pick', macro_namespace='dbt')(3) }}",
        w,
      ).text,
    ).toBe('postgres 1 tools 2 postgres 3');
    const ordered = world({
      macros,
      packages,
      root: { dispatch: [{ macro_namespace: 'tools', search_order: ['dbt', 'tools'] }] },
    });
    expect(parse("{{ adapter.dispatch('pick', 'tools')(2) }}", ordered).text).toBe('postgres 2');
    expect(() => parse("{{ adapter.dispatch('nope', 'tools')() }}", w)).toThrow(
      "In dispatch: No macro named 'nope' found within namespace: 'tools'\n    Searched for: " +
        "'shop.postgres__nope', 'shop.default__nope', 'tools.postgres__nope', 'tools.default__nope'",
    );
  });

  it('can replace ref, which stays available as builtins.ref', () => {
    const w = world({
      macros: { shop: ['{% macro ref(name) %}{{ return(builtins.ref(name).include(database=false)) }}{% endmacro %}'] },
    });
    const { text, recorded } = parse("{{ ref('a') }}", w);
    expect(text).toBe('"main"."m"');
    expect(recorded.refs).toEqual([{ name: 'a', package: null, version: null }]);
  });

  it('finds a materialization of the adapter before the default, and root before built-in before packages', () => {
    const text = (name: string, adapter?: string): string =>
      `{% materialization ${name}, ${adapter === undefined ? 'default' : `adapter='${adapter}'`} %}{% ` +
      'endmaterialization %}';
    const { resolver } = world({
      macros: {
        dbt: [text('table'), text('view')],
        dbt_postgres: [text('view', 'postgres')],
        tools: [text('table'), text('own')],
        shop: [text('view')],
      },
      packages,
    });
    expect(['table', 'view', 'own', 'none'].map((name) => resolver.materialization(name)?.unique_id)).toEqual([
      'macro.dbt.materialization_table_default',
      'macro.dbt_postgres.materialization_view_postgres',
      'macro.tools.materialization_own_default',
      undefined,
    ]);
    const told: string[] = [];
    expect(resolver.materialization('table', (packageName) => told.push(packageName))?.unique_id).toBe(
      'macro.tools.materialization_table_default',
    );
    expect(told).toEqual(['tools']);
  });
});
