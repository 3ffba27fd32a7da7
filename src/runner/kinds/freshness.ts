// Freshness of sources, and of models with a freshness setting: queries the newest row with the adapter's macros and
// compares its age with the thresholds.
import type { Session } from '../../adapters/adapter.ts';
import { relationFrom } from '../../context/relations.ts';
import type { Manifest } from '../../contracts/manifest.ts';
import type { AdapterResponse, FreshnessResult, FreshnessStatus, RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { fire } from '../../events/index.ts';
import { loadOrigin } from '../../project/load-config.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { pytzUtc } from '../../values/timezone.ts';
import { type Kwargs, toText, typeName, type Value } from '../../values/index.ts';
import { openScope } from '../../compiler/node-scope.ts';
import { ownSetting } from '../../settings/meta-settings.ts';
import type { RunContext } from '../context.ts';
import type { NodeWithRows } from '../nodes.ts';
import type { FreshnessThreshold, ModelNode, SourceDefinition, TimeThreshold } from '../../contracts/node.ts';
import type { NodeKind, Outcome } from '../node.ts';

/** Measured values, kept until sources.json is written. */
export interface Freshness {
  readonly maxLoadedAt: string;
  readonly snapshottedAt: string /** Seconds. */;
  readonly age: number;
  readonly criteria: FreshnessThreshold;
}

const UNIT_SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;

function exceeded(threshold: TimeThreshold | null | undefined, age: number): boolean {
  if (!threshold || threshold.count === null || threshold.period === null) return false;
  return age > threshold.count * UNIT_SECONDS[threshold.period];
}

/** @param age in seconds */
function freshnessStatus(threshold: FreshnessThreshold | null, age: number): FreshnessStatus {
  if (exceeded(threshold?.error_after, age)) return 'error';
  return exceeded(threshold?.warn_after, age) ? 'warn' : 'pass';
}

/** A node whose freshness is measured. */
export type FreshNode = SourceDefinition | ModelNode;

/** Returns the source or model with this unique_id. */
export function freshNode({ sources, nodes }: Pick<Manifest, 'sources' | 'nodes'>, id: string): FreshNode | null {
  const node = sources[id] ?? nodes[id];
  return node?.resource_type === 'source' || node?.resource_type === 'model' ? node : null;
}

/** Whether `source freshness` measures it: sources with thresholds, and models with `meta: {tsdbt: {freshness: …}}`. */
export function hasFreshness(manifest: Pick<Manifest, 'sources' | 'nodes'>, id: string): boolean {
  const node = freshNode(manifest, id);
  if (node === null) return false;
  if (node.resource_type === 'model') return modelSettings(node) !== null;
  const { freshness } = node;
  return (
    freshness !== null &&
    [freshness.warn_after, freshness.error_after].some((t) => t?.count != null && t.period != null)
  );
}

function modelSettings(model: ModelNode): ReturnType<typeof ownSetting<'freshness'>> {
  return model.config.enabled && model.config.materialized !== 'ephemeral' ? ownSetting(model, 'freshness') : null;
}

interface Terms {
  readonly threshold: FreshnessThreshold | null;
  readonly field: string | null;
  readonly query: string | null;
}

/** @throws {TsdbtError} if a model has no time of its rows */
function termsOf(node: FreshNode): Terms {
  if (node.resource_type === 'source')
    return { threshold: node.freshness, field: node.loaded_at_field, query: node.loaded_at_query };
  const given = modelSettings(node);
  const field = given?.loaded_at_field ?? node.config.event_time ?? null;
  const query = given?.loaded_at_query ?? null;
  if (given === null || (field === null && query === null))
    throw errorOf('modelFreshnessWithoutField', { model: node.name }, { node });
  const { warn_after, error_after, filter } = given;
  return { threshold: { warn_after, error_after, filter }, field, query };
}

function shownAs(node: FreshNode): [group: string, name: string] {
  return node.resource_type === 'source' ? [node.source_name, node.name] : [node.schema, node.alias];
}

/** Freshness checks; results are stored in `measured` by unique_id. */
export function freshnessKind(measured: Map<string, Freshness>): NodeKind<FreshNode> {
  return {
    errorStatus: 'runtime error',
    start(ctx, p, node) {
      ctx.log.startLine(`freshness of ${shownAs(node).join('.')}`, p);
    },
    compile: async (_ctx, node) => node,
    async execute(ctx, node, session) {
      const terms = termsOf(node);
      const { freshness, response } = await measure(ctx, node, terms, session);
      measured.set(node.unique_id, { ...freshness, criteria: terms.threshold ?? {} });
      return {
        status: freshnessStatus(terms.threshold, freshness.age),
        message: null,
        response,
        failures: null,
      } satisfies Outcome;
    },
    finish(ctx, p, node, result) {
      ctx.log.freshnessResult(...shownAs(node), result.status, result.execution_time, p);
    },
  };
}

/** Time of the newest row, and time of the measurement by the database's clock; milliseconds. */
export interface NewestRow {
  /** Null: there are no rows. */
  readonly newest: number | null;
  readonly at: number;
}

/**
 * Measures a node regardless of thresholds.
 * @param field column or expression; null: what the source itself reports
 * @throws {TsdbtError} of the database, or if a source has no column with times
 */
export async function newestRow(
  ctx: RunContext,
  node: NodeWithRows,
  { field, filter }: { readonly field: string | null; readonly filter: string | null },
  session: Session,
): Promise<NewestRow> {
  const own = node.resource_type === 'source' && field === null;
  const { freshness } = await measure(
    ctx,
    node,
    {
      threshold: { filter },
      field: own ? node.loaded_at_field : field,
      query: own ? node.loaded_at_query : null,
    },
    session,
  );
  const { maxLoadedAt, snapshottedAt } = freshness;
  const newest = Date.parse(maxLoadedAt);
  // ClickHouse's maximum of no rows is the minimum of the type.
  const none = maxLoadedAt === NO_ROWS.isoformat() || newest === 0;
  return { newest: none ? null : newest, at: Date.parse(snapshottedAt) };
}

interface Measured {
  readonly freshness: Omit<Freshness, 'criteria'>;
  readonly response: AdapterResponse | Record<string, never>;
}

async function measure(ctx: RunContext, node: NodeWithRows, terms: Terms, session: Session): Promise<Measured> {
  const loaded = await measureLoaded(ctx, node, terms, session);
  if (loaded !== null) return loaded;
  const { threshold, field, query } = terms;
  const scope = openScope(ctx, node, session);
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, node);
  let macro: string;
  let kwargs: Kwargs;
  if (query !== null) {
    macro = 'collect_freshness_custom_sql';
    kwargs = new Map<string, Value>([
      ['source', relation],
      ['loaded_at_query', await scope.render(query, node.original_file_path)],
    ]);
  } else if (field !== null) {
    macro = 'collect_freshness';
    kwargs = new Map<string, Value>([
      ['source', relation],
      ['loaded_at_field', field],
      ['filter', threshold?.filter ?? null],
    ]);
  } else {
    throw errorOf('freshnessWithoutField', { source: node.name, adapter: ctx.adapter.type });
  }
  const { table, response, bare } = await scope.callForTable(macro, kwargs);
  if (bare) fire(ctx.logger, 'CollectFreshnessReturnSignature', {});
  const row = table.rows[0];
  if (table.rows.length !== 1 || row === undefined || row.values.length !== 2) {
    throw errorOf('badMacroResult', { macro, value: toText(table.rows.map((r) => [...r.values])) });
  }
  return { freshness: aged(row.values[0] ?? null, row.values[1] ?? null), response };
}

/** The loader's time columns. A table synced from another database has none of them. */
const LOADED_TIMES: readonly (string | null)[] = ['_kafka_ts', '_loaded_at'];

/**
 * Measures a source that `tsdbt load` fills from the load positions, without reading its rows: when its newest message
 * was produced, or its newest row loaded. For a table synced from another database, when its last sync began.
 */
async function measureLoaded(
  ctx: RunContext,
  node: NodeWithRows,
  { threshold, field, query }: Terms,
  session: Session,
): Promise<Measured | null> {
  const origin = node.resource_type === 'source' ? loadOrigin(node) : null;
  const known = field === null || (origin === 'topics' && LOADED_TIMES.includes(field));
  if (node.resource_type !== 'source' || origin === null || !known || query !== null || threshold?.filter) return null;
  const state = await ctx.adapter.loadedState(session, node, origin);
  if (state !== null)
    return {
      freshness: aged(field === '_loaded_at' ? state.newestLoad : state.newestMessage, state.now),
      response: {},
    };
  // Only the positions describe these rows: there are none yet.
  return field === null ? { freshness: aged(null, PyDateTime.fromJsDate(new Date(ctx.now()))), response: {} } : null;
}

/** Without a loaded_at value the data counts as infinitely old. */
const NO_ROWS = PyDateTime.fromIso('0001-01-01T00:00:00+00:00');

function aged(loaded: Value, now: Value): Measured['freshness'] {
  const snapshotted = inUtc(now, 'snapshotted_at');
  const last = loaded === null ? NO_ROWS : inUtc(loaded, 'last_modified');
  const age = Number(snapshotted.epochMicros - last.epochMicros) / 1e6;
  return { maxLoadedAt: last.isoformat(), snapshottedAt: snapshotted.isoformat(), age };
}

function inUtc(value: Value, field: string): PyDateTime {
  if (value instanceof PyDateTime)
    return value.tzinfo === null ? value.withZone(pytzUtc()) : value.astimezone(pytzUtc());
  if (value === null) {
    throw errorOf('freshnessIsNull', { field });
  }
  throw errorOf('freshnessIsNoTime', { field, type: typeName(value) });
}

/** The entry of a measurement in sources.json (for a model, freshness.json). */
export function freshnessResult(node: FreshNode, result: RunResult, measured: Freshness): FreshnessResult {
  return {
    unique_id: node.unique_id,
    max_loaded_at: measured.maxLoadedAt,
    snapshotted_at: measured.snapshottedAt,
    max_loaded_at_time_ago_in_s: measured.age,
    status: result.status as FreshnessStatus,
    criteria: measured.criteria,
    adapter_response: result.adapter_response,
    timing: result.timing,
    thread_id: result.thread_id,
    execution_time: result.execution_time,
  };
}
