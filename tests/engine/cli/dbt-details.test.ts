// Tests rarely used details of dbt. The expected values are what real dbt-core 1.12.6 printed, wrote and built for the
// same project.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

let project: FaultProject;
const read = (path: string): string => readFileSync(join(project.dir, path), 'utf8');
const target = (path: string): unknown => JSON.parse(read(join('target', path)));
/** The compiled text of a model, without blank lines. */
async function compiled(name: string, ...args: string[]): Promise<string> {
  const { code, out } = await project.run(['run', '--select', name, ...args]);
  expect(code, out).toBe(0);
  const text = read(`target/compiled/faults/models/${name}.sql`);
  return text.trim().replaceAll(/\n+/g, '\n');
}

beforeAll(async () => {
  project = await FaultProject.open({
    'models/a.sql': 'select 1 as id',
    'models/b.sql': "select * from {{ ref('a', label='staging') }}",
    'models/spine.sql': 'select current_date as day',
    'models/places.sql': '-- {{ flags.PROFILES_DIR }} {{ invocation_args_dict.profiles_dir }} {{ flags.LOG_PATH }}',
    'models/told.sql': 'select $$ {{ invocation_args_dict.sample }} $$ as s',
    'models/typed.sql': `{% set m = metric('revenue') %}{% if execute %}
-- {{ m.type }} {{ m.type.value }} {{ m.type.name }} {{ m.type == 'simple' }} {{ [m.type] }} {{ m.type | upper }}
-- {{ graph.metrics.values() | map(attribute='type') | list }}
{% endif %}select 1 as id`,
    'models/made_of.sql': `{% for m in [metric('revenue'), metric('growth')] if execute %}
-- {{ m.type_params }}
-- {{ m.filter }} {{ m.depends_on }} {{ m.type_params['metrics'] | map(attribute='name') | list }}
{% endfor %}select 1 as id`,
    'models/p.yml': `
models:
  - name: spine
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
  - {name: a, config: {group: people}}
groups:
  - name: people
    owner: {name: us, email: [a@b.example, c@d.example]}
semantic_models:
  - name: orders
    model: ref('a')
    defaults: {agg_time_dimension: created_at}
    entities: [{name: id, type: primary}]
    dimensions: [{name: created_at, type: time, type_params: {time_granularity: day}}]
    measures: [{name: total, agg: sum, expr: id}]
metrics:
  - {name: revenue, label: Revenue, type: simple, type_params: {measure: total}}
  - name: growth
    label: Growth
    type: derived
    filter: id > 1
    type_params: {expr: before - 1, metrics: [{name: revenue, alias: before, offset_window: 1 month}]}
unit_tests:
  - name: by_label
    model: b
    given: [{input: "ref('a', label='staging')", rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
`,
    'macros/ref.sql': `{% macro ref() %}{% set label = kwargs.get('label') %}
  {% do return(builtins.ref(varargs[0])) %}
{% endmacro %}`,
  });
});
afterAll(async () => {
  await project.close();
});

describe('a template', () => {
  it('sees --sample as a window, which is also in artifacts', async () => {
    const window = '{"start": "2026-01-01", "end": "2026-01-02 03:00:00"}';
    expect(await compiled('told', '--sample', window)).toContain(
      'SampleWindow(start=datetime.datetime(2026, 1, 1, 0, 0, tzinfo=<UTC>), ' +
        'end=datetime.datetime(2026, 1, 2, 3, 0, tzinfo=<UTC>))',
    );
    expect(target('run_results.json')).toMatchObject({
      args: { sample: { start: '2026-01-01T00:00:00+00:00', end: '2026-01-02T03:00:00+00:00' } },
    });
  });

  it("sees a metric's type as an enum member, but as text in the graph", async () => {
    expect(await compiled('typed')).toBe(
      "-- MetricType.SIMPLE simple SIMPLE False [<MetricType.SIMPLE: 'simple'>] METRICTYPE.SIMPLE\n" +
        "-- ['simple', 'derived']\nselect 1 as id",
    );
  });
});

describe('a metric', () => {
  it('prints its parts as dbt prints its classes', async () => {
    const none = 'grain_to_date=None, metrics=';
    const rest =
      'conversion_type_params=None, cumulative_type_params=None, metric_aggregation_params=None, ' +
      'fill_nulls_with=None, join_to_timespine=False, is_private=None)';
    const total =
      "MetricInputMeasure(name='total', filter=None, alias=None, join_to_timespine=False, fill_nulls_with=None)";
    const revenue =
      "MetricInput(name='revenue', filter=None, alias='before', offset_window=MetricTimeWindow(count=1, " +
      "granularity='month'), offset_to_grain=None)";
    expect((await compiled('made_of')).split('\n')).toEqual([
      `-- MetricTypeParams(measure=${total}, input_measures=[${total}], numerator=None, denominator=None, expr=None, ` +
        `window=None, ${none}[], ${rest}`,
      "-- None DependsOn(macros=[], nodes=['semantic_model.faults.orders']) []",
      `-- MetricTypeParams(measure=None, input_measures=[${total}], numerator=None, denominator=None, ` +
        `expr='before - 1', window=None, ${none}[${revenue}], ${rest}`,
      "-- WhereFilterIntersection(where_filters=[WhereFilter(where_sql_template='id > 1')]) DependsOn(macros=[], " +
        "nodes=['metric.faults.revenue']) ['revenue']",
      'select 1 as id',
    ]);
  });
});

describe('a unit test with a custom ref', () => {
  it('is rejected without the flag', async () => {
    const { code, out } = await project.run(['test', '--select', 'by_label']);
    expect(code).toBe(1);
    expect(out).toContain(
      "Unit test given inputs must be either a 'ref', 'source' or 'this' call. Got: 'ref('a', label='staging')'.",
    );
  });

  it('passes with the flag', async () => {
    const settings = read('dbt_project.yml').replace('flags: {', 'flags: {support_custom_ref_kwargs: true, ');
    project.write({ 'dbt_project.yml': settings });
    const { code, out } = await project.run(['build', '--select', 'a', 'b']);
    expect(code, out).toBe(0);
    expect(out).toContain('PASS b::by_label');
  });
});

describe('--sqlparse', () => {
  const compile = (limits: string) => project.run(['compile', '--select', 'a', '--sqlparse', limits]);

  it('accepts integers, also as text, and none', async () => {
    const { code, out } = await compile('{MAX_GROUPING_DEPTH: "7", MAX_GROUPING_TOKENS: none}');
    expect(code, out).toBe(0);
  });

  it.each([
    ['{MAX_GROUPING_DEPTH: x}', 'Value for MAX_GROUPING_DEPTH must be an integer, got: x'],
    ['{DEPTH: 1}', 'Unknown sqlparse option: DEPTH. Valid options: MAX_GROUPING_DEPTH, MAX_GROUPING_TOKENS'],
  ])('rejects %s', async (limits, words) => {
    const { code, out } = await compile(limits);
    expect(code).toBe(2);
    expect(out).toContain(`Invalid value for '--sqlparse': ${words}`);
  });
});

it('an event contains several addresses of a group as one text', async () => {
  project.write({ 'models/a.sql': 'select 1/0 as id {{ config(materialized="table") }}' });
  const { out } = await project.run(['--log-format', 'json', 'run', '--select', 'a']);
  const events = out.split('\n').flatMap((line): { info: { name: string }; data: object }[] => {
    return line.startsWith('{') ? [JSON.parse(line)] : [];
  });
  expect(events.find(({ info }) => info.name === 'RunResultError')?.data).toMatchObject({
    group: { name: 'people', owner: { name: 'us', email: "['a@b.example', 'c@d.example']" } },
  });
});

it('a generate_schema_name that returns nothing names the schema None, even on the first run', async () => {
  project.write({
    'models/a.sql': 'select 1 as id',
    'macros/names.sql': '{% macro generate_schema_name(custom, node) %}{{ return(none) }}{% endmacro %}',
  });
  const { code, out } = await project.run(['run', '--no-partial-parse', '--select', 'a', 'b']);
  expect(code, out).toBe(0);
  expect(out).toContain("Node 'model.faults.a' has a schema set to None as a result of a");
  expect(await project.one(`select count(*) from "None".b`)).toBe('1');
  expect(target('manifest.json')).toMatchObject({
    nodes: { 'model.faults.a': { schema: 'None', relation_name: expect.stringMatching(/^"[^"]+"\."a"$/) } },
  });
  expect((await project.run(['docs', 'generate'])).code).toBe(0);
});

it('the log reports each write of an artifact, after the parse and at the end', async () => {
  const { code, out } = await project.run(['compile', '--select', 'a', '--log-level', 'debug']);
  expect(code, out).toBe(0);
  expect([...out.matchAll(/Wrote artifact (\w+) to .*\/(\w+\.json)/g)].map(([, type, file]) => [type, file])).toEqual([
    ['WritableManifest', 'manifest.json'],
    ['SemanticManifest', 'semantic_manifest.json'],
    ['WritableManifest', 'manifest.json'],
    ['SemanticManifest', 'semantic_manifest.json'],
    ['RunExecutionResult', 'run_results.json'],
  ]);
});

it('the debug log reports the resources of the process, and --show-resource-report shows them', async () => {
  const asked = await project.run(['ls', '--show-resource-report']);
  const [line = ''] = asked.out.split('\n').filter((each) => each.includes('Resource report: '));
  expect(JSON.parse(line.slice(line.indexOf('{')))).toEqual({
    command_name: 'list',
    command_success: true,
    command_wall_clock_time: expect.any(Number),
    process_in_blocks: expect.stringMatching(/^\d+$/),
    process_kernel_time: expect.any(Number),
    process_mem_max_rss: expect.stringMatching(/^\d+$/),
    process_out_blocks: expect.stringMatching(/^\d+$/),
    process_user_time: expect.any(Number),
  });
  expect((await project.run(['ls'])).out).not.toContain('Resource report');
  expect((await project.run(['ls', '--log-level', 'debug'])).out).toContain('Resource report');
});

it('the error for an unknown macro suggests a similar name', async () => {
  for (const name of ['reff', 'faults.reff']) {
    const { code, out } = await project.run(['run-operation', name]);
    expect([code, out.match(/did you mean .*/)?.[0]]).toEqual([2, "did you mean 'ref'?"]);
  }
});

it('the error for invalid inline SQL shows its position', async () => {
  const { code, out } = await project.run(['compile', '--inline', "select 1,\n  {{ ref('a' }}"]);
  expect(code).toBe(2);
  expect(out).toMatch(/unexpected '}'.*\n {2}sql\/inline_query line 2, column \d+\n {6,}\{\{ ref\('a' \}\}\n/);
});

it('flags contain the folders of the profile and of the log even if no option sets them', async () => {
  const { dir } = project;
  const told = async (...args: string[]): Promise<unknown> => {
    const { code, out } = await project.run(['compile', '--select', 'places', ...args]);
    expect(code, out).toBe(0);
    return read('target/compiled/faults/models/places.sql').trim();
  };
  expect(await told()).toBe(`-- ${dir} ${dir} ${dir}/logs-target`);
  expect(target('run_results.json')).toMatchObject({ args: { profiles_dir: dir, log_path: `${dir}/logs-target` } });
  expect(await told('--profiles-dir', '.')).toBe(`-- . . ${dir}/logs-target`);
});
