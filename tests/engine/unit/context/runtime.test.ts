// Tests what templates see while nodes run: references with dbt's checks, config, model, graph, results, unit tests,
// operations.
import { describe, expect, it } from 'vitest';
import { EPHEMERAL_PREFIX } from '../../../../src/context/relations.ts';
import { createQueryComment } from '../../../../src/context/query-comment.ts';
import type { ManifestNode, SourceDefinition } from '../../../../src/contracts/node.ts';
import { DEFAULT_COMMENT } from '../../../../src/project/project.ts';
import { macro, manifestOf, model, project, run, runtime, world } from './contexts.ts';

const a = model('a');
const versioned = [1, 2].map((version) =>
  model('v', { unique_id: `model.shop.v.v${version}`, version, latest_version: 2, alias: `v_v${version}` }),
);
const ephemeral = model('e', { config: { ...a.config, materialized: 'ephemeral' } });
const hidden = model('p', { access: 'private', group: 'finance' });
const foreign = model('f', { package_name: 'tools', unique_id: 'model.tools.f' });
const events = {
  resource_type: 'source',
  unique_id: 'source.shop.raw.events',
  source_name: 'raw',
  name: 'events',
  package_name: 'shop',
  database: 'dev',
  schema: 'raw',
  identifier: 'events',
  quoting: { database: false, schema: null, identifier: null, column: null },
  config: { enabled: true, event_time: 'at', freshness: null },
  columns: {},
} as unknown as SourceDefinition;
const nodes: ManifestNode[] = [a, ...versioned, ephemeral, hidden, foreign];
const reader = model('m', { depends_on: { macros: [], nodes: [...nodes.map((n) => n.unique_id), events.unique_id] } });
const manifest = manifestOf([...nodes, reader], {
  sources: { [events.unique_id]: events },
  disabled: { 'model.shop.off': [model('off')] },
});

describe('the error for an undefined name', () => {
  const w = world({
    macros: {
      shop: [
        '{% macro cents_to_dollars(x) %}{{ x }}{% endmacro %}',
        '{% macro default__money(x) %}{{ x }}{% endmacro %}',
        '{% test positive(model) %}select 1{% endtest %}',
      ],
    },
  });

  it.each<[string, string]>([
    ['{{ cents_to_dolars(1) }}', "did you mean 'cents_to_dollars'?"],
    ['{{ shp.cents_to_dollars(1) }}', "did you mean 'shop'?"],
    ['{{ shop.cents_to_dolars(1) }}', "did you mean 'cents_to_dollars'?"],
    ["{{ reff('a') }}", "did you mean 'ref'?"],
    ['{{ test_positiv(model) }}', "did you mean 'positive'?"],
    ["{{ adapter.dispatch('mony')(1) }}", "did you mean 'money'?"],
  ])('suggests the name that was meant: %s', async (code, hint) => {
    await expect(run(code, runtime(w, reader, manifest))).rejects.toMatchObject({ details: { hint } });
  });

  it('has no suggestion if no name is similar', async () => {
    await expect(run('{{ zzzzzz() }}', runtime(w, reader, manifest))).rejects.toMatchObject({
      message: "'zzzzzz' is undefined",
      details: expect.not.objectContaining({ hint: expect.anything() }),
    });
  });
});

describe('a macro as a value', () => {
  const w = world({
    macros: {
      shop: ['{% macro total(x) %}sum({{ x }}){% endmacro %}', '{% macro least(x) %}min({{ x }}){% endmacro %}'],
    },
  });

  it('equals itself each time it is looked up, so that a list of macros contains it', async () => {
    const code =
      '{% set sums = [shop.total] %}{{ total == shop.total }} {{ shop.total in sums }} {{ shop.least in sums }}';
    expect(await run(code, runtime(w, reader, manifest))).toBe('True True False');
  });
});

describe('ref and source, while running,', () => {
  it('return the relation, of the latest version unless one is named', async () => {
    const code =
      "{{ ref('a') }} {{ ref('v') }} {{ ref('v', v=1) }} {{ ref('shop', 'a') }} {{ ref('f') }} {{ source('raw'," +
      " 'events') }} {{ ref('a').include(database=false) }}";
    expect(await run(code, runtime(world(), reader, manifest))).toBe(
      '"dev"."main"."a" "dev"."main"."v_v2" "dev"."main"."v_v1" "dev"."main"."a" "dev"."main"."f" ' +
        'dev."raw"."events" "main"."a"',
    );
  });

  it('report which version an unversioned reference resolves to while a newer one exists', async () => {
    const versions = [9, 10].map((version) =>
      model('v', { unique_id: `model.shop.v.v${version}`, version, latest_version: 9 }),
    );
    const w = world();
    const scope = runtime(
      w,
      model('m', { depends_on: { macros: [], nodes: versions.map((v) => v.unique_id) } }),
      manifestOf(versions),
    );
    await run("{{ ref('v') }}{{ ref('v', v=9) }}", scope);
    expect(w.events.map((e) => e.name)).toEqual(['UnpinnedRefNewVersionAvailable']);
    expect(w.events[0]?.msg).toContain('Resolving to latest version: v.v9\nA prerelease version 10 is available.');
  });

  it('report ephemeral models, and return the name of their CTE', async () => {
    const met: string[] = [];
    expect(await run("{{ ref('e') }}", runtime(world(), reader, manifest, { onCte: (id) => met.push(id) }))).toBe(
      `${EPHEMERAL_PREFIX}e`,
    );
    expect(met).toEqual(['model.shop.e']);
  });

  it('select no rows with --empty', async () => {
    expect(
      await run(
        "{{ ref('a') }} {{ source('raw', 'events') }}",
        runtime(world({ flags: { empty: true } }), reader, manifest),
      ),
    ).toBe(
      '(select * from "dev"."main"."a" where false limit 0) _dbt_limit_subq_a (select * from ' +
        'dev."raw"."events" where false limit 0) _dbt_limit_subq_events',
    );
  });

  it.each([
    ["{{ ref('nope') }}", "Model 'model.shop.m' (models/m.sql) depends on a node named 'nope' which was not found"],
    [
      "{{ ref('tools', 'nope', v=3) }}",
      "Model 'model.shop.m' (models/m.sql) depends on a node named 'nope' with version '3' in package or " +
        "project 'tools' which was not found",
    ],
    ["{{ ref('off') }}", "Model 'model.shop.m' (models/m.sql) depends on a node named 'off' which is disabled"],
    [
      "{{ source('raw', 'x') }}",
      "Model 'model.shop.m' (models/m.sql) depends on a source named 'raw.x' which was not found",
    ],
    [
      "{{ ref('p') }}",
      'Node model.shop.m attempted to reference node model.shop.p, which is not allowed because the referenced ' +
        "node is private to the 'finance' group.",
    ],
  ])('%s fails in the words of dbt', async (code, message) => {
    await expect(run(code, runtime(world(), reader, manifest))).rejects.toThrow(message);
  });

  it('explain how to declare a ref that was not seen while parsing', async () => {
    await expect(run("{{ ref('a') }}", runtime(world(), model('m'), manifest))).rejects.toThrow(
      'dbt was unable to infer all dependencies for the model "m".\nThis typically happens when ref() is ' +
        'placed within a conditional block.\n\n' +
        'To fix this, add the following hint to the top of the model "m":\n\n-- depends_on: {{ ref(\'a\') }}',
    );
  });
});

describe('the context of a running node', () => {
  const node = model('m', {
    config: {
      ...a.config,
      unique_key: null,
      custom: { x: 1 },
      meta: { owner: 'me' },
      persist_docs: { relation: true },
      'pre-hook': [{ sql: 'select 1', transaction: true, index: null }],
    },
    columns: {
      id: {
        name: 'id',
        data_type: 'string',
        description: '',
        meta: {},
        constraints: [],
        quote: null,
        config: { meta: {}, tags: [] },
        tags: [],
        granularity: null,
        doc_blocks: [],
      },
    },
    compiled_code: 'select 1',
    extra_ctes_injected: true,
  });

  it('answers config.get with null for a null and with the default for a missing key', async () => {
    const code =
      "{{ config.get('materialized') }} {{ config.get('unique_key', 'd') }} {{ config.get('none', 'd') }} {{ " +
      "config.get('custom').x }} {{ config.meta_get('owner') }} {{ config.persist_relation_docs() }} {{ " +
      "config.persist_column_docs() }} {{ config.get('pre_hook')[0].sql }}[{{ config(a=1) }}]";
    expect(await run(code, runtime(world(), node, manifest))).toBe('view None d 1 me True False select 1[]');
    await expect(run("{{ config.require('none') }}", runtime(world(), node, manifest))).rejects.toThrow(
      "Model 'model.shop.m' does not define a required config parameter 'none'.",
    );
    await expect(
      run("{{ config.require('materialized', validator=validation.any['table']) }}", runtime(world(), node, manifest)),
    ).rejects.toThrow();
    await expect(
      run(
        "{{ config.require('materialized', validator=validation.any('table', 'x')) }}",
        runtime(world(), node, manifest),
      ),
    ).rejects.toThrow('Expected value "view" to be one of table,x');
  });

  it('warns when a key exists only under meta', async () => {
    const w = world();
    expect(await run("{{ config.get('owner', 'd') }}", runtime(w, node, manifest))).toBe('d');
    expect(w.events.map((event) => event.name)).toEqual(['GetMetaKeyWarning']);
  });

  it('shows the node without nulls, its code under both names, and data types of the database', async () => {
    const code =
      "{{ model.name }} {{ model.compiled_sql }} {{ 'group' in model }} {{ model.columns.id.data_type }} {{ " +
      "model['unique_id'] }} {{ model.get('nope') }} {{ sql }} {{ pre_hooks[0]['sql'] }} {{ this.identifier }}";
    expect(await run(code, runtime(world(), node, manifest))).toBe(
      'm select 1 False TEXT model.shop.m None select 1 select 1 m',
    );
  });

  it('shows the manifest as graph', async () => {
    const code =
      "{% for n in graph.nodes.values() | selectattr('access', 'equalto', 'private') %}{{ n.unique_id }} {{ " +
      "n['config']['materialized'] }}{% endfor %} {{ graph.sources['source.shop.raw.events'].identifier }} {{ " +
      'graph.nodes | length }} {{ graph.nodes.keys() | first }}';
    expect(await run(code, runtime(world(), node, manifest))).toBe('model.shop.p view events 7 model.shop.a');
  });

  it('stores results by name and returns each once', async () => {
    const code =
      "{% do store_raw_result('r', message='OK', code='C', rows_affected=3) %}{% set r = load_result('r') %}{{ " +
      "r.response }} {{ r.response.rows_affected }} {{ r['data'] }} {{ r.table.columns | length }} {{ " +
      "load_result('none') }}";
    const scope = runtime(world(), node, manifest);
    expect(await run(code, scope)).toBe('OK 3 [] 0 None');
    await expect(run("{{ load_result('r') }}", scope)).rejects.toThrow(
      "The 'statement' result named 'r' has already been loaded into a variable",
    );
  });

  it('lists the available variables when one is missing', async () => {
    const w = world({ root: { vars: { b: 1, shop: { a: 'x' } } }, cliVars: { c: true } });
    await expect(run("{{ var('z') }}", runtime(w, node, manifest))).rejects.toThrow(
      'Required var \'z\' not found in config:\nVars supplied to m = {\n    "a": "x",\n    "b": 1,\n    "c": ' +
        'true,\n    "shop": {\n        "a": "x"\n    }\n}',
    );
  });

  it('wraps any failure in a function in one error', async () => {
    const w = world({
      macros: {
        shop: [
          "{% macro bad() %}{{ exceptions.raise_compiler_error('inner') }}{% endmacro %}",
          '{% macro good(x) %}{{ return(x) }}{% endmacro %}',
        ],
      },
    });
    expect(await run("{{ try_or_compiler_error('no', good, 5) }}", runtime(w, node, manifest))).toBe('5');
    await expect(run("{{ try_or_compiler_error('no', bad) }}", runtime(w, node, manifest))).rejects.toThrow('no');
  });
});

describe('a unit test', () => {
  const w = world({
    env: { E: 'real' },
    root: { vars: { v: 'real' } },
    macros: {
      dbt: [
        '{% macro is_incremental() %}{{ return(false) }}{% endmacro %}',
        '{% macro now_text() %}later{% endmacro %}',
      ],
      tools: ['{% macro t() %}real{% endmacro %}'],
      shop: ['{% macro own() %}real{% endmacro %}'],
    },
    packages: [project('tools')],
  });
  const test = model('t', { resource_type: 'unit_test', depends_on: { macros: [], nodes: ['model.shop.a'] } });

  it('replaces macros, variables and environment variables', async () => {
    const scope = runtime(w, test, manifest, {
      kind: 'unit_test',
      unitTest: {
        overrides: {
          macros: { is_incremental: true, 'tools.t': 'fake', own: 'mine' },
          vars: { v: 'fake' },
          env_vars: { E: 'fake' },
        },
        thisInput: { unique_id: 'model.shop.this', identifier: 'm' },
      },
    });
    expect(
      await run(
        '{{ is_incremental() }} {{ dbt.is_incremental() }} {{ tools.t() }} {{ own() }} {{ now_text() }} {{ ' +
          "var('v') }} {{ env_var('E') }} {{ this }}",
        scope,
      ),
    ).toBe('True True fake mine later fake fake __dbt__cte__m');
  });
});

describe('an operation', () => {
  it('runs a macro in its own context and may reference any node except ephemeral ones', async () => {
    const w = world({
      macros: {
        shop: [
          "{% macro op(x) %}{{ ref('a') }} {{ x }} {{ this is defined }} {{ schema }}{% endmacro %}",
          "{% macro bad() %}{{ ref('e') }}{% endmacro %}",
        ],
      },
    });
    const scope = runtime(w, a, manifest).childOf(macro('shop', '{% macro op(x) %}{% endmacro %}'));
    expect(await scope.executeMacro('op', [], new Map([['x', 1]]))).toBe('"dev"."main"."a" 1 False main');
    await expect(scope.executeMacro('bad', [])).rejects.toThrow(
      'Operations can not ref() ephemeral nodes, but e is ephemeral',
    );
    await expect(scope.executeMacro('none', [])).rejects.toThrow(
      'dbt could not find a macro with the name "none" in any package',
    );
  });
});

describe('the query comment', () => {
  it('is rendered for a connection and a node', () => {
    const w = world({
      root: {
        query_comment: {
          comment:
            "{{ return(tojson({'n': connection_name, 'id': node.unique_id if node else none, 'x': target.name})) }}",
          append: true,
          job_label: false,
        },
      },
    });
    const comment = createQueryComment(w.context, w.resolver);
    expect(comment('master', null)).toEqual({ text: '{"n": "master", "id": null, "x": "dev"}', append: true });
    expect(comment('model.shop.a', a)?.text).toBe('{"n": "model.shop.a", "id": "model.shop.a", "x": "dev"}');
  });

  it("has the text of dbt's default template, for names that no macro defines", () => {
    const query_comment = { comment: DEFAULT_COMMENT, append: false, job_label: false };
    const w = world({ root: { query_comment } });
    const asked = [['master', null] as const, ['model.shop.a', a] as const];
    const [written, known] = [false, true].map((usual) => createQueryComment(w.context, w.resolver, usual));
    for (const [name, node] of asked) expect(known!(name, node)).toEqual(written!(name, node));
    expect(known!('model.shop.a', a)?.text).toMatch(/^\{"app": "dbt", .*"node_id": "model\.shop\.a"\}$/);
    const own = world({ root: { query_comment }, macros: { shop: ['{% macro tojson(x) %}mine{% endmacro %}'] } });
    expect(createQueryComment(own.context, own.resolver, true)('master', null)?.text).toBe('mine');
  });

  it('cannot close itself', () => {
    const w = world({ root: { query_comment: { comment: 'a */ b', append: false, job_label: false } } });
    expect(() => createQueryComment(w.context, w.resolver)('master', null)).toThrow(
      'query comment contains illegal value "*/": a */ b',
    );
  });
});
