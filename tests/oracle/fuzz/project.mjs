// A random dbt project as texts: every kind of resource, config at every place where dbt takes it, in the spellings
// that mean the same. Leaves writing it to disk, and what is done with it, to its callers.
import { Plain, Random, toJinja, toYaml } from './random.mjs';

const COLORS = ['red', '#aabbcc', 'gold'];
const TAGS = ['a', 'b', 'nightly', 'x-y', 'Ab', 'a b'];
const COLUMNS = ['id', 'name', 'amount', 'made_at', 'Status', 'odd col'];
const FOLDERS = ['', '', 'staging/', 'marts/', 'marts/deep/', 'staging/x.y/'];
const GROUPS = ['finance', 'fun'];
const OPERATORS = ['not_null', 'unique'];

class ProjectMaker {
  constructor(seed) {
    this.random = new Random(seed);
    this.files = {};
    this.docs = ['first', 'second_doc'];
    this.taken = new Set();
    this.mayDisable = false;
    /** Whether several versions share what is made now: dbt reads a long-form test once. */
    this.shared = false;
  }

  name(prefix) {
    for (let i = 1; ; i++) {
      const name = `${prefix}${i}`;
      if (!this.taken.has(name)) {
        this.taken.add(name);
        return name;
      }
    }
  }

  yaml(value) {
    return toYaml(value, this.random);
  }

  /** A word, a sentence, Jinja or a doc block. */
  text() {
    const r = this.random;
    return r.one(
      () => 'plain words',
      () => 'has: a colon',
      () => "it's #1",
      () => '',
      () => "{{ doc('first') }}",
      () => `{{ doc("second_doc") }} and more`,
      () => 'two\nlines\n',
      () => '{{ 1 + 1 }}',
      () => "{{ var('word') }}",
      () => '  padded ',
      () => 'ünïcode ✓',
      () => '2020-01-01',
      () => "{{ doc('p', 'first') }}",
    );
  }

  meta(depth = 0) {
    const r = this.random;
    const out = {};
    for (const key of r.some(['owner', 'level', 'list', 'nested', 'when', 'on', 'x y'], 0, 3)) {
      out[key] = r.one(
        () => 'data',
        () => r.below(5),
        () => 1.5,
        () => true,
        () => null,
        () => [1, 'two'],
        () => (depth > 1 ? 'deep' : this.meta(depth + 1)),
        () => "{{ var('word') }}",
        () =>
          new Plain(
            r.pick([
              'yes',
              'off',
              '2020-01-01',
              '0o17',
              '017',
              '1_000',
              '1e3',
              '.5',
              '~',
              '12:30:45',
              '0x1F',
              '-0',
              '+1',
              '1.0',
              'Null',
              'nan',
              '1.',
              '2001-12-14t21:59:43.10-05:00',
            ]),
          ),
        () => '{{ target.name }}',
        () => '{{ 3 * 2 }}',
        () => "{{ env_var('FUZZ_WORD') }}",
        () => '',
      );
    }
    return out;
  }

  tags() {
    const r = this.random;
    return r.one(
      () => r.pick(TAGS),
      () => r.some(TAGS, 0, 3),
      () => [...r.some(TAGS, 1, 2), r.pick(TAGS)],
      () => "{{ var('word') }}",
    );
  }

  docsConfig() {
    const r = this.random;
    return r.one(
      () => ({ show: r.chance(0.5) }),
      () => ({ node_color: r.pick(COLORS) }),
      () => ({ show: false, node_color: r.pick(COLORS) }),
      () => ({ node_color: null }),
    );
  }

  hooks() {
    const r = this.random;
    return r.one(
      () => 'select 1',
      () => ['select 1', 'select 2'],
      () => ({ sql: 'select 3', transaction: false }),
      () => [{ sql: 'select 4' }, 'select {{ this }}'],
      () => [],
      () => "{{ var('word') }}",
    );
  }

  grants(plus) {
    const r = this.random;
    const out = {};
    for (const key of r.some(['select', 'insert'], 1, 2))
      out[plus && r.chance(0.4) ? `+${key}` : key] = r.one(
        () => 'ann',
        () => ['ann', 'bob'],
        () => [],
        () => ['{{ target.user }}'],
      );
    return out;
  }

  /** Config that nodes of a kind take. `place`: project (dbt_project.yml), yaml (properties), call (in-file). */
  config(kind, place) {
    const r = this.random;
    const jinja = place !== 'call' && r.chance(0.15);
    const common = {
      // A reference to a disabled node ends the parse, so that is rare unless nothing refers to it.
      enabled: () =>
        r.chance(this.mayDisable ? 0.4 : 0.97)
          ? true
          : r.one(
              () => false,
              () => (place === 'call' ? false : "{{ var('off') }}"),
              () => (place === 'call' ? false : new Plain('no')),
            ),
      tags: () => this.tags(),
      meta: () => this.meta(),
    };
    const node = {
      ...common,
      alias: () =>
        place === 'project'
          ? null
          : r.one(
              () => this.name('alias_'),
              () => this.name('Alias'),
            ),
      schema: () =>
        r.one(
          () => 'extra',
          () => null,
          () => (jinja ? "{{ var('word') }}" : 'other'),
          () => (place === 'call' ? 'x' : '{{ target.schema }}_x'),
        ),
      database: () =>
        r.one(
          () => 'fuzz',
          () => null,
        ),
      group: () => r.pick(GROUPS),
      docs: () => this.docsConfig(),
      'pre-hook': () => this.hooks(),
      post_hook: () => this.hooks(),
      'post-hook': () => this.hooks(),
      quoting: () =>
        r.fields({ database: () => r.chance(0.5), schema: () => r.chance(0.5), identifier: () => r.chance(0.5) }, 0.6),
      persist_docs: () => r.fields({ relation: () => true, columns: () => r.chance(0.5) }, 0.7),
      grants: () => this.grants(true),
      full_refresh: () =>
        r.one(
          () => true,
          () => false,
          () => null,
        ),
      custom_key: () =>
        r.one(
          () => 1,
          () => 'text',
          () => [1, 2],
          () => ({ a: { b: 1 } }),
          () => null,
        ),
      event_time: () => 'made_at',
      packages: () => r.some(['one', 'two'], 0, 2),
    };
    const model = {
      ...node,
      materialized: () => r.pick(['view', 'table', 'incremental', 'ephemeral', 'view', 'table']),
      unique_key: () =>
        r.one(
          () => 'id',
          () => ['id', 'name'],
          () => null,
        ),
      incremental_strategy: () => r.pick(['append', 'merge', 'delete+insert']),
      on_schema_change: () => r.pick(['ignore', 'fail', 'append_new_columns', 'sync_all_columns']),
      on_configuration_change: () => r.pick(['apply', 'continue', 'fail']),
      contract: () =>
        r.one(
          () => ({ enforced: false }),
          () => ({ alias_types: false }),
          () => ({}),
        ),
      access: () => r.pick(['protected', 'public', 'protected']),
      indexes: () => [{ columns: ['id'], unique: true }],
      lookback: () => r.below(4),
      batch_size: () => 'day',
      begin: () =>
        r.one(
          () => '2024-01-01',
          () => (place === 'call' ? '2024-01-01' : new Plain('2024-01-01')),
        ),
      concurrent_batches: () => r.chance(0.5),
      sql_header: () => 'set x = 1;',
      freshness: () =>
        r.one(
          () => ({ build_after: { count: 1, period: 'day' } }),
          () => ({ build_after: { count: 4, period: 'hour', updates_on: 'all' } }),
          () => ({ build_after: { updates_on: 'any' } }),
        ),
      latest_version_pointer: () =>
        r.one(
          () => ({ enabled: false }),
          () => ({ enabled: true, alias: 'now' }),
        ),
      static_analysis: () => r.pick(['strict', 'unsafe']),
      on_error: () => r.pick(['skip_children', 'continue']),
    };
    const kinds = {
      model: [model, 0.11],
      seed: [
        {
          ...node,
          column_types: () => ({ id: 'bigint', ...(r.chance(0.5) ? { name: 'text' } : {}) }),
          quote_columns: () =>
            r.one(
              () => true,
              () => false,
              () => null,
            ),
          delimiter: () => r.pick([',', ';', '|']),
          materialized: () => 'seed',
        },
        0.15,
      ],
      snapshot: [
        {
          ...node,
          target_schema: () =>
            r.one(
              () => 'snaps',
              () => null,
            ),
          target_database: () => 'fuzz',
          updated_at: () => 'made_at',
          strategy: () => 'timestamp',
          unique_key: () =>
            r.one(
              () => 'id',
              () => ['id', 'name'],
            ),
          hard_deletes: () => r.pick(['ignore', 'invalidate', 'new_record']),
          invalidate_hard_deletes: () => false,
          dbt_valid_to_current: () => "'9999-12-31'::date",
          snapshot_meta_column_names: () =>
            r.fields(
              {
                dbt_valid_to: () => 'until',
                dbt_valid_from: () => 'since',
                dbt_scd_id: () => 'k',
                dbt_updated_at: () => 'u',
                dbt_is_deleted: () => 'gone',
              },
              0.4,
            ),
        },
        0.12,
      ],
      test: [
        {
          ...common,
          alias: () => (place === 'project' ? null : this.name('test_alias_')),
          schema: () =>
            r.one(
              () => 'audit',
              () => null,
            ),
          database: () => 'fuzz',
          group: () => r.pick(GROUPS),
          severity: () => r.pick(['warn', 'error', 'WARN', 'Error']),
          where: () => r.pick(['id > 0', "name = 'x'", '1 = 1']),
          limit: () =>
            r.one(
              () => 10,
              () => null,
            ),
          fail_calc: () => 'count(distinct id)',
          warn_if: () => r.pick(['> 0', '>10', '= 0']),
          error_if: () => r.pick(['> 5', '!=0']),
          store_failures: () =>
            r.one(
              () => true,
              () => false,
              () => null,
            ),
          store_failures_as: () => r.pick(['table', 'view', 'ephemeral']),
          custom_key: () => 'v',
        },
        0.2,
      ],
      source: [
        {
          ...common,
          event_time: () => 'made_at',
          freshness: () => this.freshness(),
          loaded_at_field: () => r.pick(['made_at', 'made_at::timestamp']),
        },
        0.3,
      ],
      exposure: [{ ...common, tags: () => r.some(TAGS, 0, 2) }, 0.4],
      analysis: [
        {
          enabled: () => r.chance(0.85),
          meta: () => this.meta(),
          tags: () => this.tags(),
          docs: () => this.docsConfig(),
          custom_key: () => 3,
        },
        0.3,
      ],
      macro: [{ meta: () => this.meta(), docs: () => this.docsConfig() }, 0.4],
      unit_test: [
        {
          tags: () => this.tags(),
          meta: () => this.meta(),
          enabled: () => r.chance(0.8),
          static_analysis: () => 'off',
        },
        0.3,
      ],
    };
    const [fields, p] = kinds[kind];
    return r.fields(fields, p);
  }

  freshness() {
    const r = this.random;
    const period = () =>
      r.one(
        () => ({ count: r.below(9) + 1, period: r.pick(['minute', 'hour', 'day']) }),
        () => ({ count: null, period: null }),
        () => null,
        () => ({ count: 2, period: 'day' }),
      );
    return r.one(
      () => null,
      () => r.fields({ warn_after: period, error_after: period, filter: () => 'made_at > now()' }, 0.6),
    );
  }

  /** The `models:` tree and its like: config at each level, with and without `+`. */
  tree(kind, names, depth = 0, name = null) {
    const r = this.random;
    const out = {};
    if (r.chance(depth === 0 ? 0.5 : 0.6)) {
      this.mayDisable = name?.startsWith('leaf_') === true;
      for (const [key, value] of Object.entries(this.config(kind, 'project'))) {
        const holder =
          value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Plain);
        this.mayDisable = false;
        out[
          holder || r.chance(0.75) || ['tags', 'meta', 'docs', 'pre-hook', 'post-hook'].includes(key) ? `+${key}` : key
        ] = value;
      }
    }
    const below = depth === 0 ? ['p', 'p', 'helper'] : depth < 3 ? ['staging', 'marts', 'deep', ...names] : [];
    if (depth === 0 || name === null || !names.includes(name))
      for (const key of new Set(r.some(below, 0, 2))) out[key] = this.tree(kind, names, depth + 1, key);
    return out;
  }

  testEntry(targets, column) {
    const r = this.random;
    const config = () =>
      JSON.parse(JSON.stringify(this.config('test', 'yaml'), (_, value) => (value instanceof Plain ? 'plain' : value)));
    const name = r.one(
      () => r.pick(OPERATORS),
      () => r.pick(OPERATORS),
      () => 'accepted_values',
      () => 'relationships',
      () => 'at_least',
      () => (column ? 'dbt.not_null' : 'at_least'),
      () => 'helper.is_even',
    );
    const plain = name.replace(/^.*\./, '');
    const args =
      plain === 'accepted_values'
        ? {
            values: r.one(
              () => ['a', 'b'],
              () => [1, 2],
              () => ["it's", null],
              () => ['{{ var("word") }}'],
            ),
            ...(r.chance(0.3) ? { quote: r.chance(0.5) } : {}),
          }
        : plain === 'relationships'
          ? {
              to: r.one(
                () => `ref('${r.pick(targets)}')`,
                () => "source('shop', 'orders')",
              ),
              field: 'id',
            }
          : plain === 'at_least'
            ? r.fields(
                {
                  low: () =>
                    r.one(
                      () => 1,
                      () => 1.5,
                      () => '{{ var("number") }}',
                      () => '{{ 2 + 3 }}',
                      () => 'text',
                    ),
                  words: () => [1, 'x', { a: null }],
                  deep: () => ({ k: [true] }),
                  long: () => 'w'.repeat(40),
                },
                0.5,
              )
            : {};
    if (!column && plain !== 'at_least')
      args.column_name = r.one(
        () => 'id',
        () => "id || '-'",
      );
    const extra = r.chance(0.4) ? config() : {};
    const written = { ...args };
    const entry = {};
    const style = r.below(4);
    if (Object.keys(args).length === 0 && Object.keys(extra).length === 0 && r.chance(0.7)) return name;
    if (style === 0 && Object.keys(args).length > 0) written.arguments = args;
    if (written.arguments !== undefined) for (const key of Object.keys(args)) delete written[key];
    const more = r.fields({ name: () => this.name('named_test_'), description: () => this.text() }, 0.12);
    const top = {};
    for (const [key, value] of Object.entries(extra)) {
      if (
        [
          'severity',
          'where',
          'limit',
          'fail_calc',
          'warn_if',
          'error_if',
          'store_failures',
          'tags',
          'enabled',
          'meta',
          'alias',
          'schema',
          'database',
          'store_failures_as',
        ].includes(key) &&
        written.arguments === undefined &&
        r.chance(0.25)
      )
        top[key] = value;
    }
    const rest = Object.fromEntries(Object.entries(extra).filter(([key]) => !(key in top)));
    const all = { ...written, ...more, ...top, ...(Object.keys(rest).length > 0 ? { config: rest } : {}) };
    if (style === 1 && !this.shared) return { test_name: name, ...all, name: all.name ?? this.name('long_form_') };
    entry[name] = Object.keys(all).length === 0 && r.chance(0.5) ? {} : all;
    return entry;
  }

  /** Tests of one place; two of the same kind there would often have the same name. */
  tests(count, targets, column) {
    const kinds = new Map();
    for (let i = 0; i < count; i++) {
      const entry = this.testEntry(targets, column);
      kinds.set(typeof entry === 'string' ? entry : (entry.test_name ?? Object.keys(entry)[0]), entry);
    }
    return [...kinds.values()];
  }

  columns(targets) {
    const r = this.random;
    return r.some(COLUMNS, 0, 4).map((name) => ({
      name,
      ...r.fields(
        {
          description: () => this.text(),
          data_type: () => r.pick(['int', 'text', 'numeric(10, 2)']),
          quote: () => r.chance(0.5),
          ...(r.chance(0.5)
            ? { tags: () => r.some(TAGS, 1, 2), meta: () => this.meta() }
            : { config: () => r.fields({ tags: () => this.tags(), meta: () => this.meta() }, 0.6) }),
          constraints: () => [{ type: 'not_null' }],
          docs: () => ({ show: true }),
          extra_field: () => 'kept',
          [r.chance(0.5) ? 'tests' : 'data_tests']: () => this.tests(1 + r.below(2), targets, true),
        },
        0.25,
      ),
    }));
  }

  description(kind, name, targets, withTests = true) {
    const r = this.random;
    const top = r.chance(0.12) ? { docs: this.docsConfig() } : r.chance(0.12) ? { meta: this.meta() } : null;
    return {
      name,
      ...(top ?? r.fields({ config: () => this.config(kind, 'yaml') }, 0.6)),
      ...r.fields(
        {
          description: () => this.text(),
          columns: () => this.columns(targets),
          ...(withTests
            ? { [r.chance(0.5) ? 'tests' : 'data_tests']: () => this.tests(1 + r.below(3), targets, false) }
            : {}),
        },
        0.45,
      ),
    };
  }

  call(kind) {
    const r = this.random;
    if (r.chance(0.45)) return '';
    let out = '';
    for (let n = r.chance(0.15) ? 2 : 1; n > 0; n--) {
      const config = this.config(kind, 'call');
      if (Object.keys(config).length === 0) continue;
      const parts = Object.entries(config).map(([key, value]) => [
        key.replaceAll('-', '_'),
        toJinja(typeof value === 'string' && value.startsWith('{{') ? value.slice(3, -3) : value),
      ]);
      const seen = new Map(parts);
      const values = [...seen].map(([key, value]) =>
        Object.values(config).some(
          (v) => typeof v === 'string' && v.startsWith('{{') && value === toJinja(v.slice(3, -3)),
        )
          ? [key, value.slice(1, -1).replaceAll("\\'", "'")]
          : [key, value],
      );
      if (r.chance(0.15)) out += `{{ config({${values.map(([key, value]) => `'${key}': ${value}`).join(', ')}}) }}\n`;
      else out += `{{${r.pick(['', '-'])} config(${values.map(([key, value]) => `${key}=${value}`).join(', ')}) }}\n`;
    }
    return out;
  }

  body(parents) {
    const r = this.random;
    const from = parents.map((parent) =>
      r.one(
        () => `{{ ref('${parent}') }}`,
        () => `{{ ref("${parent}") }}`,
        () => `{{ ref('p', '${parent}') }}`,
        () => `{{ref( '${parent}' )}}`,
      ),
    );
    if (r.chance(0.35))
      from.push(
        r.one(
          () => "{{ source('shop', 'orders') }}",
          () => "{{ source('shop', 'Users') }}",
          () => "{{ source('other', 'things') }}",
        ),
      );
    if (r.chance(0.1)) from.push("{{ ref('helper_base') }}");
    if (r.chance(0.1)) from.push("{{ ref('versioned', v=2) }}");
    if (r.chance(0.1)) from.push("{{ ref('versioned', version='1') }}");
    if (r.chance(0.1)) from.push("{{ ref('versioned') }}");
    const extra = r.one(
      () => '',
      () => '',
      () => '',
      () => "{{ shout('x') }}",
      () => "{% set x = var('word') %}{{ x }}",
      () => '{{ helper.is_helped() }}',
      () => "{% if execute %}{{ ref('nowhere') }}{% endif %}",
      () => '{# a comment #}',
      () => '-- {{ this }}',
      () => "{{ config.get('materialized', 'none') }}",
      () => "{{ var('absent', 'fallback') }}",
      () => "{{ env_var('FUZZ_WORD') }}",
      () => '{% for i in range(3) %}{{ i }},{% endfor %}',
      () => '-- {{ model.name }}',
      () => "{% set rows = ['a'] %}{% do rows.append('b') %}",
      () => '{{ return(1) if false }}',
      () => '{% raw %}{{ raw }}{% endraw %}',
      () => '{{ adapter.quote("x") }}',
      () => '{{ target.schema }}',
    );
    return (
      `select 1 as id ${extra}\n${from.length === 0 ? '' : `from ${from.join(', ')}`}\n` +
      `${r.pick(['', '\n', '\n\n'])}`
    );
  }

  make() {
    const r = this.random;
    const { files } = this;
    const models = [];
    const seeds = Array.from({ length: r.below(3) }, () => this.name('seed_'));
    for (const seed of seeds) files[`seeds/${r.pick(['', 'deep/'])}${seed}.csv`] = 'id,name\n1,a\n';
    const plan = Array.from({ length: 4 + r.below(10) }, () => this.name(r.pick(['m_', 'stg_', 'Big', 'dim.x'])));
    for (const name of plan) {
      const parents = r.some([...models.filter((m) => !m.includes('.')), ...seeds], 0, 2);
      files[`models/${r.pick(FOLDERS)}${name}.sql`] = this.call('model') + this.body(parents);
      models.push(name);
    }
    const targets = [...models, ...seeds];
    const leaves = Array.from({ length: r.below(4) }, () => this.name('leaf_'));
    this.mayDisable = true;
    for (const name of leaves)
      files[`models/${r.pick(FOLDERS)}${name}.sql`] =
        this.call('model') +
        this.body(
          r.some(
            models.filter((m) => !m.includes('.')),
            0,
            2,
          ),
        );
    this.mayDisable = false;
    files['models/marts/versioned_v1.sql'] = this.call('model') + 'select 1 as id';
    files['models/marts/second.sql'] = 'select 2 as id';
    files['macros/shout.sql'] =
      '{% macro shout(text, times=2) %}{{ text | upper }}{% endmacro %}\n{% test at_least(model, ' +
      "column_name=none, low=0, words=[], deep={}, long='') %}select * from {{ model }} where {{ low }} > 0{% " +
      'endtest %}\n';
    files['models/docs.md'] =
      '{% docs first %}\nThe *first* one.\n{% enddocs %}\n\n{% docs second_doc %} second {% enddocs %}\n';
    for (const name of r.some(['analysis_1', 'analysis_2'], 0, 2))
      files[`analyses/${name}.sql`] =
        this.call('analysis') +
        this.body(
          r.some(
            models.filter((m) => !m.includes('.')),
            0,
            1,
          ),
        );
    const singular = r.some(['singular_1', 'singular_2'], 0, 2);
    for (const name of singular)
      files[`tests/${name}.sql`] =
        this.call('test') +
        this.body(
          r.some(
            models.filter((m) => !m.includes('.')),
            0,
            2,
          ),
        );
    if (r.chance(0.5)) {
      const config = {
        ...this.config('snapshot', 'call'),
        unique_key: 'id',
        strategy: 'timestamp',
        updated_at: 'made_at',
      };
      files['snapshots/blocks.sql'] = `{% snapshot ${this.name('snap_')} %}\n{{ config(${Object.entries(config)
        .map(([k, v]) => `${k.replaceAll('-', '_')}=${toJinja(typeof v === 'string' && v.startsWith('{{') ? 'v' : v)}`)
        .join(', ')}) }}\n${this.body([])}{% endsnapshot %}\n`;
    }
    const sheets = {};
    const add = (section, entry) => {
      const path = r.pick(['models/schema.yml', 'models/marts/more.yml', 'models/staging/_x.yaml']);
      sheets[path] ??= { ...(r.chance(0.7) ? { version: 2 } : {}) };
      (sheets[path][section] ??= []).push(entry);
    };
    for (const name of [...models, ...leaves]) {
      if (r.chance(0.35)) continue;
      this.mayDisable = leaves.includes(name);
      add('models', {
        ...this.description('model', name, targets),
        ...r.fields(
          {
            tags: () => this.tags(),
            deprecation_date: () =>
              r.one(
                () => '2030-01-01',
                () => new Plain('2030-01-01'),
                () => '2030-01-01 10:00:00+02:00',
              ),
            constraints: () => [{ type: 'primary_key', columns: ['id'] }],
            enabled: () => true,
            extra_property: () => 'x',
          },
          0.08,
        ),
      });
    }
    this.mayDisable = false;
    this.shared = true;
    add('models', {
      ...this.description('model', 'versioned', targets),
      columns: this.columns(targets),
      ...r.fields(
        {
          latest_version: () =>
            r.one(
              () => 1,
              () => 2,
            ),
        },
        0.4,
      ),
      versions: [
        {
          v: 1,
          ...r.fields(
            {
              config: () => this.config('model', 'yaml'),
              description: () => this.text(),
              columns: () => [
                { include: 'all', exclude: r.some(COLUMNS, 0, 2) },
                { name: 'added', data_type: 'int' },
              ],
              tests: () => [],
              docs: () => ({ show: false }),
            },
            0.35,
          ),
        },
        {
          v: 2,
          defined_in: 'second',
          ...r.fields(
            {
              config: () => this.config('model', 'yaml'),
              columns: () =>
                r.one(
                  () => [{ include: '*' }],
                  () => [{ include: ['id'] }],
                  () => [{ name: 'only' }],
                ),
              deprecation_date: () => '2031-02-03',
              access: () => 'public',
            },
            0.35,
          ),
        },
      ],
    });
    this.shared = false;
    for (const name of seeds) if (r.chance(0.7)) add('seeds', this.description('seed', name, targets));
    for (const name of r.some(['ysnap_1', 'ysnap_2'], 0, 2)) {
      add('snapshots', {
        ...this.description('snapshot', name, targets),
        relation: r.one(
          () => `ref('${r.pick(models.filter((m) => !m.includes('.')))}')`,
          () => "source('shop', 'orders')",
        ),
        config: {
          ...this.config('snapshot', 'yaml'),
          unique_key: 'id',
          ...(r.chance(0.5)
            ? { strategy: 'timestamp', updated_at: 'made_at' }
            : {
                strategy: 'check',
                check_cols: r.one(
                  () => 'all',
                  () => ['name'],
                ),
                updated_at: null,
              }),
        },
      });
    }
    for (const [name, tables] of [
      ['shop', ['orders', 'Users']],
      ['other', ['things']],
    ])
      add('sources', this.source(name, tables, targets));
    for (const name of r.some(['exp_1', 'exp_2', 'exp_3'], 0, 3)) {
      add('exposures', {
        name,
        type: r.pick(['dashboard', 'notebook', 'analysis', 'ml', 'application']),
        owner: r.one(
          () => ({ name: 'Ann' }),
          () => ({ email: 'ann@example.com' }),
          () => ({ name: 'Ann', email: ['a@example.com', 'b@example.com'], slack: 'x' }),
        ),
        ...r.fields(
          {
            label: () => 'A label',
            maturity: () => r.pick(['low', 'high']),
            url: () => 'https://example.com',
            description: () => this.text(),
            ...(r.chance(0.5)
              ? { meta: () => this.meta(), tags: () => r.some(TAGS, 0, 2) }
              : { config: () => this.config('exposure', 'yaml') }),
            depends_on: () =>
              r.some(
                [
                  ...models.filter((m) => !m.includes('.')).map((m) => `ref('${m}')`),
                  "source('shop', 'orders')",
                  "ref('versioned', v=1)",
                ],
                0,
                3,
              ),
          },
          0.5,
        ),
      });
    }
    for (const name of GROUPS)
      add('groups', {
        name,
        owner: r.one(
          () => ({ name: 'Ann' }),
          () => ({ email: 'ann@example.com', team: 'x' }),
        ),
        ...r.fields({ description: () => this.text(), config: () => ({ meta: this.meta() }) }, 0.4),
      });
    if (r.chance(0.6))
      add('macros', {
        name: 'shout',
        ...r.fields(
          {
            description: () => this.text(),
            ...(r.chance(0.5)
              ? { docs: () => ({ show: false }), meta: () => this.meta() }
              : { config: () => this.config('macro', 'yaml') }),
            arguments: () => [{ name: 'text', type: 'string', description: this.text() }, { name: 'times' }],
          },
          0.5,
        ),
      });
    for (const name of r.some(['analysis_1', 'analysis_2'], 0, 2))
      if (files[`analyses/${name}.sql`]) add('analyses', this.description('analysis', name, targets, false));
    for (const name of singular)
      if (r.chance(0.4))
        add(r.pick(['tests', 'data_tests']), {
          name,
          ...r.fields({ description: () => this.text(), config: () => this.config('test', 'yaml') }, 0.5),
        });
    const units = models.filter((m) => !m.includes('.') && !/this|adapter|helper/.test(files[m] ?? ''));
    for (let n = r.below(3); n > 0 && units.length > 0; n--) {
      const model = r.pick(units);
      add('unit_tests', {
        name: this.name('unit_'),
        model,
        given: this.given(model),
        expect: r.one(
          () => ({ rows: [{ id: 1 }] }),
          () => ({ format: 'csv', rows: 'id\n1\n' }),
          () => ({ format: 'sql', rows: 'select 1 as id' }),
          () => ({ rows: [] }),
        ),
        ...r.fields(
          {
            description: () => this.text(),
            config: () => this.config('unit_test', 'yaml'),
            overrides: () =>
              r.fields(
                {
                  vars: () => ({ word: 'z' }),
                  macros: () => ({ shout: 'x', is_incremental: true }),
                  env_vars: () => ({ FUZZ_WORD: 'q' }),
                },
                0.5,
              ),
          },
          0.4,
        ),
      });
    }
    for (const [path, sheet] of Object.entries(sheets)) files[path] = this.yaml(sheet);
    this.project([...models, ...leaves], seeds);
    this.helper();
    files['selectors.yml'] = this.yaml({ selectors: this.selectors(models) });
    return files;
  }

  /** Inputs for a unit test: what the model's text refers to. */
  given(model) {
    const r = this.random;
    const text = Object.entries(this.files).find(([path]) => path.endsWith(`/${model}.sql`))?.[1] ?? '';
    const inputs = [...text.matchAll(/\{\{ ?((?:ref|source)\([^)]*\)) ?\}\}/g)]
      .map((match) => match[1])
      .filter((input) => !input.includes('nowhere'));
    return [...new Set(inputs)].map((input) => ({
      input,
      ...r.one(
        () => ({ rows: [{ id: 1, name: 'x' }] }),
        () => ({ rows: [] }),
        () => ({ format: 'csv', rows: 'id,name\n1,\n' }),
        () => ({ format: 'sql', rows: 'select 1 as id' }),
        () => ({ format: 'dict', rows: [{ id: null }] }),
      ),
    }));
  }

  source(name, tables, targets) {
    const r = this.random;
    const shared = () =>
      r.fields(
        {
          description: () => this.text(),
          ...(r.chance(0.5)
            ? {
                meta: () => this.meta(),
                tags: () => r.some(TAGS, 0, 2),
                freshness: () => this.freshness(),
                loaded_at_field: () => 'made_at',
              }
            : { config: () => this.config('source', 'yaml') }),
          quoting: () =>
            r.fields({ database: () => true, schema: () => r.chance(0.5), identifier: () => r.chance(0.5) }, 0.5),
        },
        0.3,
      );
    return {
      name,
      ...shared(),
      ...r.fields(
        {
          database: () =>
            r.one(
              () => 'fuzz',
              () => '{{ target.database }}',
            ),
          schema: () =>
            r.one(
              () => 'raw',
              () => "{{ var('word') }}",
            ),
          loader: () => 'hand',
        },
        0.4,
      ),
      tables: tables.map((table) => ({
        name: table,
        ...shared(),
        ...r.fields(
          {
            identifier: () => `${table}_x`,
            columns: () => this.columns(targets),
            tests: () => [this.testEntry(targets, false)],
            external: () => ({
              location: 's3://x',
              file_format: 'csv',
              partitions: [{ name: 'd', data_type: 'date' }],
              other: 1,
            }),
          },
          0.3,
        ),
      })),
    };
  }

  project(models, seeds) {
    const r = this.random;
    const tree = (kind, names) =>
      this.tree(
        kind,
        names.filter((name) => !name.includes('.')),
      );
    const text = this.yaml({
      name: 'p',
      profile: 'fuzz',
      ...(r.chance(0.5)
        ? {
            version: r.one(
              () => '1.0',
              () => '1.0.0',
              () => 2.5,
            ),
          }
        : {}),
      'config-version': 2,
      vars: {
        word: 'said',
        number: 7,
        off: false,
        ...(r.chance(0.3) ? { p: { word: 'scoped' }, helper: { help: 'me' } } : {}),
      },
      ...r.fields(
        {
          quoting: () =>
            r.fields({ database: () => true, schema: () => r.chance(0.5), identifier: () => r.chance(0.5) }, 0.6),
          'on-run-start': () =>
            r.one(
              () => 'select 1',
              () => ['select 1', "{{ shout('a') }}"],
            ),
          'on-run-end': () => ['select 2'],
          'query-comment': () =>
            r.one(
              () => 'x',
              () => null,
              () => ({ comment: 'y', append: true }),
            ),
        },
        0.25,
      ),
      ...r.fields(
        {
          models: () => tree('model', models),
          seeds: () => tree('seed', seeds),
          snapshots: () => tree('snapshot', ['ysnap_1']),
          sources: () => tree('source', ['shop']),
          [r.chance(0.5) ? 'tests' : 'data_tests']: () => tree('test', []),
          exposures: () => tree('exposure', ['exp_1']),
          unit_tests: () => tree('unit_test', []),
        },
        0.55,
      ),
      flags: {
        send_anonymous_usage_stats: false,
        ...r.fields({ require_generic_test_arguments_property: () => true, validate_macro_args: () => true }, 0.2),
      },
    });
    // This file sees variables of the command line only.
    this.files['dbt_project.yml'] = text.replaceAll(/var\(('|''|")(word|off|number)\1\)/g, 'env_var($1FUZZ_$2$1)');
    this.files['profiles.yml'] = JSON.stringify({
      fuzz: {
        target: 'dev',
        outputs: {
          dev: {
            type: 'postgres',
            host: 'localhost',
            port: 1,
            user: 'u',
            password: 'pw',
            dbname: 'fuzz',
            schema: 'main',
            threads: 1,
          },
        },
      },
    });
    this.files['packages.yml'] = 'packages:\n  - local: ./helper\n';
  }

  helper() {
    const r = this.random;
    const at = 'dbt_packages/helper/';
    this.files[`${at}dbt_project.yml`] = this.yaml({
      name: 'helper',
      version: '1.0',
      'config-version': 2,
      ...(r.chance(0.5) ? { models: { helper: { '+tags': r.some(TAGS, 1, 2), '+materialized': 'table' } } } : {}),
      vars: { help: 'us' },
    });
    this.files[`${at}models/helper_base.sql`] =
      this.call('model')
        .replaceAll(/group='[^']*'/g, "custom_key='g'")
        .replaceAll(/enabled=false/g, 'enabled=true')
        .replaceAll(/access='[^']*'/g, "access='protected'") + 'select 1 as id';
    this.files[`${at}macros/h.sql`] =
      '{% macro is_helped() %}1{% endmacro %}\n{% test is_even(model, column_name) %}select 1 from {{ model }} ' +
      'where {{ column_name }} % 2 = 1{% endtest %}\n';
    if (r.chance(0.5))
      this.files[`${at}models/h.yml`] = this.yaml({
        version: 2,
        models: [
          {
            name: 'helper_base',
            description: this.text().replace(/doc\('p', /, "doc('p', "),
            columns: [{ name: 'id', tests: ['unique'] }],
          },
        ],
      });
  }

  selectors(models) {
    const r = this.random;
    const names = ['one', 'two', 'three', 'four'];
    const out = [];
    for (const name of r.some(names, 1, 4))
      out.push({
        name,
        ...r.fields({ description: () => 'what it is for', default: () => false }, 0.3),
        definition: this.definition(
          models,
          out.map((s) => s.name),
          0,
        ),
      });
    return out;
  }

  definition(models, known, depth) {
    const r = this.random;
    const simple = () =>
      r.one(
        () => criterion(r, models),
        () => ({ [r.pick(['tag', 'fqn', 'package'])]: r.pick([...TAGS, ...models, 'p']) }),
        () => ({
          method: r.pick([
            'tag',
            'fqn',
            'source',
            'path',
            'config.materialized',
            'resource_type',
            'package',
            'test_type',
          ]),
          value: 'x',
          ...r.fields(
            {
              children: () => r.chance(0.8),
              parents: () => r.chance(0.8),
              children_depth: () => 1 + r.below(2),
              parents_depth: () => 1,
              indirect_selection: () => r.pick(['eager', 'cautious', 'buildable', 'empty']),
              ...(depth === 0 ? { exclude: () => [criterion(r, models)] } : {}),
            },
            0.3,
          ),
        }),
        () => (known.length > 0 ? { method: 'selector', value: r.pick(known) } : 'tag:a'),
      );
    const fix = (one) => {
      if (typeof one !== 'object' || one.method === undefined || one.method === 'selector') return one;
      return {
        ...one,
        value: {
          tag: r.pick(TAGS),
          fqn: r.pick([...models, '*']),
          source: 'shop',
          path: 'models/marts',
          'config.materialized': 'view',
          resource_type: 'model',
          package: 'p',
          test_type: 'generic',
        }[one.method],
      };
    };
    if (depth > 2 || r.chance(0.35)) return fix(simple());
    const parts = Array.from({ length: 1 + r.below(3) }, () => this.definition(models, known, depth + 1));
    if (r.chance(0.4))
      parts.push({ exclude: Array.from({ length: 1 + r.below(2) }, () => this.definition(models, known, depth + 1)) });
    return { [r.pick(['union', 'intersection'])]: parts };
  }
}

/** One criterion as people type it. */
export function criterion(random, models) {
  const r = random;
  const atom = r.one(
    () => r.pick(models),
    () => r.pick(models),
    () => r.pick(models).slice(0, 2) + '*',
    () => `p.${r.pick(models)}`,
    () =>
      r.pick([
        'marts',
        'staging',
        'p.marts',
        'marts.deep',
        'p.*',
        '*',
        'staging.x.y',
        'p.staging.x',
        'helper',
        'helper_base',
        'm_?',
        '[ms]*',
        '*_1',
        'versioned',
        'versioned.v1',
        'versioned_v2',
        'v1',
        'version?d',
        'marts.*.v2',
        'seed_*',
        'p.*.m_1',
        '[!m]*',
        'dim.x1',
        'x1',
      ]),
    () => `tag:${r.pick([...TAGS.filter((t) => !t.includes(' ')), 'said', 'n*', '?'])}`,
    () =>
      `source:${r.pick(['shop', 'shop.orders', 'p.shop.orders', '*', 'shop.*', 'p.*.*', 'helper', 'Shop', '*.Users'])}`,
    () =>
      `path:${r.pick(['models', 'models/marts', 'models/staging/', 'models/*/*.sql', 'models/**', 'seeds', 'models/schema.yml', 'tests', 'models/marts/deep', 'analyses/*.sql', 'snapshots', 'models/**/m_1.sql', './models', 'models/**/', '*', '**/*.yml', 'models/ma*'])}`,
    () => r.pick(['models/marts', 'models/staging/x.y', 'm_1.sql', 'seed_1.csv', 'models/marts/*.sql']),
    () =>
      `file:${r.pick(['m_1.sql', 'm_*', 'schema.yml', 'schema', 'second', 'versioned_v1', 'dim.x1', 'dim.x1.sql', '*.csv'])}`,
    () => `package:${r.pick(['p', 'helper', 'this', 'h*'])}`,
    () => `access:${r.pick(['public', 'protected', 'private'])}`,
    () => `group:${r.pick([...GROUPS, 'f*', '*'])}`,
    () =>
      `config.${r.pick(['materialized:view', 'materialized:table', 'enabled:true', 'enabled:false', 'tags:a', 'tags:nightly', 'schema:extra', 'severity:warn', 'severity:ERROR', 'store_failures:true', 'meta.owner:data', 'meta.level:1', 'meta.nested.owner:data', 'meta.list:two', 'meta.on:true', 'unique_key:id', 'unique_key:name', 'full_refresh:false', 'docs.show:false', 'contract.enforced:false', 'quoting.schema:true', 'persist_docs.relation:true', 'grants.select:ann', 'custom_key:text', 'custom_key.a.b:1', 'group:fun', 'lookback:1', 'pre_hook:x', 'packages:one', 'event_time:made_at', 'alias:None', 'freshness.build_after.period:day', 'meta.owner:None', 'access:public', 'on_configuration_change:apply', 'severity:x'])}`,
    () => `test_name:${r.pick(['unique', 'not_null', 'at_least', 'is_even', 'u*', 'unit_1', '*', 'helper.is_even'])}`,
    () => `test_type:${r.pick(['generic', 'singular', 'data', 'unit', 'schema'])}`,
    () =>
      `resource_type:${r.pick(['model', 'test', 'seed', 'snapshot', 'source', 'exposure', 'unit_test', 'analysis', 'metric', 'function'])}`,
    () => `version:${r.pick(['latest', 'old', 'prerelease', 'none'])}`,
    () => `exposure:${r.pick(['exp_1', '*', 'p.exp_2', 'exp_?'])}`,
    () => `unit_test:${r.pick(['unit_1', '*', 'p.unit_2', 'unit_*'])}`,
    () => `selector:${r.pick(['one', 'two', 't*', '*'])}`,
    () => 'state:new',
    () => `metric:*`,
    () =>
      r.pick([
        'tag:',
        'fqn:',
        ':x',
        'nope:x',
        'config:x',
        'version:x',
        'resource_type:x',
        'test_type:x',
        'source:a.b.c.d',
        'exposure:a.b.c',
        'config.',
        '+',
        '@',
        '',
        'path:/abs',
        '1',
        '2+',
        'a:b:c',
        'access:p*',
      ]),
  );
  if (r.chance(0.1)) return `@${atom}`;
  return `${r.pick(['', '', '', '', '+', '1+', '2+', '0+'])}${atom}${r.pick(['', '', '', '', '+', '+1', '+2', '+0'])}`;
}

/** path → text. */
export function makeProject(seed) {
  const maker = new ProjectMaker(seed);
  const files = maker.make();
  const models = Object.keys(files)
    .filter((path) => /^models\/.*\.sql$/.test(path))
    .map((path) => path.replace(/^.*\//, '').replace(/\.sql$/, ''));
  return { files, models };
}
