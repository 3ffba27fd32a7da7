// The nodes that replace a unit test when it runs: a node with the tested model's code, and an ephemeral model with the
// given rows for each input. Pure; the rows were read and checked during parsing.
import type { Adapter } from '../adapters/adapter.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, Json, ManifestNode, ModelNode, SourceDefinition, UnitTestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { fromJson, toRepr } from '../values/index.ts';
import { fixtureColumns } from './fixture-columns.ts';

/** The node that the `unit` materialization runs. */
export type UnitTestRunNode = Omit<ModelNode, 'resource_type'> & {
  resource_type: 'unit_test';
  tested_node_unique_id: string;
  /** The input that replaces `this`, if there is one. */
  this_input_node_unique_id: string | null;
  overrides: UnitTestNode['overrides'];
  /** File of the tested code. */
  code_path: string | undefined;
};

/** A model or source as the unit test sees it: an ephemeral model with the given rows. */
export type FixtureNode = ModelNode & { source_name?: string; cte_name?: string; code_path?: undefined };

export interface UnitTestNodes {
  readonly node: UnitTestRunNode;
  readonly inputs: readonly FixtureNode[];
  /** unique_id of the replacement of a source, by `source.table`. */
  readonly sources: ReadonlyMap<string, FixtureNode>;
}

const noFile = { name: 'none', checksum: '' } as const;

/**
 * @param find resolves an input's ref or source in the project
 * @param adapter returns the types of values
 * @param read resolves an input's text; null if it resolves to nothing
 * @throws {TsdbtError} if an input is not `ref(…)`, `source(…)` or `this`, or resolves to nothing
 */
export function unitTestNodes(
  test: UnitTestNode,
  manifest: Pick<Manifest, 'nodes'>,
  find: (input: UnitTestInput) => GraphNode | undefined,
  adapter: Pick<Adapter, 'convertType'>,
  read: (text: string) => UnitTestInput | null = parseInput,
): UnitTestNodes {
  const tested = manifest.nodes[test.depends_on.nodes[0] ?? ''];
  if (tested === undefined || tested.resource_type !== 'model') {
    throw errorOf(
      'unitTestWithoutModel',
      { model: test.model, test: test.name, file: test.original_file_path },
      { node: test },
    );
  }
  const name = tested.version === null ? test.name : `${test.name}_v${tested.version}`;
  const fixtures: string[] = [];
  const node: UnitTestRunNode = {
    ...tested,
    name,
    alias: name,
    resource_type: 'unit_test',
    package_name: test.package_name,
    unique_id: test.unique_id,
    fqn: test.unique_id.split('.'),
    path: pseudoPath(name, test.original_file_path),
    original_file_path: test.original_file_path,
    checksum: noFile,
    relation_name: null,
    config: unitConfig(test, tested),
    raw_code: tested.raw_code,
    compiled: false,
    compiled_code: null,
    compiled_path: null,
    build_path: null,
    extra_ctes: [],
    extra_ctes_injected: false,
    depends_on: { macros: [...tested.depends_on.macros], nodes: fixtures },
    columns: {},
    constraints: [],
    description: test.description,
    tags: test.config.tags,
    contract: { enforced: false, alias_types: true, checksum: null },
    tested_node_unique_id: tested.unique_id,
    this_input_node_unique_id: null,
    overrides: test.overrides,
    code_path: tested.original_file_path,
  };
  const inputs: FixtureNode[] = [];
  const sources = new Map<string, FixtureNode>();
  for (const given of test.given) {
    const input = read(given.input);
    if (input === null) {
      throw errorOf('badUnitTestInput', { input: given.input }, { node: test });
    }
    const original = input.kind === 'this' ? tested : find(input);
    if (original === undefined) {
      throw errorOf('unitTestInputNotFound', { test: test.name, input: given.input }, { node: test });
    }
    const { columns } = original as ManifestNode | SourceDefinition;
    const fixture = fixtureNode(
      original as ManifestNode | SourceDefinition,
      node,
      fixtureCode(given.rows, given.format),
      fixtureColumns(columns, given.rows as Json, adapter),
    );
    inputs.push(fixture);
    if (original.resource_type === 'source') sources.set(`${original.source_name}.${original.name}`, fixture);
    if (original.unique_id === tested.unique_id) node.this_input_node_unique_id = fixture.unique_id;
    fixtures.push(fixture.unique_id);
  }
  return { node, inputs, sources };
}

function unitConfig(test: UnitTestNode, tested: ModelNode): ModelNode['config'] {
  const { rows, format } = test.expect;
  return {
    enabled: true,
    alias: null,
    schema: null,
    database: null,
    tags: [],
    meta: {},
    group: null,
    materialized: 'unit',
    'pre-hook': [],
    'post-hook': [],
    quoting: {},
    column_types: {},
    packages: [],
    grants: {},
    docs: { show: true, node_color: null },
    contract: { enforced: false, alias_types: true },
    expected_rows: format === 'sql' ? [] : rows,
    expected_sql: format === 'sql' ? rows : null,
    ...(tested.config['sql_header'] ? { sql_header: tested.config['sql_header'] } : {}),
  } as ModelNode['config'];
}

function fixtureNode(
  original: ManifestNode | SourceDefinition,
  test: UnitTestRunNode,
  raw_code: string,
  columns: ModelNode['columns'],
): FixtureNode {
  const source = original.resource_type === 'source';
  const cteName = source ? `${original.source_name}__${original.name}` : original.name;
  const identifier = source ? original.identifier : original.alias;
  const versions =
    original.resource_type === 'model'
      ? { version: original.version, latest_version: original.latest_version }
      : { version: null, latest_version: null };
  return {
    ...test,
    ...versions,
    resource_type: 'model',
    name: original.name,
    alias: identifier,
    database: original.database,
    schema: original.schema,
    fqn: original.fqn,
    package_name: original.package_name,
    code_path: undefined,
    // A model's name includes its version: a test may give rows for two versions of a model.
    unique_id: original.resource_type === 'model' ? original.unique_id : `model.${original.package_name}.${cteName}`,
    path: `${original.name}.sql`,
    raw_code,
    columns,
    depends_on: { macros: [], nodes: [] },
    defer_relation: 'defer_relation' in original ? original.defer_relation : null,
    config: { ...test.config, materialized: 'ephemeral', expected_rows: undefined, expected_sql: undefined },
    ...(source ? { source_name: original.source_name, cte_name: cteName } : {}),
  };
}

function fixtureCode(rows: unknown, format: string): string {
  return format === 'sql' ? String(rows ?? '') : `{{ get_fixture_sql(${toRepr(fromJson(rows ?? []))}, None) }}`;
}

function pseudoPath(name: string, sourcePath: string): string {
  return [...sourcePath.split('/').slice(0, -1), `${name}.sql`].join('/');
}

/** The resource that `given.input` names. */
export type UnitTestInput =
  | { readonly kind: 'this' }
  | {
      readonly kind: 'ref';
      readonly name: string;
      readonly package: string | null;
      readonly version: string | number | null;
    }
  | { readonly kind: 'source'; readonly source: string; readonly name: string };

/** Parses `ref('a')`, `ref('p', 'a', version=1)`, `source('s', 't')` or `this`; null for anything else. */
export function parseInput(text: string): UnitTestInput | null {
  const trimmed = text.trim();
  if (trimmed === 'this') return { kind: 'this' };
  const call = /^(ref|source)\s*\(([\s\S]*)\)$/.exec(trimmed);
  if (!call) return null;
  const [, called, inside = ''] = call;
  const positional: string[] = [];
  let version: string | number | null = null;
  const argument = /\s*(?:(v|version)\s*=\s*)?(?:'([^']*)'|"([^"]*)"|(\d+(?:\.\d+)?))\s*(?:,|$)/y;
  while (argument.lastIndex < inside.length) {
    const part = argument.exec(inside);
    if (!part) return null;
    const value = part[2] ?? part[3] ?? Number(part[4]);
    if (part[1]) version = value;
    else positional.push(String(value));
  }
  const [first, second, ...more] = positional;
  if (first === undefined || more.length > 0) return null;
  if (called === 'source')
    return second === undefined || version !== null ? null : { kind: 'source', source: first, name: second };
  return second === undefined
    ? { kind: 'ref', name: first, package: null, version }
    : { kind: 'ref', name: second, package: first, version };
}
