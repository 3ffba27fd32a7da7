// Microbatch models: selects the batches of a run and runs them one after the other, each in its own transaction, and
// combines their results. The materialization executes a batch; batches.ts computes intervals.
import { errorOf } from '../../error-table.ts';
import type { DoneInterval, Session } from '../../adapters/adapter.ts';
import type { Relation } from '../../adapters/relation.ts';
import { compileNode } from '../../compiler/compile.ts';
import { type BatchScope, openScope } from '../../compiler/node-scope.ts';
import { relationFrom } from '../../context/relations.ts';
import type { Hook, ModelNode } from '../../contracts/node.ts';
import type { BatchResults, RunResult } from '../../contracts/results.ts';
import { fire } from '../../events/index.ts';
import { callable } from '../../values/index.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { pytzUtc } from '../../values/timezone.ts';
import {
  type BatchSize,
  batchId,
  batchName,
  batchSizeOf,
  coveredInterval,
  type Interval,
  isoUtc,
  missingBatches,
  splitIntoBatches,
  truncate,
  wallTime,
  withoutBatches,
} from '../../state/batches.ts';
import { ownSetting } from '../../settings/meta-settings.ts';
import { nothingBuiltSql } from '../interval-notes.ts';
import { createLatestVersionPointer } from '../latest-version-pointer.ts';
import { executeRelational } from './model.ts';
import { nodeRepresentation } from '../materialize.ts';
import { bareResult } from '../results.ts';
import type { RunContext } from '../context.ts';
import { addPart } from '../cost.ts';
import type { NodeProgress } from '../node-info.ts';
import { type NodeKind, type Outcome, executeNode, type Work } from '../node.ts';

/** A model with its batch, as its templates see it; never written to an artifact. */
type BatchNode = ModelNode & {
  readonly batch: { readonly id: string; readonly event_time_start: PyDateTime; readonly event_time_end: PyDateTime };
};

/** The batches of one model in a run. */
interface Plan {
  readonly relation: Relation;
  readonly size: BatchSize;
  readonly batches: readonly Interval[];
  /** How many of the first batches an earlier run missed. */
  readonly missed: number;
  /** Whether the first batch adds to an existing table. */
  readonly incremental: boolean;
  /** Whether finished batches are recorded in the database's ledger. */
  readonly noted: boolean;
  /** Whether the first batch rebuilds the table, which invalidates its entries in the ledger. */
  readonly forgets: boolean;
}

/** A batch and its index in the plan. */
interface BatchAt {
  readonly batch: Interval;
  readonly index: number;
}

/** Whether a model runs batch by batch. */
export function isMicrobatch(ctx: Pick<RunContext, 'config' | 'resolver'>, model: ModelNode): boolean {
  return (
    model.config.materialized === 'incremental' &&
    model.config.incremental_strategy === 'microbatch' &&
    usesBatches(ctx)
  );
}

/** A project that overrides `get_incremental_microbatch_sql` can opt out of batches with the flag. */
function usesBatches({ config, resolver }: Pick<RunContext, 'config' | 'resolver'>): boolean {
  if (config.flags['require_batched_execution_for_custom_microbatch_strategy'] !== false) return true;
  const macro = resolver.find('get_incremental_microbatch_sql', config.project.project_name);
  return macro !== undefined && resolver.isInternal(macro);
}

/** How microbatch models run. */
export const microbatchKind: NodeKind<ModelNode> = {
  limitsParts: true,
  start(ctx, p, node) {
    ctx.log.startLine(describe(ctx, node), p);
  },
  // Each batch is compiled separately.
  compile: async (_ctx, node) => node,
  execute: executeBatches,
  finish(ctx, p, node, result) {
    ctx.log.modelResult(
      describe(ctx, node),
      result.status === 'error' ? 'error' : (result.message ?? ''),
      result.execution_time,
      p,
    );
  },
};

function describe(ctx: RunContext, node: ModelNode): string {
  return `${node.language} microbatch model ${nodeRepresentation(ctx, node)}`;
}

async function executeBatches(
  ctx: RunContext,
  model: ModelNode,
  session: Session,
  p: NodeProgress,
  work: Work,
): Promise<Outcome> {
  const plan = await planBatches(ctx, model, session);
  // Each batch has its own session.
  await session.release();
  const { batches, missed } = plan;
  ctx.journal?.batches(model.unique_id, batches.map(asText));
  const [firstBatch] = batches;
  if (firstBatch !== undefined && missed > 0) {
    const first = batchName(firstBatch.start, plan.size);
    ctx.log.note(
      `${model.name}: ${missed === 1 ? 'a batch' : `${missed} batches`} before this run's window ` +
        `${missed === 1 ? 'is' : 'are'} not finished and run${missed === 1 ? 's' : ''} first, from ${first}`,
    );
  }
  const oldest = Math.min(...batches.map((batch) => batch.start));
  if (batches.length > 0) ctx.oldestBatch.set(model.unique_id, oldest);
  const results: BatchResults = { successful: [], failed: [] };
  let skip = false;
  let transient = true;
  for (const [index, batch] of batches.entries()) {
    if (work.halted()) {
      results.failed.push(asText(batch));
      continue;
    }
    const before = p.cost;
    p.cost = null;
    const { status, transient: mayPass } = await runBatch(ctx, model, plan, { batch, index }, skip, p, work);
    p.cost = addPart(before, p.cost, status === 'success');
    if (status !== 'success' && status !== 'skipped' && mayPass !== true) transient = false;
    if (status === 'success') ctx.journal?.batch(model.unique_id, asText(batch));
    (status === 'success' ? results.successful : results.failed).push(asText(batch));
    // If the first batch fails, there may be no table. A missed batch that fails again does not block the others.
    if (index === 0 && missed === 0) skip = status !== 'success';
  }
  const outcome = mergeResults(results, ctx.retry?.batches.get(model.unique_id) ?? null);
  if (outcome.status === 'success' && batches.length > 0) await makePointer(ctx, model, plan.relation, work);
  return outcome.status === 'success' || !transient ? outcome : { ...outcome, transient };
}

function mergeResults({ successful, failed }: BatchResults, previous: BatchResults | null): Outcome {
  const [done, lost] = [successful.length, failed.length];
  const status = lost === 0 ? 'success' : done === 0 ? 'error' : 'partial success';
  const message =
    done + lost === 0
      ? ''
      : status === 'success'
        ? 'SUCCESS'
        : status === 'error'
          ? 'ERROR'
          : `PARTIAL SUCCESS (${done}/${done + lost})`;
  // A retry's result includes the batches of the first run.
  return {
    status,
    message,
    response: {},
    failures: 0,
    batches: { successful: [...successful, ...(previous?.successful ?? [])], failed },
  };
}

async function makePointer(ctx: RunContext, model: ModelNode, relation: Relation, work: Work): Promise<void> {
  const session = work.open(model);
  try {
    for (const made of await createLatestVersionPointer(ctx, model, [relation], session))
      ctx.adapter.cache.replace(made, session);
  } finally {
    await session.release();
  }
}

async function planBatches(ctx: RunContext, model: ModelNode, session: Session): Promise<Plan> {
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, model);
  const size = batchSizeOf(model);
  const { flags, invocation } = ctx.config;
  await ctx.adapter.lockRelation(session, relation);
  const existing = ctx.adapter.cache.get(relation);
  const previous = ctx.retry?.batches.get(model.unique_id);
  // A retry adds to what the first run built, even if that was a full refresh.
  const incremental =
    existing?.type === 'table' && (previous !== undefined || !(model.config.full_refresh ?? flags.full_refresh));
  const given = givenWindow(ctx);
  const { intervals } = ctx.adapter;
  const partial = ctx.scopes.sample !== null || flags.empty === true;
  const ledger =
    intervals !== null &&
    ownSetting(model, 'ledger') &&
    (partial || (given === null && previous === undefined) || intervals.exists(relation, session))
      ? intervals
      : null;
  const done = ledger === null ? [] : await ledger.read(session, relation);
  const forgets = !incremental && intervals?.exists(relation, session) === true && !partial;
  const now = ctx.retry?.startedAt ?? invocation.started_at.getTime();
  const common = { relation, size, incremental, forgets };
  try {
    const begin = previous === undefined ? wallTime(String(model.config['begin'])) : 0;
    const window = { now, incremental, begin, lookback: Number(model.config['lookback'] ?? 1) };
    const batches =
      previous === undefined
        ? splitIntoBatches(coveredInterval({ ...window, given }, size), size)
        : previous.failed.map(([from, to]) => ({ start: wallTime(from), end: wallTime(to) }));
    if (ledger !== null && partial) {
      // Such a run does not write complete batches: a later run builds them.
      const before = done.length > 0 ? done : [{ start: truncate(begin, size), end: truncate(now, size) }];
      const left = incremental && !(await isEmpty(session, relation, done)) ? withoutBatches(before, batches) : [];
      await session.execute(nothingBuiltSql(ledger, relation), { autoBegin: true });
      for (const interval of left)
        await session.execute(ledger.markSql(relation, interval, false), { autoBegin: true });
      return { ...common, batches, missed: 0, noted: false };
    }
    if (previous !== undefined) return { ...common, batches, missed: 0, noted: done.length > 0 };
    if (given !== null || !incremental) {
      // An explicit window covers only a part of the table: its batches are recorded only if a ledger already exists.
      return {
        ...common,
        batches,
        missed: 0,
        noted: ledger !== null && (given === null || (incremental && done.length > 0)),
      };
    }
    if (ledger === null) return { ...common, batches, missed: 0, noted: false };
    const [start, end] = [truncate(begin, size), coveredInterval({ ...window, given }, size).start];
    const known = done.length > 0 || (await isEmpty(session, relation, done));
    if (!known && start < end) {
      // A table without a ledger, as dbt builds it, counts as complete.
      await session.execute(ledger.markSql(relation, { start, end }, false), { autoBegin: true });
    }
    const missing = known ? missingBatches({ start, end }, done, size) : [];
    return { ...common, batches: [...missing, ...batches], missed: missing.length, noted: true };
  } finally {
    if (session.inTransaction) await session.commit();
  }
}

/** Whether a table without ledger entries is empty. If so, none of it is built, whoever created it. */
async function isEmpty(session: Session, relation: Relation, done: readonly DoneInterval[]): Promise<boolean> {
  if (done.length > 0) return false;
  const { table } = await session.execute(`select 1 from ${relation.render()} limit 1`, { fetch: true });
  return table.rows.length === 0;
}

/** `--event-time-start` and `--event-time-end`, or the sample's window. */
function givenWindow(ctx: RunContext): Interval | null {
  const { sample } = ctx.scopes;
  if (sample !== null) return { start: epoch(sample.start), end: epoch(sample.end) };
  const { event_time_start: start, event_time_end: end } = ctx.config.flags as {
    event_time_start?: string | null;
    event_time_end?: string | null;
  };
  return start && end ? { start: wallTime(start), end: wallTime(end) } : null;
}

function epoch(value: unknown): number {
  if (!(value instanceof PyDateTime)) throw errorOf('windowWithoutTime', {});
  return Number(value.epochMicros / 1000n);
}

function asText({ start, end }: DoneInterval): [string, string] {
  return [isoUtc(start), isoUtc(end)];
}

async function runBatch(
  ctx: RunContext,
  model: ModelNode,
  plan: Plan,
  at: BatchAt,
  skip: boolean,
  parent: NodeProgress,
  work: Work,
): Promise<RunResult> {
  const { batches, size } = plan;
  const { batch, index } = at;
  const name = batchName(batch.start, size);
  const window: BatchScope = { name, start: utc(batch.start), end: utc(batch.end) };
  const node: BatchNode = {
    ...model,
    config: {
      ...model.config,
      __dbt_internal_microbatch_event_time_start: window.start,
      __dbt_internal_microbatch_event_time_end: window.end,
      'pre-hook': [...beginHook(ctx, plan, index), ...(index === 0 ? model.config['pre-hook'] : [])],
      'post-hook': [...(index === batches.length - 1 ? model.config['post-hook'] : []), ...ledgerHook(ctx, plan, at)],
    },
    batch: { id: batchId(batch.start, size), event_time_start: utc(batch.start), event_time_end: utc(batch.end) },
  };
  const p: NodeProgress = {
    ...parent,
    node,
    index: index + 1,
    total: batches.length,
    // Sessions of the batch are opened for the model.
    get cost() {
      return parent.cost;
    },
  };
  const description = `batch ${name} of ${nodeRepresentation(ctx, model)}`;
  if (skip) {
    ctx.log.batchResult(description, 'skipped', p.index, p.total, 0, p);
    return bareResult(model, 'skipped', 'SKIPPED', p.thread);
  }
  fire(ctx.log.logger, 'MicrobatchExecutionDebug', { msg: `${description} is being run sequentially` });
  const kind: NodeKind<ModelNode> = {
    start: (_ctx, at) => ctx.log.batchStart(description, at.index, at.total, at),
    async compile(context, current, session) {
      await context.adapter.lockRelation(session, plan.relation);
      return compileNode(context, current, session, { batch: window });
    },
    execute(context, compiled, session, _p, { audit }) {
      return executeRelational(context, compiled, session, audit, (options) => {
        const scope = openScope(context, compiled, session, { ...options, batch: window });
        if (index > 0 || plan.incremental) {
          scope.define(
            'is_incremental',
            callable('is_incremental', '', () => true),
          );
          scope.define(
            'should_full_refresh',
            callable('should_full_refresh', '', () => false),
          );
        }
        return scope;
      });
    },
    finish(_ctx, at, _node, result) {
      if (result.status === 'error') ctx.log.uncaughtError(`Exception on worker thread. ${result.message ?? ''}`, at);
      ctx.log.batchResult(
        description,
        result.status === 'error' ? 'error' : (result.message ?? ''),
        at.index,
        at.total,
        result.execution_time,
        at,
      );
    },
  };
  return executeNode({ ...ctx, journal: null }, kind as NodeKind, node, p, work);
}

/** If a batch and its ledger entry are not one transaction, a rebuild first deletes the table's entries. */
function beginHook(ctx: RunContext, { relation, noted, forgets }: Plan, index: number): Hook[] {
  const sql = noted && forgets && index === 0 ? ctx.adapter.intervals?.beginSql?.(relation) : undefined;
  return sql === undefined ? [] : [{ sql, transaction: true, index: null }];
}

/**
 * Records the batch as the last step of its transaction, or after it. A batch whose interval has not ended is not
 * finished.
 */
function ledgerHook(ctx: RunContext, { relation, noted, forgets }: Plan, { batch, index }: BatchAt): Hook[] {
  const { intervals } = ctx.adapter;
  if (intervals === null) return [];
  const anew = forgets && index === 0;
  const over = batch.end <= ctx.config.invocation.started_at.getTime();
  const forgotten = noted && intervals.beginSql !== undefined;
  const sql =
    noted && over
      ? intervals.markSql(relation, batch, anew)
      : anew && !forgotten
        ? intervals.forgetSql(relation)
        : null;
  return sql === null ? [] : [{ sql, transaction: true, index: null }];
}

function utc(time: number): PyDateTime {
  return PyDateTime.fromEpoch(BigInt(time) * 1000n, pytzUtc());
}
