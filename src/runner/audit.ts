// Audit before publishing, `meta: {tsdbt: {audit: true}}` with `build`: selects the tests of an audited node and runs
// them on the result that is about to be published. The materialization's macro calls the audit; workers.ts keeps the
// test results.
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { GraphNode, ManifestNode, ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { ownSetting } from '../settings/meta-settings.ts';
import type { Dag } from '../graph/dag.ts';
import type { CompileContext } from '../compiler/compile-context.ts';
import { didNotPass } from './results.ts';
import type { RunContext } from './context.ts';
import { TestBatches } from './test-batch.ts';

/** Materializations whose macros call the audit. */
const AUDITED = new Set(['table', 'incremental', 'view', 'snapshot']);
/** Macros of ClickHouse's materializations that call the audit. */
const PUBLISHING = ['clickhouse__publish', 'clickhouse__publish_first', 'clickhouse__publish_shadow'];
const STATUSES: readonly RunResult['status'][] = ['pass', 'warn', 'skipped', 'fail', 'error'];
/** The batch that a test result belongs to; '' for a node without batches. */
const PART = new WeakMap<RunResult, string>();
/** The latest result of a test on each batch, by test. */
const PARTS = new WeakMap<RunResult, ReadonlyMap<string, RunResult>>();

/** A microbatch model is audited batch by batch. */
type Audited = (ModelNode | SnapshotNode) & { readonly batch?: { readonly id: string } | undefined };
type Nodes = CompileContext['manifest']['nodes'];

/**
 * Returns the tests of each audited node by its unique_id: tests with severity error that read the node and, besides
 * it, only nodes that are built earlier or not in this run.
 * @throws {TsdbtError} for an `audit` that is not a boolean
 */
export function auditsOf(
  { nodes }: { readonly nodes: Nodes },
  dag: Dag,
  selected: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const audits = new Map<string, string[]>();
  for (const id of selected) {
    const node = nodes[id];
    if (node !== undefined && isAudited(node)) audits.set(id, []);
  }
  if (audits.size === 0) return audits;
  const above = new Map([...audits.keys()].map((id) => [id, dag.ancestors(id)]));
  const below = new Map([...audits.keys()].map((id) => [id, dag.descendants(id)]));
  for (const id of selected) {
    const test = nodes[id];
    if (test?.resource_type !== 'test' || test.config.severity.toUpperCase() !== 'ERROR') continue;
    const read = new Set(test.depends_on.nodes);
    for (const [audited, tests] of audits) {
      if (!read.has(audited)) continue;
      const ready = (other: string): boolean =>
        other === audited ||
        above.get(audited)?.has(other) === true ||
        !(selected.has(other) || below.get(audited)?.has(other) === true);
      if ([...read].every(ready)) tests.push(id);
    }
  }
  for (const [id, tests] of audits) if (tests.length === 0) audits.delete(id);
  return audits;
}

function isAudited(node: ManifestNode): node is Audited {
  if (!ownSetting(node, 'audit')) return false;
  if (node.resource_type === 'model' || node.resource_type === 'snapshot') return true;
  throw errorOf('auditOfOther', { node: node.unique_id, type: node.resource_type }, { node });
}

/**
 * Returns what `retry` runs. For an audited node this includes the tests that passed, because they judge what is built
 * now.
 * @param before the nodes of the repeated run
 */
export function retriedWithAudits(
  manifest: { readonly nodes: Nodes },
  dag: Dag,
  selected: ReadonlySet<string>,
  before: ReadonlySet<string>,
): ReadonlySet<string> {
  const all = new Set(selected);
  for (const [id, tests] of auditsOf(manifest, dag, new Set([...before].filter((each) => dag.has(each)))))
    if (selected.has(id)) for (const test of tests) all.add(test);
  return all;
}

/**
 * Refuses a node whose materialization, or an overridden macro of it, does not publish at the expected point.
 * @throws {TsdbtError} compilation
 */
export function requireAuditable({ resolver }: Pick<RunContext, 'resolver'>, node: Audited): void {
  const name = String(node.config.materialized);
  const macro = resolver.materialization(name, () => undefined);
  const own = PUBLISHING.find((each) => resolver.overridden(each));
  if (AUDITED.has(name) && macro !== undefined && resolver.isInternal(macro)) {
    if (own === undefined) return;
    throw errorOf('ownPublishing', { node: node.unique_id, macro: own }, { node });
  }
  const found = AUDITED.has(name) ? `one of package ${macro?.package_name ?? ''}'s own` : `'${name}'`;
  throw errorOf('notAuditable', { node: node.unique_id, found, known: [...AUDITED].join(', ') }, { node });
}

/** The context in which ref() of an audited node returns what is about to be published. */
export function stagedContext(
  ctx: RunContext,
  node: GraphNode,
  staged: Relation,
  tests: readonly string[],
): RunContext {
  const { lookup } = ctx.scopes;
  const { database, schema, identifier } = staged;
  const staging: typeof lookup = {
    ref(ref, packageName) {
      const found = lookup.ref(ref, packageName);
      if (found === null || found === 'disabled' || found.unique_id !== node.unique_id) return found;
      // A deferred relation is never the one being built.
      const place = { database, schema: schema ?? found.schema, alias: identifier ?? found.alias };
      return { ...found, ...place, relation_name: staged.render(), defer_relation: null };
    },
    source: (...args) => lookup.source(...args),
    function: (...args) => lookup.function(...args),
    metric: (...args) => lookup.metric(...args),
    newestVersion: (name) => lookup.newestVersion?.(name),
  };
  return { ...ctx, scopes: { ...ctx.scopes, lookup: staging }, batches: new TestBatches(() => tests, staged) };
}

/** A test result for the artifacts, with the published name of the tested relation. */
export function withPublishedName(ctx: RunContext, audited: Audited, staged: Relation, result: RunResult): RunResult {
  const working = staged.render();
  const published = relationFrom(ctx.adapter, ctx.config.project.quoting, audited).render();
  const { node, compiled_code: code } = result;
  const part = audited.batch?.id ?? '';
  if (working === published || code === null || node?.resource_type !== 'test') return ofPart(result, part);
  const compiled_code = code.replaceAll(working, published);
  if (node.compiled_path != null) ctx.write(node.compiled_path, compiled_code);
  return ofPart({ ...result, compiled_code, node: { ...node, compiled_code } }, part);
}

function ofPart(result: RunResult, part: string): RunResult {
  PART.set(result, part);
  return result;
}

/**
 * Combines the results of one test on several batches: the worst, or the latest of equal ones. Results of an earlier
 * attempt at a batch, or at a node without batches, are dropped.
 */
export function worse(before: RunResult | undefined, now: RunResult): RunResult {
  const parts = new Map(before === undefined ? [] : (PARTS.get(before) ?? [['', before]]));
  const part = PART.get(now) ?? '';
  parts.delete(part);
  parts.set(part, now);
  const worst = [...parts.values()].reduce((one, other) =>
    STATUSES.indexOf(one.status) > STATUSES.indexOf(other.status) ? one : other,
  );
  PARTS.set(worst, parts);
  return worst;
}

/**
 * Runs tests on the session that will publish, or on separate sessions if the database has no transactions.
 * @param run returns the result of one test; `held` is its session, or null for a new one
 * @throws {TsdbtError} runtime if a test fails or cannot be run; connection if the only problems are transient: the
 *   node may be built again
 */
export async function audit(
  node: Audited,
  session: Session,
  tests: readonly TestNode[],
  run: (test: TestNode, held: Session | null) => Promise<RunResult>,
): Promise<void> {
  const all = async (held: Session | null): Promise<void> => {
    const results: RunResult[] = [];
    for (const test of tests) results.push(await run(test, held));
    const failed = results.filter(didNotPass);
    if (failed.length === 0) return;
    const names = failed.map(({ unique_id }) => tests.find((test) => test.unique_id === unique_id)?.name ?? unique_id);
    const facts = { failed: failed.length, all: tests.length, tests: names.join(', ') };
    if (failed.some(({ status, transient }) => status !== 'error' || transient !== true))
      throw errorOf('auditFailed', facts, { node });
    throw errorOf('auditUnanswered', facts, { node });
  };
  await (session.hold === undefined ? all(null) : session.hold(() => all(session)));
}
