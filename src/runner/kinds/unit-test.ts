// Unit tests: run the tested model's code on the given rows and compare the result with the expected rows. The `unit`
// materialization creates the SQL; nothing permanent is built.
import type { Session } from '../../adapters/adapter.ts';
import type { Table } from '../../adapters/table.ts';
import { type CompilableNode, compileNode } from '../../compiler/compile.ts';
import type { CompileContext } from '../../compiler/compile-context.ts';
import { cteQuery } from '../../compiler/cte-query.ts';
import { openScope, type StatementResult } from '../../compiler/node-scope.ts';
import { type FixtureNode, parseInput, type UnitTestInput, unitTestNodes } from '../../compiler/unit-test-nodes.ts';
import type { ReferenceLookup } from '../../context/manifest-lookup.ts';
import { EPHEMERAL_PREFIX } from '../../context/relations.ts';
import type { GraphNode, ManifestNode, SourceDefinition, UnitTestNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { formatError, TsdbtError } from '../../errors.ts';
import { ownSettings, readOwn } from '../../settings/meta-settings.ts';
import type { ValueOf } from '../../settings/setting.ts';
import { microsOf, UNIT_TEST_SETTINGS } from '../../settings/unit-test-settings.ts';
import { knownWords } from '../../values/close-matches.ts';
import type { Value } from '../../values/index.ts';
import { materialize } from '../materialize.ts';
import type { RunContext } from '../context.ts';
import type { NodeKind, Outcome } from '../node.ts';
import { tableDiff } from '../table-diff.ts';
import {
  compareText,
  compareValue,
  failed,
  type MacroCall,
  macroCallOf,
  macroTestNodes,
  PASSED,
} from './macro-test.ts';

function shownName(node: UnitTestNode): string {
  const version = node.version === null || node.version === undefined ? '' : `_v${node.version}`;
  return `${node.model}::${node.name}${version}`;
}

/** How unit tests run. */
export const unitTestKind: NodeKind<UnitTestNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(`unit_test ${shownName(node)}`, p);
  },
  // The nodes to compile are created from the test and its inputs during execution.
  compile: async (_ctx, node) => node,
  execute: executeUnitTest,
  // As in dbt, the result describes the compiled node.
  finish(ctx, p, node, result) {
    ctx.log.testResult(shownName(p.node as UnitTestNode), result.status, result.failures, result.execution_time, null, {
      ...p,
      node,
    });
  },
};

async function executeUnitTest(ctx: RunContext, test: UnitTestNode, session: Session): Promise<Outcome> {
  const { local, node, call } = await prepare(ctx, test, session);
  if (call?.value !== undefined) return compareValue(local, node, call, session);
  const own = await compileNode(local, node, session);
  if (call?.text !== undefined) return compareText(local, own, call.text);
  const compiled = withSettings(ctx, test, own);
  const main = await runTested(local, test, compiled, session);
  const { columns, actual, expected } = split(main.table);
  const diff = tableDiff(columns, expected, actual);
  const result = { response: main.response, node: compiled as GraphNode };
  return diff === null ? { ...PASSED, ...result } : { ...failed(ctx, diff), ...result };
}

/** The rows of the tested model on the given rows. */
export interface TestedRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
  /** The query that returns them, before the settings of the test. */
  readonly sql: string;
}

/**
 * Runs the tested model on the given rows.
 * @param settled the test, perhaps with other settings because of the query
 * @throws {TsdbtError} if the model or its inputs fail
 */
export async function actualRows(
  ctx: RunContext,
  test: UnitTestNode,
  session: Session,
  settled: (sql: string) => UnitTestNode,
): Promise<TestedRows> {
  const first = await prepare(ctx, test, session);
  const sql = (await compileNode(first.local, first.node, session, { write: false })).compiled_code ?? '';
  const last = settled(sql);
  const { local, node } = await prepare(ctx, last, session);
  const compiled = withSettings(ctx, last, await compileNode(local, node, session, { write: false }));
  const { columns, actual } = split((await runTested(local, last, compiled, session)).table);
  return { columns, rows: actual, sql };
}

interface PreparedTest {
  readonly local: RunContext;
  readonly node: Exclude<ManifestNode, { resource_type: 'seed' }>;
  readonly call: MacroCall | null;
}

/** The node to run, in a context in which the given rows are its inputs. */
async function prepare(ctx: RunContext, test: UnitTestNode, session: Session): Promise<PreparedTest> {
  const call = macroCallOf(test);
  const own = await ownInputs(ctx, test, session);
  const { node, inputs, sources } =
    call === null
      ? unitTestNodes(
          test,
          ctx.manifest,
          (input) => findInput(ctx, input, test),
          ctx.adapter,
          (text) => own.get(text) ?? parseInput(text),
        )
      : macroTestNodes(ctx, test, call);
  const asNode = node as unknown as Exclude<ManifestNode, { resource_type: 'seed' }>;
  const nodes = Object.fromEntries<ManifestNode>([
    ...inputs.map((i): [string, ManifestNode] => [i.unique_id, i]),
    [node.unique_id, asNode],
  ]);
  const { now } = unitTestSettings(test);
  const thisInput = inputs.find((i) => i.unique_id === node.this_input_node_unique_id);
  const local: RunContext = {
    ...(now === null ? ctx : at(ctx, microsOf(now))),
    manifest: { ...ctx.manifest, nodes: call === null ? nodes : { ...ctx.manifest.nodes, ...nodes } },
    ephemerals: new Map(),
    sources: new Map(),
    unitTest: {
      context: {
        overrides: test.overrides,
        thisInput: thisInput === undefined ? null : { unique_id: thisInput.unique_id, identifier: thisInput.alias },
      },
      lookup: unitTestLookup(ctx, test, inputs, sources, call !== null),
    },
  };
  return { local, node: asNode, call };
}

/** Runs a compiled test. @returns the result of its query */
async function runTested(
  local: RunContext,
  test: UnitTestNode,
  compiled: PreparedTest['node'],
  session: Session,
): Promise<StatementResult> {
  local.manifest.nodes[compiled.unique_id] = compiled;
  const scope = openScope(local, compiled, session);
  try {
    await materialize(local, compiled, scope);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    throw errorOf('unitTestFailed', { test: test.name, error: formatError(error) }, { cause: error });
  } finally {
    if (session.inTransaction) await session.rollback();
  }
  const main = scope.statement('main');
  if (main === null) throw errorOf('noMainStatement', { what: 'model' });
  return main;
}

function unitTestSettings(test: UnitTestNode): ValueOf<typeof UNIT_TEST_SETTINGS> {
  const { macro_test: _macro, ...own } = ownSettings(test);
  return readOwn(UNIT_TEST_SETTINGS, own, test.unique_id, ({ message, hint }) => {
    throw errorOf('badOwnSetting', { message }, { hint, node: test });
  });
}

/** The context at a time. @param now in microseconds since 1970 */
function at(ctx: RunContext, now: bigint): RunContext {
  const { scopes, config } = ctx;
  const started = { started_at: new Date(Number(now / 1000n)), started_micros: Number(now % 1000n) };
  const invocation = { ...config.invocation, ...started };
  const context = { ...scopes.context, clock: () => Number(now) / 1000, invocation };
  return { ...ctx, scopes: { ...scopes, context } };
}

/** The compiled test with its time, and reading its CTE. @throws {TsdbtError} if the model has no such CTE */
function withSettings<N extends CompilableNode>(ctx: RunContext, test: UnitTestNode, node: N): N {
  const set = unitTestSettings(test);
  const { withFixedClock, texts } = ctx.adapter.unitTests;
  let sql = node.compiled_code ?? '';
  if (set.cte !== null) {
    const found = cteQuery(sql, set.cte, texts);
    if (!('sql' in found)) {
      const known = found.known.filter((name) => !name.startsWith(EPHEMERAL_PREFIX));
      const hint = known.length === 0 ? 'It has no CTE.' : knownWords('CTEs', set.cte, known);
      throw errorOf('unitTestCteMissing', { test: test.name, cte: set.cte, model: test.model }, { hint, node: test });
    }
    sql = found.sql;
  }
  const now = set.now === null ? null : microsOf(set.now);
  if (now !== null) sql = withFixedClock(sql, now);
  if (node.compiled_path && sql !== node.compiled_code) ctx.write(node.compiled_path, sql);
  const expected = node.config['expected_sql'];
  if (now === null || typeof expected !== 'string') return { ...node, compiled_code: sql };
  return { ...node, compiled_code: sql, config: { ...node.config, expected_sql: withFixedClock(expected, now) } };
}

/**
 * Inputs that a project's own `ref` or `source` macro reads, such as `ref('a', label='x')`: the call that the macro
 * makes to the built-in one. Empty without the flag `support_custom_ref_kwargs`, as in dbt.
 */
async function ownInputs(ctx: RunContext, test: UnitTestNode, session: Session): Promise<Map<string, UnitTestInput>> {
  const found = new Map<string, UnitTestInput>();
  const tested = ctx.manifest.nodes[test.depends_on.nodes[0] ?? ''];
  if (ctx.config.flags['support_custom_ref_kwargs'] !== true || tested === undefined) return found;
  for (const { input } of test.given) {
    if (parseInput(input) !== null) continue;
    const { lookup } = ctx.scopes;
    const asked: UnitTestInput[] = [];
    const recording: ReferenceLookup = {
      ref(ref, from) {
        asked.push({ kind: 'ref', name: ref.name, package: ref.package, version: ref.version ?? null });
        return lookup.ref(ref, from);
      },
      source(source, name, from) {
        asked.push({ kind: 'source', source, name });
        return lookup.source(source, name, from);
      },
      function: (...name) => lookup.function(...name),
      metric: (...name) => lookup.metric(...name),
      ...(lookup.newestVersion && { newestVersion: (name) => lookup.newestVersion?.(name) }),
    };
    const seen = { ...ctx, scopes: { ...ctx.scopes, lookup: recording } };
    try {
      await openScope(seen, tested, session).render(`{{ ${input} }}`, test.original_file_path);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      throw errorOf('badUnitTestInput', { input }, { node: test });
    }
    const [first] = asked;
    if (first !== undefined) found.set(input, first);
  }
  return found;
}

/** References of the tested code: its inputs by name; nothing else exists for the code of a model. */
function unitTestLookup(
  ctx: RunContext,
  test: UnitTestNode,
  inputs: readonly FixtureNode[],
  sources: ReadonlyMap<string, FixtureNode>,
  ofMacro: boolean,
): ReferenceLookup {
  const { lookup } = ctx.scopes;
  return {
    ref({ name, package: packageName, version }, from) {
      const named = inputs.filter(
        (i) =>
          i.source_name === undefined &&
          i.name === name &&
          (packageName === null || i.package_name === packageName) &&
          versionFits(i, version),
      );
      if (named[0] !== undefined) return named[0];
      const found = lookup.ref({ name, package: packageName, version }, from);
      return ofMacro || found === 'disabled' ? found : null;
    },
    // The replacement of a source is a model; references need only its identity.
    source: (source, table, from) =>
      ofMacro
        ? lookup.source(source, table, from)
        : ((sources.get(`${source}.${table}`) as unknown as SourceDefinition | undefined) ?? null),
    function: (name, functionPackage, from) => lookup.function(name, functionPackage, from ?? test.package_name),
    metric: () => null,
  };
}

function findInput(ctx: CompileContext, input: UnitTestInput, test: UnitTestNode): GraphNode | undefined {
  const { manifest, config } = ctx;
  switch (input.kind) {
    case 'this':
      return undefined;
    case 'source':
      return Object.values(manifest.sources).find((s) => s.source_name === input.source && s.name === input.name);
    case 'ref': {
      const named = Object.values(manifest.nodes).filter(
        (n) =>
          n.name === input.name &&
          (n.resource_type === 'model' || n.resource_type === 'seed' || n.resource_type === 'snapshot') &&
          (input.package === null || n.package_name === input.package) &&
          versionFits(n, input.version),
      );
      const near = (n: GraphNode): number =>
        n.package_name === config.project.project_name ? 0 : n.package_name === test.package_name ? 1 : 2;
      return named.sort((a, b) => near(a) - near(b))[0];
    }
    default:
      return input satisfies never;
  }
}

function versionFits(node: ManifestNode, wanted: string | number | null): boolean {
  if (node.resource_type !== 'model' || node.version === null) return wanted === null;
  return String(node.version) === String(wanted ?? node.latest_version);
}

/** The materialization returns both tables as one, distinguished by `actual_or_expected`. */
function split(table: Table): { columns: string[]; actual: Value[][]; expected: Value[][] } {
  const names = table.columnNames.map((n) => n.toLowerCase());
  const mark = names.indexOf('actual_or_expected');
  const unmarked = <T>(cells: readonly T[]): T[] => cells.filter((_, i) => i !== mark);
  const rows = (which: string): Value[][] =>
    table.rows.filter((r) => r.values[mark] === which).map((r) => unmarked(r.values));
  return { columns: unmarked(names), actual: rows('actual'), expected: rows('expected') };
}
