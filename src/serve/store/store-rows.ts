// Rows of the stored tables, as both databases return them: columns in a fixed order, each a text or null. Pure
// functions.
import { TsdbtError } from '../../errors.ts';
import type { FreshnessStatus, NodeStatus } from '../../contracts/results.ts';
import type {
  FreshnessRun,
  Incident,
  JobRun,
  LeftOut,
  LeftOutTimes,
  NodeRun,
  RunState,
  SentAlarm,
} from './serve-store.ts';

export type Cells = readonly (string | null)[];

const STATES: Readonly<Record<RunState, true>> = {
  running: true,
  success: true,
  failed: true,
  timeout: true,
  lost: true,
  skipped: true,
  cancelled: true,
};
const LEFT_OUT: Readonly<Record<LeftOut, true>> = {
  still_running: true,
  paused: true,
  window_over: true,
  missed: true,
};
const FRESHNESS: Readonly<Record<FreshnessStatus, true>> = {
  pass: true,
  warn: true,
  error: true,
  'runtime error': true,
};
const STATUSES: Readonly<Record<NodeStatus, true>> = {
  ...FRESHNESS,
  success: true,
  skipped: true,
  fail: true,
  'partial success': true,
  'no-op': true,
  reused: true,
};

/** @throws `runtime` error for a value that only a newer version writes */
function known<T extends string>(words: Readonly<Record<T, true>>, cell: string | null | undefined): T {
  const word = cell ?? '';
  if (isIn(words, word)) return word;
  throw new TsdbtError('runtime', `The history in the database has the status '${word}', which is not known here.`, {
    hint: 'A newer version has written it: use that one.',
  });
}

function isIn<T extends string>(words: Readonly<Record<T, true>>, word: string): word is T {
  return Object.hasOwn(words, word);
}

const text = (cell: string | null | undefined): string => cell ?? '';
const count = (cell: string | null | undefined): number | null =>
  cell === null || cell === undefined ? null : Number(cell);

/** @throws if it is not a state of a run */
export function runState(word: string): RunState {
  return known(STATES, word);
}

/** From run_id, job, due_at, attempt, host, token, state, started_at, finished_at, reason, project. */
export function jobRunOf(cells: Cells): JobRun {
  const [runId, job, dueAt, attempt, host, token, state, startedAt, finishedAt, reason, project] = cells;
  return {
    runId: text(runId),
    job: text(job),
    dueAt: Number(dueAt),
    attempt: Number(attempt),
    host: text(host),
    token: BigInt(text(token)),
    state: known(STATES, state),
    startedAt: Number(startedAt),
    finishedAt: count(finishedAt),
    reason: reason ?? null,
    project: project ?? null,
  };
}

/** The columns of a node's row, in the order of `nodeRunOf`. */
export const NODE_COLUMNS = [
  'run_id',
  'unique_id',
  'status',
  'thread',
  'started_at',
  'seconds',
  'rows',
  'read_rows',
  'read_bytes',
  'failures',
  'message',
  'checksum',
] as const;

/** Returns the run of a node from the cells of its row. */
export function nodeRunOf(cells: Cells): NodeRun {
  const [runId, uniqueId, status, thread, startedAt, seconds, rows, readRows, readBytes, failures, message, checksum] =
    cells;
  return {
    runId: text(runId),
    uniqueId: text(uniqueId),
    status: known(STATUSES, status),
    thread: text(thread),
    startedAt: Number(startedAt),
    seconds: Number(seconds),
    rows: count(rows),
    readRows: count(readRows),
    readBytes: count(readBytes),
    failures: count(failures),
    message: message ?? null,
    checksum: checksum ?? null,
  };
}

/** Returns a node's row as JSON with the names of `NODE_COLUMNS`. */
export function nodeRecord(node: NodeRun): Record<(typeof NODE_COLUMNS)[number], string | number | null> {
  return {
    run_id: node.runId,
    unique_id: node.uniqueId,
    status: node.status,
    thread: node.thread,
    started_at: Math.floor(node.startedAt),
    seconds: node.seconds,
    rows: node.rows,
    read_rows: node.readRows,
    read_bytes: node.readBytes,
    failures: node.failures,
    message: withoutNul(node.message),
    checksum: node.checksum,
  };
}

/** The columns of a source's freshness, in the order of `freshnessOf`. */
export const FRESHNESS_COLUMNS = ['run_id', 'unique_id', 'status', 'max_loaded_at', 'seconds', 'at'] as const;

/** Returns the freshness of a source from the cells of its row. */
export function freshnessOf([runId, uniqueId, status, maxLoadedAt, seconds, at]: Cells): FreshnessRun {
  return {
    runId: text(runId),
    uniqueId: text(uniqueId),
    status: known(FRESHNESS, status),
    maxLoadedAt: count(maxLoadedAt),
    seconds: count(seconds),
    at: Number(at),
  };
}

/** Returns a source's freshness as JSON with the names of `FRESHNESS_COLUMNS`. */
export function freshnessRecord(
  measured: FreshnessRun,
): Record<(typeof FRESHNESS_COLUMNS)[number], string | number | null> {
  return {
    run_id: measured.runId,
    unique_id: measured.uniqueId,
    status: measured.status,
    max_loaded_at: measured.maxLoadedAt === null ? null : Math.floor(measured.maxLoadedAt),
    seconds: measured.seconds,
    at: Math.floor(measured.at),
  };
}

/** Columns that hold times, and those that hold numbers. */
export const TIMES: readonly string[] = ['started_at', 'max_loaded_at', 'at'];
const NUMBERS: readonly string[] = ['seconds', 'rows', 'read_rows', 'read_bytes', 'failures'];

const TEXTS: readonly string[] = ['thread', 'message', 'checksum'];
/** Characters of a stored text, nodes of a run, and open incidents that are read: others may have written them. */
export const MOST_TEXT = 10_000;
export const MOST_NODES = 100_000;
export const MOST_INCIDENTS = 1000;

/** Returns columns as cells, in a database's SQL: a time as milliseconds, a number as text, and a limited text. */
export function cellsOf(
  columns: readonly string[],
  formats: Readonly<Record<'time' | 'number' | 'text', (column: string) => string>>,
): string {
  const { time, number, text: limited } = formats;
  return columns
    .map((column) => {
      if (TIMES.includes(column)) return time(column);
      if (NUMBERS.includes(column)) return number(column);
      return TEXTS.includes(column) ? limited(column) : column;
    })
    .join(', ');
}

/** From job, why, first_due_at, last_due_at, due_times. */
export function leftOutOf([job, why, first, last, count]: Cells): LeftOutTimes {
  return {
    job: text(job),
    why: known(LEFT_OUT, why),
    first: Number(first),
    last: Number(last),
    count: Number(count),
  };
}

/** From id, key, opened_at, closed_at, reason. */
export function incidentOf([id, key, openedAt, closedAt, reason]: Cells): Incident {
  return {
    id: text(id),
    key: text(key),
    openedAt: Number(openedAt),
    closedAt: count(closedAt),
    reason: text(reason),
  };
}

/** From incident, channel, occasion, at. */
export function alarmOf([incident, channel, occasion, at]: Cells): SentAlarm {
  return { incident: text(incident), channel: text(channel), occasion: text(occasion), at: Number(at) };
}

/** Keeps the last of several rows of one node in one run, because a statement cannot write a row twice. */
export function lastOfEach<T extends { readonly runId: string; readonly uniqueId: string }>(rows: readonly T[]): T[] {
  return [...new Map(rows.map((row) => [`${row.runId} ${row.uniqueId}`, row])).values()];
}

/** A database's message may contain characters that no text column accepts. */
export function withoutNul(value: string): string;
export function withoutNul(value: string | null): string | null;
export function withoutNul(value: string | null): string | null {
  return value === null ? null : value.replaceAll('\0', '');
}
