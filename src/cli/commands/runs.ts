// runs, runs show: prints the history of jobs as lines or as one JSON document. src/serve/ reads it from the database.
import { inColumns } from '../columns.ts';
import { dateTime, isoTime } from '../../values/utc-text.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { print } from '../../events/index.ts';
import { withoutControls } from '../../log.ts';
import { runDetail, type RunDetail } from '../../serve/run-detail.ts';
import { leftOutInWords } from '../../serve/jobs/job-overview.ts';
import { createStore } from '../../serve/store/create-store.ts';
import { runState } from '../../serve/store/store-rows.ts';
import type { JobRun, LeftOutTimes, NodeRun, RunState, Store } from '../../serve/store/serve-store.ts';
import { type CommandSession, now } from '../command-session.ts';
import { loadProject } from './run.ts';

/** The history tables do not exist; a read-only command does not create them. */
export const NO_HISTORY = 'There is no history yet: `tsdbt serve` has not run with this target.';

export async function runsCommand(session: CommandSession): Promise<boolean> {
  const { flags, positional, logger } = session;
  const limit = Number(flags['limit'] ?? 20);
  if (limit < 1) throw errorOf('badOptionValue', { option: '--limit', why: `${limit} is not a positive number.` });
  const { adapter } = await loadProject(session);
  try {
    const store = createStore(adapter);
    const kept = await store.exists();
    const json = flags['output'] === 'json';
    const [, id] = positional;
    if (id !== undefined) {
      if (!kept) throw new TsdbtError('usage', `No run '${id}' is in the history.`, { hint: NO_HISTORY });
      const detail = await runDetail(store, id);
      print(logger, json ? JSON.stringify(detailDocument(detail)) : withoutControls(detailLines(detail).join('\n')));
      return true;
    }
    const filter = filterOf(flags);
    const { runs, leftOut } = kept ? await newest(store, filter, limit) : { runs: [], leftOut: [] };
    const rows = [
      ...runs.map((run) => ({ at: run.startedAt, cells: runCells(run) })),
      ...leftOut.map((times) => ({ at: times.last, cells: leftOutCells(times) })),
    ].sort((a, b) => b.at - a.at);
    const none = kept ? 'No such runs are in the history.' : NO_HISTORY;
    const head = ['RUN', 'JOB', 'DUE (UTC)', 'TRY', 'STATE', 'SECONDS', 'HOST', 'REASON'];
    print(
      logger,
      json
        ? JSON.stringify({
            generated_at: isoTime(now()),
            runs: runs.map(runDocument),
            left_out: leftOut.map(leftOutDocument),
          })
        : rows.length === 0
          ? none
          : withoutControls(inColumns([head, ...rows.map(({ cells }) => cells)]).join('\n')),
    );
    return true;
  } finally {
    await adapter.close();
  }
}

function filterOf({ job, status }: CommandSession['flags']): { job?: string; states?: readonly RunState[] } {
  return {
    ...(typeof job === 'string' ? { job } : {}),
    ...(typeof status === 'string' ? { states: [runState(status)] } : {}),
  };
}

/** Returns the newest runs and the skipped due times among them, up to the limit in total. */
async function newest(
  store: Store,
  filter: ReturnType<typeof filterOf>,
  limit: number,
): Promise<{ readonly runs: readonly JobRun[]; readonly leftOut: readonly LeftOutTimes[] }> {
  const { job, states } = filter;
  const of = job === undefined ? {} : { job };
  const runs = await store.runs({ ...filter, limit });
  const leftOut = states?.includes('skipped') === false ? [] : await store.leftOut({ ...of, limit });
  const times = [...runs.map(({ startedAt }) => startedAt), ...leftOut.map(({ last }) => last)].sort((a, b) => b - a);
  const oldest = times[limit - 1] ?? Number.NEGATIVE_INFINITY;
  return {
    runs: runs.filter(({ startedAt }) => startedAt >= oldest),
    leftOut: leftOut.filter(({ last }) => last >= oldest),
  };
}

function runCells(run: JobRun): string[] {
  const { runId, job, dueAt, attempt, state, host, reason } = run;
  return [runId.slice(0, 8), job, dateTime(dueAt), String(attempt), state, secondsOf(run), host, reason ?? ''];
}

/** The due time is the last one. */
function leftOutCells(times: LeftOutTimes): string[] {
  return ['-', times.job, dateTime(times.last), '-', 'skipped', '-', '-', leftOutInWords(times)];
}

function detailLines({ run, nodes, failed, changes }: RunDetail): string[] {
  const began = nodes.reduce((first, { startedAt }) => Math.min(first, startedAt), run.startedAt);
  const lines = [
    `Run ${run.runId} of job ${run.job}, try ${run.attempt}: ${run.state}`,
    `Due ${dateTime(run.dueAt)} UTC, began ${dateTime(run.startedAt)}, ` +
      `${run.finishedAt === null ? 'is running' : `${secondsOf(run)} s`}, on ${run.host}` +
      `${run.project === null ? '' : `, project ${run.project}`}`,
    ...(run.reason === null ? [] : [`Reason: ${run.reason}`]),
    '',
    ...(nodes.length === 0
      ? ['No nodes are in the history.']
      : inColumns([
          ['NODE', 'STATUS', 'THREAD', 'AFTER S', 'SECONDS', 'ROWS'],
          ...nodes.map((node) => [
            node.uniqueId,
            node.status,
            node.thread,
            ((node.startedAt - began) / 1000).toFixed(2),
            node.seconds.toFixed(2),
            String(node.rows ?? ''),
          ]),
        ])),
  ];
  if (failed.length > 0) lines.push('', 'Why it failed:', ...failed.map((node) => `  ${node.uniqueId}: ${why(node)}`));
  if (changes !== null) {
    const { good, project, changed, added, removed } = changes;
    const list = (word: string, ids: readonly string[]): string[] =>
      ids.length === 0
        ? []
        : [`  ${word}: ${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ` and ${ids.length - 20} more` : ''}`];
    const found = [
      ...(project === null ? [] : [`  project: ${project.before} then, ${project.now} now`]),
      ...list('changed', changed),
      ...list('new', added),
      ...list('not run', removed),
    ];
    lines.push(
      '',
      `Since the last good run (${good.runId.slice(0, 8)}, ${dateTime(good.startedAt)} UTC)` +
        `${found.length === 0 ? ' nothing has changed in the project.' : ':'}`,
      ...found,
    );
  }
  return lines;
}

function why({ status, message, failures }: NodeRun): string {
  const [first = ''] = (message ?? '').trim().split('\n');
  const rows = failures === null || failures === 0 ? '' : `${failures} failing rows`;
  return [first, rows].filter((part) => part !== '').join('; ') || status;
}

/** The keys are documented in docs/history.md and must not change. */
function runDocument(run: JobRun): object {
  return {
    run_id: run.runId,
    job: run.job,
    due_at: isoTime(run.dueAt),
    attempt: run.attempt,
    host: run.host,
    state: run.state,
    started_at: isoTime(run.startedAt),
    finished_at: run.finishedAt === null ? null : isoTime(run.finishedAt),
    reason: run.reason,
    project: run.project,
  };
}

/** The keys are documented in docs/history.md and must not change. */
export function leftOutDocument({ job, why, first, last, count }: LeftOutTimes): object {
  return { job, why, first_due_at: isoTime(first), last_due_at: isoTime(last), due_times: count };
}

function detailDocument({ run, nodes, failed, changes }: RunDetail): object {
  return {
    generated_at: isoTime(now()),
    run: runDocument(run),
    nodes: nodes.map((node) => ({
      unique_id: node.uniqueId,
      status: node.status,
      thread: node.thread,
      started_at: isoTime(node.startedAt),
      seconds: node.seconds,
      rows: node.rows,
      read_rows: node.readRows,
      read_bytes: node.readBytes,
      failures: node.failures,
      message: node.message,
      checksum: node.checksum,
    })),
    failed: failed.map(({ uniqueId }) => uniqueId),
    since_last_good:
      changes === null
        ? null
        : {
            run_id: changes.good.runId,
            started_at: isoTime(changes.good.startedAt),
            project: changes.project,
            changed: changes.changed,
            added: changes.added,
            removed: changes.removed,
          },
  };
}

function secondsOf({ startedAt, finishedAt }: JobRun): string {
  return finishedAt === null ? '-' : ((finishedAt - startedAt) / 1000).toFixed(1);
}
