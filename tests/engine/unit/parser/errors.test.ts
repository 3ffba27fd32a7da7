// Tests the messages and positions of errors in project files. The texts are those of dbt 1.12 for the same files.
import { describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../../src/errors.ts';
import { newProject, type ParseOptions, parseFiles, parseInput, sourceFile } from '../../support/parse.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';

interface Failure {
  readonly message: string;
  readonly path: string | undefined;
  readonly line: number | undefined;
  readonly kind: string;
  readonly hint: string | undefined;
  /** The file of the failed node, if the path is that of a macro. */
  readonly node: string | undefined;
}

async function failure(files: Readonly<Record<string, string>>, options: ParseOptions = {}): Promise<Failure> {
  try {
    await parseFiles({ 'models/a.sql': 'select 1 as id', ...files }, options);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const { details, message, kind } = error;
    return {
      message,
      kind,
      path: details.path ?? details.node?.original_file_path,
      line: details.line,
      hint: details.hint,
      node: details.node?.original_file_path,
    };
  }
  throw new Error('nothing was wrong');
}

const yaml = (text: string): Record<string, string> => ({ 'models/s.yml': text });

describe('a misspelt key', () => {
  const notes = async (text: string): Promise<string[]> => {
    const input = await parseInput({ 'models/a.sql': 'select 1 as id', ...yaml(text) });
    const events: LogEvent[] = [];
    parseProject({ ...input, logger: { fire: (event) => void events.push(event) } });
    return events.filter(({ name }) => name === 'Note').map(({ msg }) => msg);
  };

  it('that dbt ignores is reported with its position and a suggestion', async () => {
    expect(await notes('models:\n  - name: a\n    colums:\n      - name: id\n')).toEqual([
      "Custom key `colums` found at `models[0]` in file `models/s.yml`, line 3; did you mean 'columns'?",
    ]);
    expect(await notes('models:\n  - name: a\n    columns:\n      - name: id\n        datatype: int\n')).toEqual([
      "Custom key `datatype` found at `models[0].columns[0]` in file `models/s.yml`, line 5; did you mean 'data_type'?",
    ]);
    expect(await notes('exposure: []\n')).toEqual([
      "Custom key `exposure` found at the top level of file `models/s.yml`, line 1; did you mean 'exposures'?",
    ]);
  });

  it('is not suspected in project keys that are not similar to any known key', async () => {
    expect(await notes('models:\n  - name: a\n    owner: me\n    columns: [{name: id, type: int}]\n')).toEqual([]);
  });

  it('that is rejected comes with a suggestion', async () => {
    const source = await failure(yaml('sources:\n  - name: raw\n    loder: x\n'));
    expect(source).toMatchObject({ line: 2, hint: "did you mean 'loader'?" });
    expect(source.message).toContain("at path []: Additional properties are not allowed ('loder' was unexpected)");
    const metric = await failure(yaml('metrics:\n  - name: orders\n    lable: l\n    type_params: {measure: n}\n'));
    expect(metric).toMatchObject({ line: 2, hint: "did you mean 'label'?" });
    expect(metric.message).toContain("at path []: Additional properties are not allowed ('lable' was unexpected)");
  });
});

describe('the error for a reference', () => {
  it('names an unknown ref, its line and the nearest name', async () => {
    expect(await failure({ 'models/b.sql': "select *\nfrom {{ ref('aa') }}" })).toMatchObject({
      kind: 'compilation',
      message: "Model 'model.p.b' (models/b.sql) depends on a node named 'aa' which was not found",
      path: 'models/b.sql',
      line: 2,
      hint: "did you mean 'a'?",
    });
  });

  it.each([
    ["{{ ref('nope', 'a') }}", "depends on a node named 'a' in package or project 'nope' which was not found"],
    ["{{ ref('a', v=3) }}", "depends on a node named 'a' with version '3' which was not found"],
    ["{{ source('x', 'y') }}", "depends on a source named 'x.y' which was not found"],
    ['{{ ref() }}', 'ref() takes at most two arguments (0 given)'],
    ["{{ ref('a', 'b', 'c') }}", 'ref() takes at most two arguments (3 given)'],
    ["{{ source('a') }}", 'source() takes exactly two arguments (1 given)'],
    ["{{ env_var('NOPE') }}", "Env var required but not provided: 'NOPE'"],
    ["{{ exceptions.raise_compiler_error('boom') }}", 'boom'],
    ['{{ config(a=1, a=2) }}', 'keyword argument repeated: a'],
    ['{% if false %}{{ dict(x=1, x=2) }}{% endif %}', 'keyword argument repeated: x'],
    ["{{ ref('a' }}", "unexpected '}', expected ')'"],
    ['{% if true %}', "Jinja was looking for the following tags: 'elif' or 'else' or 'endif'"],
  ])('explains what is wrong with %s', async (code, message) => {
    const found = await failure({ 'models/b.sql': `select 1\n${code}` });
    expect(found.message).toContain(message);
    expect([found.path, found.line]).toEqual(['models/b.sql', 2]);
  });

  it('says that the referenced node is disabled', async () => {
    expect(
      (
        await failure({
          'models/b.sql': "select * from {{ ref('c') }}",
          'models/c.sql': '{{ config(enabled=false) }} select 1',
        })
      ).message,
    ).toBe("Model 'model.p.b' (models/b.sql) depends on a node named 'c' which is disabled");
  });

  it('says that a private model cannot be referenced', async () => {
    const files = {
      ...yaml(
        'groups:\n  - name: g\n    owner: {name: x}\nmodels:\n  - name: a\n    config: {group: g, access: private}\n',
      ),
      'models/b.sql': "select * from {{ ref('a') }}",
    };
    expect((await failure(files)).message).toBe(
      'Node model.p.b attempted to reference node model.p.a, which is not allowed because the referenced node ' +
        "is private to the 'g' group.",
    );
  });

  it('is only a warning for a test whose model does not exist', async () => {
    const { warnings } = await parseFiles(
      yaml('models:\n  - name: zzz\n    columns: [{name: id, data_tests: [unique]}]\n'),
    );
    expect(warnings).toEqual([
      "[WARNING]: Did not find matching node for patch with name 'zzz' in the 'models' section of file 'models/s.yml'",
      "[WARNING]: Test 'test.p.unique_zzz_id.eb09467618' (models/s.yml) depends on a node named 'zzz' in " +
        "package '' which was not found",
    ]);
  });
});

describe('the check of macros while parsing', () => {
  it('finds a macro that never ends', async () => {
    const found = await failure({
      'macros/m.sql': '{% macro m(a) %}{{ m(a) }}{% endmacro %}',
      'models/b.sql': 'select {{ m(1) }}',
    });
    expect(found).toMatchObject({ kind: 'compilation', path: expect.stringContaining('.sql') as string });
  });

  it('finds a call with too many arguments', async () => {
    expect(
      (
        await failure({
          'macros/m.sql': '{% macro m(a) %}{{ a }}{% endmacro %}',
          'models/b.sql': 'select {{ m(1, 2) }}',
        })
      ).message,
    ).toBe("macro 'dbt_macro__m' takes not more than 1 argument(s)");
  });

  it.each([
    ['m()', '{{ nope() }}', "'nope' is undefined"],
    ['m()', '{{ none.foo.bar }}', "'None' has no attribute 'foo'"],
    ['m()', '{{ 1 / 0 }}', 'division by zero'],
    ["m('x')", '{{ a + 1 }}', 'can only concatenate str (not "int") to str'],
    ['m()', '{{ dbt.nope() }}', "'dbt.context.macros.MacroNamespace object' has no attribute 'nope'"],
    ['m()', '{{ model.columns.x.y }}', "'dict object' has no attribute 'x'"],
  ])('finds that the call %s of %s fails, though it has no effect on the parse', async (call, body, message) => {
    const files = {
      'macros/m.sql': `{% macro m(a) %}${body}{% endmacro %}`,
      'models/b.sql': `select {{ ${call} }}`,
    };
    expect(await failure(files)).toMatchObject({ message, kind: 'compilation', node: 'models/b.sql' });
  });

  it('finds a call that fails only for one model, and one that fails only with one argument', async () => {
    const macros = { 'macros/m.sql': '{% macro m() %}{{ 1 + {"b": "x"}.get(this.name, 1) }}{% endmacro %}' };
    await expect(parseFiles({ ...macros, 'models/a.sql': 'select {{ m() }}' })).resolves.toBeDefined();
    expect(
      await failure({ ...macros, 'models/a.sql': 'select {{ m() }}', 'models/b.sql': 'select {{ m() }}' }),
    ).toMatchObject({ node: 'models/b.sql' });
    const sum = { 'macros/m.sql': '{% macro m(a) %}{{ a + 1 }}{% endmacro %}' };
    expect(
      await failure({ ...sum, 'models/a.sql': 'select {{ m(1) }}', 'models/b.sql': "select {{ m('1') }}" }),
    ).toMatchObject({ node: 'models/b.sql' });
  });

  it('finds a dispatch to a namespace that is not a package, though another package has the macro', async () => {
    const input = await parseInput({ 'models/b.sql': 'select {{ util.m() }}' });
    const text =
      "{% macro m() %}{{ return(adapter.dispatch('m', 'utils')()) }}{% endmacro %}" +
      '{% macro default__m() %}1{% endmacro %}';
    const parse = (macros: string): unknown =>
      parseProject({
        ...input,
        config: { ...input.config, packages: [...input.config.packages, newProject('util')] },
        files: [...input.files, sourceFile('macros/m.sql', macros, 0, 'util')],
      });
    expect(() => parse(text)).toThrow(
      "In dispatch: No macro named 'm' found within namespace: 'utils'\n" +
        "    Searched for: 'postgres__m', 'default__m'",
    );
    expect(() => parse(text.replace('utils', 'util'))).not.toThrow();
  });

  it.each([
    ['own', "'nope' is undefined"],
    ['adds: {arguments: {n: x}}', 'can only concatenate str (not "int") to str'],
    ['accepted_values: {arguments: {values: 5}}', "'int' object is not iterable"],
  ])('finds that the generic test %s fails, though it has no effect on the parse', async (test, message) => {
    const found = await failure({
      'macros/t.sql':
        '{% test own(model, column_name) %}select {{ nope() }} from {{ model }}{% endtest %}\n' +
        '{% test adds(model, column_name, n) %}select {{ n + 1 }} from {{ model }}{% endtest %}',
      ...yaml(
        'models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          - not_null\n' +
          '          - adds: {arguments: {n: 1}}\n          - accepted_values: {arguments: {values: [1]}}\n' +
          `          - ${test}\n`,
      ),
    });
    expect(found).toMatchObject({ message, kind: 'compilation', node: 'models/s.yml' });
  });

  it('names both files of a duplicate macro', async () => {
    const found = await failure({
      'macros/m.sql': '{% macro m() %}{% endmacro %}',
      'macros/n.sql': '{% macro m() %}{% endmacro %}',
    });
    expect(found.message).toContain('dbt found multiple macros named "m" in the project "p".');
    expect(found.message).toContain('- macros/n.sql\n    - macros/m.sql');
  });

  it('names the line and the file of a macro with a syntax error', async () => {
    expect(await failure({ 'macros/m.sql': '{% macro m(a) %}\n{{ a + }}\n{% endmacro %}' })).toMatchObject({
      message: "unexpected 'end of print statement'",
      path: 'macros/m.sql',
      line: 2,
    });
  });
});

describe('the reader of properties files', () => {
  it.each([
    [
      '- a\n- b\n',
      "Error reading p: s.yml - Runtime Error\n  Contents of file 'models/s.yml' are not valid. Dictionary expected.",
      1,
    ],
    ['models:\n  a: 1\n', "The schema file at models/s.yml is invalid because the value of 'models' is not a list", 1],
    [
      'models:\n  - description: x\n',
      "The schema file at models/s.yml is invalid because a list element for 'models' does not have a name attribute.",
      2,
    ],
    [
      'models:\n  - a\n',
      "The schema file at models/s.yml is invalid because a list element for 'models' is not a dictionary",
      2,
    ],
    ['models:\n  - name: a\n    columns: [id]\n', "at path ['columns'][0]: 'id' is not of type 'object'", 3],
    ['models:\n  - name: a\n    description: 5\n', "at path ['description']: 5 is not of type 'string'", 3],
    [
      'models:\n  - name: a\n    tests: [x]\n    data_tests: [y]\n',
      "Invalid test config: cannot have both 'tests' and 'data_tests' defined",
      2,
    ],
    [
      'models:\n  - name: a\n    versions: [{v: 1, foo: 2}]\n',
      "Additional properties are not allowed ('foo' was unexpected)",
      3,
    ],
    [
      'exposures:\n  - name: e\n    type: bad\n    owner: {name: x}\n',
      "at path ['type']: 'bad' is not one of ['dashboard', 'notebook', 'analysis', 'ml', 'application']",
      3,
    ],
    ['groups:\n  - name: g\n    owner: {x: y}\n', "Group owner must have at least one of 'name' or 'email'.", 3],
    [
      'sources:\n  - name: s\n    foo: bar\n    tables: [{name: t}]\n',
      "Additional properties are not allowed ('foo' was unexpected)",
      2,
    ],
    [
      'unit_tests:\n  - name: u\n    model: a\n    given: []\n    expect: {rows: x}\n',
      'Unit test u has expected rows which do not match format dict',
      2,
    ],
  ])('rejects %j', async (text, message, line) => {
    const found = await failure(yaml(text));
    expect(found.message).toContain(message);
    expect([found.path, found.line]).toEqual(['models/s.yml', line]);
  });

  it.each([
    [
      'models:\n  - name: a\n    meta: {a: 1}\n    config: {meta: {b: 1}}\n',
      "found meta dictionary in 'config' dictionary and as top-level key.",
    ],
    ['models:\n  - name: a\n    access: secret\n', 'Node model.p.a has an invalid value (secret) for the access field'],
    [
      'models:\n  - name: a\n    config: {full_refresh: maybe}\n',
      "at path ['full_refresh']: 'maybe' is not valid under any of the given schemas",
    ],
    ['models:\n  - name: a\n    config: {group: g}\n', "Invalid group 'g', expected one of []"],
    [
      'models:\n  - name: a\n    versions: [{v: 1}, {v: 1}]\n',
      "Found duplicate version: '1' in versions list of model 'a'",
    ],
    [
      'models:\n  - name: a\n    versions: [{v: 1, defined_in: a}, {v: 2, defined_in: a}]\n',
      "Version '2' of model 'a' is defined in 'a', which also defines another version",
    ],
    [
      'models:\n  - name: a\n    latest_version: 3\n    versions: [{v: 1}]\n',
      "latest_version: 3 is not one of model 'a' versions: [1] ",
    ],
    [
      'models:\n  - name: a\n    columns:\n      - name: id\n        constraints: [{type: bad}]\n',
      'Invalid constraint type on column id',
    ],
    [
      'models:\n  - name: a\n    description: "{{ doc(\'nope\') }}"\n',
      "Documentation for 'model.p.a' depends on doc 'nope'  which was not found",
    ],
    ['groups: text\n', "groups must be a list, got <class 'str'> instead: (text)"],
    [
      'models:\n  - name: a\n    data_tests:\n      - unique: [a]\n',
      "test arguments must be a dict, got <class 'list'> (value ['a'])",
    ],
    [
      'models:\n  - name: a\n    data_tests:\n      - unique: {arguments: {column_name: id}, config: ' +
        '{severity: bad}}\n',
      "Severity must be either 'warn' or 'error'. Got 'bad'",
    ],
    [
      'models:\n  - name: a\n    data_tests:\n      - unique: {arguments: {column_name: id, model: x}}\n',
      'Test arguments include "model", which is a reserved argument',
    ],
    [
      'models:\n  - name: a\n    columns: [{name: id, data_tests: [unique, unique]}]\n',
      'dbt found two data_tests with the name "unique_a_id" defined on column "id" in "models.a".',
    ],
    [
      'unit_tests:\n  - name: u\n    model: nope\n    given: []\n    expect: {rows: []}\n',
      "Unable to find model 'p.nope' for unit test 'u' in models/s.yml",
    ],
  ])('rejects the values in %j', async (text, message) => {
    expect((await failure(yaml(text))).message).toContain(message);
  });

  it('rejects versions of a model that has the name of a seed', async () => {
    const found = await failure({
      'seeds/a.csv': 'id\n1\n',
      'macros/n.sql': '{% macro generate_alias_name(custom, node) %}{{ node.unique_id }}{% endmacro %}',
      ...yaml('models: [{name: a, versions: [{v: 1}]}]'),
    });
    expect(found.kind).toBe('parsing');
    expect(found.message).toContain('dbt found versioned and unversioned models with the name "a".');
    expect(found.message).toContain(
      'seed.p.a (seeds/a.csv)\nor add the unversioned model to the versions in p://models',
    );
  });

  it('rejects two entries for one model', async () => {
    expect(
      (await failure({ ...yaml('models:\n  - name: a\n'), 'models/t.yml': 'models:\n  - name: a\n' })).message,
    ).toContain('dbt found two schema.yml entries for the same resource named a.');
  });
});

describe('the reader of config()', () => {
  it.each([
    ["{{ config(enabled='maybe') }}", "at path ['enabled']: 'maybe' is not of type 'boolean'"],
    [
      "{{ config(on_configuration_change='boom') }}",
      'Field "on_configuration_change" of type OnConfigurationChangeOption in ModelConfig has invalid value \'boom\'',
    ],
    [
      "{{ config({'pre-hook': 'x', 'pre_hook': 'y'}) }}",
      'Invalid config, has conflicting keys "pre_hook" and "pre-hook"',
    ],
    [
      "{{ config(contract={'enforced': true}, materialized='incremental') }}",
      "must set on_schema_change to 'append_new_columns' or 'fail'",
    ],
    [
      "{{ config(materialized='incremental', incremental_strategy='microbatch') }}",
      "Microbatch model 'b' must provide an 'event_time' (string) config",
    ],
    ["{{ config(alias='a') }}", 'dbt found two resources with the database representation ""db"."sch"."a"".'],
  ])('rejects %s', async (code, message) => {
    expect((await failure({ 'models/b.sql': `${code} select 1` })).message).toContain(message);
  });

  it('converts the value of a text option to text, as dbt does', async () => {
    const { manifest } = await parseFiles({ 'models/b.sql': '{{ config(materialized=5, tags=[1, "x"]) }} select 1' });
    expect(manifest.nodes['model.p.b']?.config).toMatchObject({ materialized: '5', tags: ['1', 'x'] });
  });

  it('rejects a snapshot without a key', async () => {
    expect(
      (await failure({ 'snapshots/s.sql': "{% snapshot s %}{{ config(strategy='check') }} select 1{% endsnapshot %}" }))
        .message,
    ).toBe("Snapshots must be configured with a 'strategy' and 'unique_key'.");
  });

  it('warns about paths in dbt_project.yml that apply to nothing', async () => {
    const { warnings } = await parseFiles(
      { 'models/a.sql': 'select 1' },
      { project: { configs: { models: { p: { nope: { '+materialized': 'table' } } } } } },
    );
    expect(warnings).toEqual([
      '[WARNING]: Configuration paths exist in your dbt_project.yml file which do not apply to any resources.\n' +
        'There are 1 unused configuration paths:\n- models.p.nope',
    ]);
  });
});

describe('a measure of a metric', () => {
  const project = (enabled: boolean, measure: string): Record<string, string> => ({
    'models/metricflow_time_spine.sql': 'select 1 as date_day',
    ...yaml(`semantic_models:
  - name: people
    model: ref('a')
    config: {enabled: ${enabled}}
    defaults: {agg_time_dimension: born}
    entities: [{name: id, type: primary}]
    dimensions: [{name: born, type: time, type_params: {time_granularity: day}}]
    measures: [{name: heads, agg: count, expr: id}]
metrics:
  - name: people_count
    label: People
    type: simple
    type_params: {measure: ${measure}}
`),
  });

  it('is named in the error if no semantic model has it, and with its semantic model if that is disabled', async () => {
    expect((await failure(project(true, 'tails'))).message).toContain(
      'A semantic model having a measure `tails` does not exist but was referenced.',
    );
    expect((await failure(project(false, 'heads'))).message).toContain(
      'The measure `heads` is referenced on disabled semantic model `people`.',
    );
    await expect(failure(project(true, 'heads'))).rejects.toThrow('nothing was wrong');
  });
});
