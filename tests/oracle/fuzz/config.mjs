// Random config of a resource, at every place where dbt takes it.
import { Plain, toJinja } from './random.mjs';
import { TAGS, GROUPS, Words } from './words.mjs';

export class Configs extends Words {
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
}
