// Audit before publishing, `meta: {tsdbt: {audit: true}}` with `build`: which tests a node is audited by, and their run
// on what it is about to publish. Where in a materialization that is, its macro says; workers.ts keeps the results.
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { GraphNode, ManifestNode, ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { ownSettings } from '../state/batches.ts';
import type { Dag } from '../graph/dag.ts';
import type { CompileContext } from '../compiler/compile-context.ts';
import { didNotPass } from './results.ts';
import type { RunContext } from './context.ts';
import { TestBatches } from './test-batch.ts';

/** Materializations whose macros say where the audit is. */
const AUDITED = new Set(['table', 'incremental', 'view', 'snapshot']);
/** Macros of ClickHouse's materializations in which the audit is. */
const PUBLISHING = ['clickhouse__publish', 'clickhouse__publish_first', 'clickhouse__publish_shadow'];
const STATUSES: readonly RunResult['status'][] = ['pass', 'warn', 'skipped', 'fail', 'error'];
/** The batch that a test's result is about; '' for a node without batches. */
const PART = new WeakMap<RunResult, string>();
/** By the worst of them, the latest result of a test on each batch. */
const PARTS = new WeakMap<RunResult, ReadonlyMap<string, RunResult>>();

/** A microbatch model is audited batch by batch. */
type Audited = (ModelNode | SnapshotNode) & { readonly batch?: { readonly id: string } | undefined };
type Nodes = CompileContext['manifest']['nodes'];

/**
 * The tests by which each audited node is judged, by its unique_id: those of severity error that read the node and
 * beside it only what is built before it, or what this run does not build.
 * @throws {TsdbtError} for an `audit` that is no boolean
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
  const audit = ownSettings(node)['audit'] ?? false;
  if (audit !== true && audit !== false)
    throw errorOf('badAudit', { node: node.unique_id, found: JSON.stringify(audit) }, { node });
  if (!audit) return false;
  if (node.resource_type === 'model' || node.resource_type === 'snapshot') return true;
  throw errorOf('auditOfOther', { node: node.unique_id, type: node.resource_type }, { node });
}

/**
 * What `retry` runs: with a node that was audited also the tests that passed then, as they judge what is built now.
 * @param before the nodes of the run that is repeated
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
 * Refuses a node whose materialization, or a macro of it, publishes at a moment of its own.
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

/** The context in which ref() of an audited node gives what it is about to publish. */
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
      // What is deferred to is never what is being built.
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

/** A test's result as the artifacts have it: with the name under which readers find what was tested. */
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
 * Of the results of one test on several batches of a model, the worst; of equals the later. What a batch, or a node
 * without batches, gave at an earlier attempt no longer counts.
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
 * Runs tests on the session that is to publish, or beside it where there are no transactions.
 * @param run gives the result of one test; `held` is the session for it, or null for one of its own
 * @throws {TsdbtError} runtime, when a test fails or cannot be run; connection, when all that kept it from passing may
 *   pass: the node may be built again
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
