// Converts a run's node results for history, and decides what another attempt could fix.
import type { GraphNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { type ParsedProject, type RetriedRun, retriedWithAudits, select } from '../../index.ts';
import type { NodeRun } from '../../serve/store/serve-store.ts';
import { failedBatches, failedOverloads } from './retry.ts';
import { now } from '../command-session.ts';

/** A result as stored in history. @param startedAt when its node started; null: it did not */
export function nodeRun(runId: string, result: RunResult, startedAt: number | null): NodeRun {
  const { adapter_response: response, message, node } = result;
  const checksum = node !== undefined && 'checksum' in node ? node.checksum : null;
  const failed = result.status !== 'success' && result.status !== 'pass';
  return {
    runId,
    uniqueId: result.unique_id,
    status: result.status,
    thread: result.thread_id,
    startedAt: Math.round(startedAt ?? now() - result.execution_time * 1000),
    seconds: result.execution_time,
    // A test modifies no rows: the database counts the row of its answer.
    rows: result.failures === null ? numberOf(response['rows_affected']) : null,
    readRows: numberOf(response['read_rows']),
    readBytes: numberOf(response['read_bytes']),
    failures: result.failures,
    message: failed && message !== null ? errorLine(message) : null,
    checksum: checksumOf(checksum),
  };
}

function checksumOf(checksum: unknown): string | null {
  const text =
    typeof checksum === 'object' && checksum !== null && 'checksum' in checksum ? checksum.checksum : checksum;
  return typeof text === 'string' ? text : null;
}

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : null;
}

/**
 * The line of an error that describes the problem, with its file and line. dbt's first line contains only the kind of
 * error and the node. `column "x" does not exist (models/orders.sql line 3)`
 */
function errorLine(message: string): string {
  const lines = message.split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line !== '');
  const what = told.find((line) => !/^\w[\w ]* Error(?: in |$)| failed, error:$/.test(line)) ?? told[0] ?? '';
  const [, place] = /^ {4}((?:\S.* )?line \d+)(?:, column \d+)?$/m.exec(message) ?? [];
  return place === undefined ? what : `${what} (${place})`;
}

const isFailed = ({ status, node }: RunResult): boolean =>
  ['error', 'fail', 'runtime error', 'partial success'].includes(status) || (status === 'skipped' && !isExposure(node));

const isHookId = (id: string): boolean => id.startsWith('operation.');

function isExposure(node: GraphNode | undefined): boolean {
  return node?.resource_type === 'exposure';
}

/** The nodes of a retry, and the nodes whose failure it cannot fix. */
export interface Left {
  readonly retried: (RetriedRun & { readonly selected: ReadonlySet<string> }) | null;
  readonly failed: readonly RunResult[];
  /** Only hooks are left, which failed with a transient error. */
  readonly isHook: boolean;
}

/**
 * Returns nodes that may succeed in another attempt: those with transient errors, and those skipped because of them.
 * Excludes descendants of a node that would fail again.
 */
export function leftOf(parsed: ParsedProject, results: readonly RunResult[]): Left {
  const { dag, config } = parsed;
  const failed = results.filter(isFailed);
  const lasting = failed.filter((result) => result.status !== 'skipped' && result.transient !== true);
  const blocked = new Set(lasting.flatMap(({ unique_id: id }) => (dag.has(id) ? [id, ...dag.dependants(id)] : [])));
  // A failing hook of the project would fail again, and the run with it.
  const hook = lasting.some(({ unique_id: id }) => isHookId(id));
  const left = new Set(
    failed.map(({ unique_id: id }) => id).filter((id) => dag.has(id) && !isHookId(id) && !blocked.has(id)),
  );
  const before = new Set(results.map(({ unique_id: id }) => id));
  const selected = config.flags.which === 'build' ? retriedWithAudits(parsed.manifest, dag, left, before) : left;
  if (hook || selected.size === 0) {
    const isHook = lasting.length === 0 && failed.some(({ unique_id: id }) => isHookId(id));
    return { retried: null, failed: lasting, isHook };
  }
  const again = failed.filter(({ unique_id: id }) => selected.has(id));
  const startedAt = config.invocation.started_at.getTime();
  return {
    failed: lasting,
    isHook: false,
    retried: { selected, startedAt, batches: failedBatches(again), overloads: failedOverloads(again) },
  };
}

/**
 * Returns what remains of a selection after earlier attempts. Descendants of a remaining node remain too.
 * @param made unique_ids
 */
function restOf(
  { manifest, dag, config }: ParsedProject,
  selected: ReadonlySet<string>,
  made: ReadonlySet<string>,
): ReadonlySet<string> {
  // An ephemeral model is never built.
  const isMade = (id: string): boolean => made.has(id) || manifest.nodes[id]?.config.materialized === 'ephemeral';
  const left = new Set([...selected].filter((id) => !isMade(id)));
  for (const id of [...left])
    if (dag.has(id)) for (const below of dag.dependants(id)) if (selected.has(below)) left.add(below);
  return config.flags.which === 'build' ? retriedWithAudits(manifest, dag, left, selected) : left;
}

/**
 * Returns what remains of a job that a lost host began.
 * @param made what it has built
 * @returns null: the whole job must run
 */
export function restBefore(
  parsed: ParsedProject,
  made: ReadonlySet<string>,
): { readonly left: ReadonlySet<string>; readonly reason: string } | null {
  // on-run-start hooks run again. They may empty tables that finished nodes have filled and that would not be built
  // again.
  if (made.size === 0 || hasHooks(parsed, 'on-run-start')) return null;
  const { selected } = select(parsed);
  const left = restOf(parsed, selected, made);
  // It is unknown whether the on-run-end hooks have run.
  if (left.size === selected.size || (left.size === 0 && hasHooks(parsed, 'on-run-end'))) return null;
  const count = [...selected].filter((id) => made.has(id) && !left.has(id)).length;
  return { left, reason: `${count} of ${selected.size} nodes were made by a try before` };
}

/** Whether the project has on-run-start or on-run-end hooks. */
function hasHooks({ manifest }: ParsedProject, when: 'on-run-start' | 'on-run-end'): boolean {
  return Object.values(manifest.nodes).some((node) => node.resource_type === 'operation' && node.tags.includes(when));
}

/** `2 of 12 failed: model.shop.orders: relation "x" does not exist`. */
export function reasonOf(failed: readonly RunResult[], total: number): string {
  const real = failed.filter(({ status }) => status !== 'skipped');
  const [first] = real.length > 0 ? real : failed;
  if (first === undefined) return 'it failed';
  const count = real.length > 0 ? real.length : failed.length;
  const words = first.message === null ? first.status : errorLine(first.message);
  return `${count} of ${total} ${real.length > 0 ? 'failed' : 'were skipped'}: ${first.unique_id}: ${words}`;
}
