// Freshness of sources: asks the adapter's macros when a source was last loaded and compares the age with its thresholds.
import type { Session } from '../adapters/adapter.ts';
import type { FreshnessThreshold, SourceDefinition, TimeThreshold } from '../contracts/node.ts';
import type { AdapterResponse, FreshnessResult, FreshnessStatus, RunResult } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import { PyDateTime, pytzUtc } from '../values/datetime.ts';
import { type Kwargs, toText, typeName, type Value } from '../values/index.ts';
import { openScope } from '../compiler/node-scope.ts';
import { relationFrom } from '../context/relations.ts';
import type { RunContext } from './run-context.ts';
import type { NodeKind, Outcome } from './run-node.ts';

/** What was measured, kept until sources.json is written. */
export interface Freshness { readonly maxLoadedAt: string; readonly snapshottedAt: string; /** Seconds. */ readonly age: number }

const UNIT_SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;

function exceeded(threshold: TimeThreshold | null | undefined, age: number): boolean {
  if (!threshold || threshold.count === null || threshold.period === null) return false;
  return age > threshold.count * UNIT_SECONDS[threshold.period];
}

/** @param age in seconds */
export function freshnessStatus(threshold: FreshnessThreshold | null, age: number): FreshnessStatus {
  if (exceeded(threshold?.error_after, age)) return 'error';
  return exceeded(threshold?.warn_after, age) ? 'warn' : 'pass';
}

/** True for sources that `source freshness` looks at. */
export function hasFreshness(source: SourceDefinition): boolean {
  const { freshness } = source;
  return freshness !== null && [freshness.warn_after, freshness.error_after].some((t) => t?.count != null && t.period != null);
}

/** How freshness checks run; what they measure goes into `measured` by unique_id. */
export function freshnessKind(measured: Map<string, Freshness>): NodeKind<SourceDefinition> {
  return {
    errorStatus: 'runtime error',
    start(ctx, p, node) {
      ctx.log.startLine(`freshness of ${node.source_name}.${node.name}`, p);
    },
    compile: async (_ctx, node) => node,
    async execute(ctx, node, session) {
      const { freshness, response } = await measure(ctx, node, session);
      measured.set(node.unique_id, freshness);
      return { status: freshnessStatus(node.freshness, freshness.age), message: null, response, failures: null } satisfies Outcome;
    },
    finish(ctx, p, node, result) {
      ctx.log.freshnessResult(node.source_name, node.name, result.status, result.execution_time, p);
    },
  };
}

async function measure(ctx: RunContext, node: SourceDefinition, session: Session): Promise<{ freshness: Freshness; response: AdapterResponse | Record<string, never> }> {
  const scope = openScope(ctx, node, session);
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, node);
  let macro: string;
  let kwargs: Kwargs;
  if (node.loaded_at_query !== null) {
    macro = 'collect_freshness_custom_sql';
    kwargs = new Map<string, Value>([['source', relation], ['loaded_at_query', await scope.render(node.loaded_at_query, node.original_file_path)]]);
  } else if (node.loaded_at_field !== null) {
    macro = 'collect_freshness';
    kwargs = new Map<string, Value>([['source', relation], ['loaded_at_field', node.loaded_at_field], ['filter', node.freshness?.filter ?? null]]);
  } else {
    throw new TsdbtError('runtime', `Could not compute freshness for source ${node.name}: no 'loaded_at_field' provided and ${ctx.adapter.type} adapter does not support metadata-based freshness checks.`);
  }
  const { table, response } = await scope.callForTable(macro, kwargs);
  const row = table.rows[0];
  if (table.rows.length !== 1 || row === undefined || row.values.length !== 2) {
    throw new TsdbtError('compilation', `Got an invalid result from "${macro}" macro: ${toText(table.rows.map((r) => r.values as Value[]))}`);
  }
  const [loaded, now] = row.values;
  const snapshotted = inUtc(now ?? null, 'snapshotted_at');
  // Without a time of loading the data counts as infinitely old.
  const last = loaded == null ? PyDateTime.fromIso('0001-01-01T00:00:00+00:00') : inUtc(loaded, 'last_modified');
  const age = Number(snapshotted.epochMicros - last.epochMicros) / 1e6;
  return { freshness: { maxLoadedAt: last.isoformat(), snapshottedAt: snapshotted.isoformat(), age }, response };
}

function inUtc(value: Value, field: string): PyDateTime {
  if (value instanceof PyDateTime) return value.tzinfo === null ? value.withZone(pytzUtc()) : value.astimezone(pytzUtc());
  if (value === null) {
    throw new TsdbtError('database', `Expected a non-null value when querying field '${field}' of table  null relation but received value 'null' instead`);
  }
  throw new TsdbtError('database', `Expected a timestamp value when querying field '${field}' of table null relation but received value of type '${typeName(value)}' instead`);
}

/** The entry of sources.json for a source that was measured. */
export function freshnessResult(node: SourceDefinition, result: RunResult, measured: Freshness): FreshnessResult {
  return {
    unique_id: node.unique_id, max_loaded_at: measured.maxLoadedAt, snapshotted_at: measured.snapshottedAt, max_loaded_at_time_ago_in_s: measured.age,
    status: result.status as FreshnessStatus, criteria: node.freshness ?? {}, adapter_response: result.adapter_response, timing: result.timing,
    thread_id: result.thread_id, execution_time: result.execution_time,
  };
}
