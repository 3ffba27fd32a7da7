// A random dbt project as texts: every kind of resource, config at every place where dbt takes it, in the spellings
// that mean the same. Leaves writing it to disk, and what is done with it, to its callers.
import { Plain, toJinja } from './random.mjs';
import { TAGS, COLUMNS, FOLDERS, GROUPS } from './words.mjs';
import { Selectors } from './selectors.mjs';

class ProjectMaker extends Selectors {
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
