// Tests that a parse phase does not change the table of the previous one, which is frozen. Lines with @ts-expect-error
// state what the types must reject.
import { expect, it } from 'vitest';
import type { ManifestNode } from '../../../../src/contracts/node.ts';
import { checkProject } from '../../../../src/parser/check/checks.ts';
import { RelationNames } from '../../../../src/parser/config/relation-names.ts';
import { linkMacros } from '../../../../src/parser/link/macros.ts';
import { linkNodes } from '../../../../src/parser/link/nodes.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { patchProperties } from '../../../../src/parser/patch/properties.ts';
import { macroNodes, readMacros } from '../../../../src/parser/read/macros.ts';
import { readNodes } from '../../../../src/parser/read/nodes.ts';
import { createParseRendering } from '../../../../src/parser/read/parse-rendering.ts';
import { InertMacros } from '../../../../src/parser/shortcuts/inert-macros.ts';
import { ParseState } from '../../../../src/parser/table/parse-state.ts';
import type { PatchedModel, ReadNode } from '../../../../src/parser/table/phases.ts';
import { parseInput } from '../../support/parse.ts';

const FILES = {
  'models/metricflow_time_spine.sql': 'select 1 as date_day',
  'models/docs.md': '{% docs id %}The key.{% enddocs %}',
  'models/a.sql': "{{ config(tags=['x'], post_hook=\"select 1 from {{ ref('b') }}\") }} select 1 as id",
  'models/b.sql': 'select 1 as id',
  'models/c_one.sql': "{% if true %}select * from {{ source('raw', 'events') }}{% endif %}",
  'models/c_two.sql': "select {{ own() }} from {{ ref('a') }}",
  'models/gone.sql': '{{ config(enabled=false) }} select 1',
  'models/hourly.sql':
    "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2026-01-01', " +
    "batch_size='day') }} select * from {{ ref('b') }}",
  'seeds/s.csv': 'id\n1\n',
  'tests/t.sql': "select * from {{ ref('a') }} where false",
  'macros/own.sql': '{% macro own(x=1) %}1{% endmacro %}',
  'models/s.yml': `
models:
  - name: a
    description: '{{ doc("id") }}'
    config: {tags: [y], meta: {k: 1}, contract: {enforced: true}, materialized: table}
    constraints: [{type: foreign_key, columns: [id], to: ref('b'), to_columns: [id]}]
    columns:
      - {name: id, data_type: int, description: '{{ doc("id") }}', data_tests: [unique, not_null]}
  - name: c
    latest_version: 2
    versions: [{v: 1, defined_in: c_one}, {v: 2, defined_in: c_two, config: {alias: latest}}]
  - {name: gone, description: Disabled, columns: [{name: id, data_tests: [unique]}]}
seeds: [{name: s, description: Rows}]
sources:
  - {name: raw, description: '{{ doc("id") }}', tables: [{name: events, columns: [{name: id, data_tests: [unique]}]}]}
macros: [{name: own, description: '{{ doc("id") }}', arguments: [{name: x, type: int}]}]
data_tests: [{name: t, description: None, config: {tags: [z]}}]
exposures: [{name: e, type: dashboard, owner: {name: me}, depends_on: [ref('a'), "source('raw', 'events')"]}]
unit_tests:
  - {name: u, model: c, given: [], expect: {rows: [{id: 1}]}}
semantic_models:
  - name: sm
    model: ref('a')
    defaults: {agg_time_dimension: at}
    entities: [{name: id, type: primary}]
    dimensions: [{name: at, type: time, type_params: {time_granularity: day}}]
    measures: [{name: nn, agg: count, expr: '1', create_metric: true}]
metrics:
  - {name: mm, label: M, type: derived, type_params: {expr: nn, metrics: [nn]}}
`,
};

/** Freezes the resources of a table, and all that they hold. */
function frozen<T extends object>(table: T): T {
  for (const value of Object.values(table))
    if (value instanceof Map) for (const [key, each] of value) [key, each].forEach(freeze);
  return table;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}

it('a parse phase does not modify the nodes of the previous phase', async () => {
  const input = await parseInput(FILES);
  const state = new ParseState(input.config, input.adapter, input.logger, input.files);
  const facts = readMacros(state, input.builtinMacros?.() ?? []);
  const { macros, ids } = linkMacros(state, macroNodes(state, facts), facts);
  frozen({ macros });
  const inert = new InertMacros(state, macros, ids);
  const { rendering } = createParseRendering(state, input.adapter, macros, inert);
  const tools = { state, rendering, names: new RelationNames(state, rendering, macros) };

  const read = frozen(readNodes(tools));
  const patched = frozen(patchProperties(tools, read, macros, ids, inert));
  const linked = frozen(linkNodes(tools, patched));
  const checked = frozen(checkProject(tools, linked));

  expect(read.nodes.get('model.p.a')).toMatchObject({ tags: ['x'], refs: [{ name: 'b' }] });
  expect(patched.nodes.get('model.p.a')).toMatchObject({
    tags: ['x', 'y'],
    refs: [{ name: 'b' }, { name: 'b' }, { name: 'b' }],
  });
  expect(linked.nodes.get('model.p.a')).toMatchObject({ description: 'The key.', primary_key: ['id'] });
  expect([linked, checked].map((table) => table.nodes.get('model.p.hourly')?.config['begin'])).toEqual([
    '2026-01-01',
    '2026-01-01T00:00:00',
  ]);
  expect(Object.fromEntries(checked.nodes)).toEqual(parseProject(input).manifest.nodes);
});

it('the types of the parse phases reject fields that are not set yet, and every write', () => {
  const read = (node: ReadNode): unknown => {
    // @ts-expect-error YAML has not been read.
    const { description } = node;
    return description;
  };
  const patched = (node: PatchedModel): unknown => {
    // @ts-expect-error Names are not resolved.
    const { nodes } = node.depends_on;
    // @ts-expect-error A primary key takes all tests.
    return [nodes, node.primary_key];
  };
  const linked = (node: ManifestNode): void => {
    // @ts-expect-error A node is not changed.
    node.description = '';
    // @ts-expect-error Nor are its lists.
    node.tags.push('x');
  };
  expect([read, patched, linked].map((each) => each.length)).toEqual([1, 1, 1]);
});
