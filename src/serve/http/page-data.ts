// The page's data as JSON: jobs, runs, nodes, SLAs, loaders. History is returned in pages, never as a whole.
// serve-http.ts checks permissions, event-stream.ts sends changes.
import type { Job, JobTiming } from '../jobs/job.ts';
import type { Live, LiveNode, LiveRun } from '../live-state.ts';
import { leftOutInWords } from '../jobs/job-overview.ts';
import type {
  Incident,
  JobRun,
  LeftOutTimes,
  Moment,
  NodeRun,
  RunFilter,
  RunState,
  Store,
} from '../store/serve-store.ts';

const PAGE = 50;
const LONGEST_PAGE = 200;
/** Limit of skipped due times in a page: one moment has one per job and reason. */
const MOST_LEFT_OUT = 10_000;
const HISTORY = 60;
/** Runs that are read to find the last one of each job in one query. */
const RECENT = 100;
const STATES: readonly RunState[] = ['running', 'success', 'failed', 'timeout', 'lost', 'skipped', 'cancelled'];

export interface ApiInput {
  readonly live: Live;
  readonly store: Store;
  /** Whether a user with a token may change something. */
  readonly canAct: boolean;
  readonly hasDocs: boolean;
}

/** @returns the response as a JSON value; null: unknown path */
export async function api(input: ApiInput, path: string, query: URLSearchParams): Promise<object | null> {
  const [kind = '', ...names] = path.split('/').map(decodeURIComponent);
  const [id, under, uniqueId] = names;
  if (kind === 'now' && id === undefined) return nowOf(input);
  if (kind === 'runs' && id === undefined) return runsOf(input.store, query);
  if (kind === 'runs' && under === undefined) return runOf(input, id ?? '');
  if (kind === 'runs' && under === 'nodes' && uniqueId !== undefined) return nodeOf(input, id ?? '', uniqueId);
  if (kind === 'nodes' && id !== undefined && under === undefined)
    return { history: (await input.store.nodeHistory(id, limitOf(query, HISTORY))).map(nodeRow) };
  if (kind === 'promises' && id === undefined) return promisesOf(input);
  if (kind === 'loaders' && id === undefined) return { now: input.live.now(), loaders: input.live.loaders() };
  return null;
}

async function nowOf({ live, store, canAct, hasDocs }: ApiInput): Promise<object> {
  const { host, project, version } = live;
  const asked = [store.runs({ limit: RECENT }), store.openIncidents(), store.leftOut({ limit: RECENT })] as const;
  const kept = await orAway(live, Promise.all(asked));
  const [recent, incidents, leftOut] = kept ?? [[], [], []];
  const isAway = kept === null;
  const jobs = await Promise.all(
    live.jobs().map(async ({ job, nextAt, paused, unread }) => {
      const found = recent.find((run) => run.job === job.name);
      const last = found ?? (isAway ? undefined : (await store.runs({ job: job.name, limit: 1 }))[0]);
      return {
        name: job.name,
        work: workOf(job),
        timing: timingOf(job.timing),
        description: job.description,
        owner: job.owner,
        nextAt,
        paused,
        unread,
        last: last === undefined ? null : runRow(last),
        leftOut: leftOut.filter((times) => times.job === job.name).map(leftOutRow)[0] ?? null,
      };
    }),
  );
  return {
    project,
    host,
    version,
    now: live.now(),
    canAct,
    hasDocs,
    notReady: live.notReady(),
    isAway,
    jobs,
    running: live.runs.running().map(liveRow),
    runs: recent.slice(0, 20).map(runRow),
    incidents: await incidentRows(live, incidents),
    loaders: live.loaders().length,
  };
}

/** The database's answer; null while it is unavailable, so that everything else is still shown. */
async function orAway<T>(live: Live, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (live.notReady().length === 0) throw error;
    return null;
  }
}

/**
 * A page of runs and skipped due times, newest first. The next page starts at `next`. If runs of the same millisecond
 * would be split, the next page repeats them, and the client removes duplicates.
 */
async function runsOf(store: Store, query: URLSearchParams): Promise<object> {
  const limit = limitOf(query, PAGE);
  const job = query.get('job');
  const states = STATES.filter((state) => query.getAll('state').includes(state));
  const before = Number(query.get('before') ?? Number.NaN);
  const only = { ...(job === null ? {} : { job }), ...(Number.isFinite(before) ? { before } : {}) };
  const filter: RunFilter = { ...only, limit: limit + 1, ...(states.length === 0 ? {} : { states }) };
  const found = await store.runs(filter);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const after = found[limit];
  const tied = after !== undefined && after.startedAt === last?.startedAt ? 1 : 0;
  const ofRuns = after === undefined || last === undefined ? null : last.startedAt + tied;
  const skipped = states.length === 0 || states.includes('skipped');
  const of = { ...only, ...(ofRuns === null ? {} : { since: ofRuns }) };
  const leftOut = skipped ? await store.leftOut({ ...of, limit: LONGEST_PAGE + 1 }) : [];
  const oldest = leftOut.length > LONGEST_PAGE ? leftOut[LONGEST_PAGE - 1]?.last : undefined;
  if (oldest === undefined) return { runs: page.map(runRow), leftOut: leftOut.map(leftOutRow), next: ofRuns };
  // So many were skipped that the page ends with them, and includes all of that moment.
  const whole = await store.leftOut({ ...only, since: oldest, limit: MOST_LEFT_OUT });
  const runs = page.filter(({ startedAt }) => startedAt >= oldest);
  return { runs: runs.map(runRow), leftOut: whole.map(leftOutRow), next: oldest };
}

/** A run and its nodes: live if it is on this host, otherwise from the history. */
async function runOf({ live, store }: ApiInput, runId: string): Promise<object | null> {
  const known = live.runs.run(runId);
  if (known !== null && known.end === null)
    return { now: live.now(), run: liveRow(known), nodes: known.nodes.map(liveNodeRow) };
  const found = (await store.runs({ runId, limit: 1 })).find((run) => run.runId === runId);
  if (found === undefined) return null;
  const kept = await store.nodes(runId);
  // History is written a moment after the run.
  const nodes = known !== null && known.nodes.length > kept.length ? known.nodes.map(liveNodeRow) : kept.map(nodeRow);
  return { now: live.now(), run: { ...runRow(found), total: nodes.length, done: nodes.length }, nodes };
}

/** One node of a run, with its log and failing rows if this host still has them. */
async function nodeOf({ live, store }: ApiInput, runId: string, uniqueId: string): Promise<object | null> {
  const of = ({ uniqueId: id }: { readonly uniqueId: string }): boolean => id === uniqueId;
  const running = live.runs.run(runId)?.nodes.find(of);
  const kept = running === undefined ? (await store.nodes(runId)).find(of) : undefined;
  if (running === undefined && kept === undefined) return null;
  return {
    now: live.now(),
    node: running === undefined ? kept && nodeRow(kept) : liveNodeRow(running),
    log: live.runs.log(runId, uniqueId),
    failing: live.runs.failingRows(runId, uniqueId),
  };
}

async function promisesOf({ live, store }: ApiInput): Promise<object> {
  const promises = await live.promises();
  const kept = await orAway(live, Promise.all([store.freshness(), store.openIncidents()]));
  const [freshness, incidents] = kept ?? [[], []];
  return {
    now: live.now(),
    notReady: live.notReady(),
    isAway: kept === null,
    promises,
    freshness: freshness.map(({ uniqueId, status, maxLoadedAt, at }) => ({ id: uniqueId, status, maxLoadedAt, at })),
    incidents: await incidentRows(live, incidents),
  };
}

/** Open incidents. The reason is the current one if this host has checked: the stored reason is the first. */
async function incidentRows(live: Live, incidents: readonly Incident[]): Promise<object[]> {
  const reasons = new Map((await live.promises()).map(({ incident }) => [incident?.id, incident?.reason]));
  return incidents.map(({ id, key, openedAt, reason }) => ({ id, key, openedAt, reason: reasons.get(id) ?? reason }));
}

function limitOf(query: URLSearchParams, usual: number): number {
  const asked = Number(query.get('limit') ?? usual);
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, LONGEST_PAGE) : usual;
}

function runRow({ runId, job, dueAt, attempt, host, state, startedAt, finishedAt, reason, project }: JobRun): object {
  return { id: runId, job, dueAt, attempt, host, state, startedAt, finishedAt, reason, project };
}

/** Skipped due times, in words. */
function leftOutRow({ job, why, first, last, count }: LeftOutTimes): object {
  return { job, first, last, count, reason: leftOutInWords({ count, why }) };
}

/** A current run of this host, in the form of a run in the history. */
function liveRow({ claim, startedAt, total, nodes }: LiveRun): object {
  const { runId, job, dueAt, attempt, host } = claim;
  const done = nodes.filter(({ ended }) => ended !== null).length;
  const state: RunState = 'running';
  return { id: runId, job, dueAt, attempt, host, state, startedAt, finishedAt: null, reason: null, total, done };
}

function nodeRow({ uniqueId, runId, thread, startedAt, seconds, ...rest }: NodeRun): object {
  const { status, rows, readRows, readBytes, failures, message } = rest;
  return { id: uniqueId, runId, thread, startedAt, seconds, status, rows, readRows, readBytes, failures, message };
}

/** A node that has not ended has the status `running`. */
export function liveNodeRow({ uniqueId, thread, startedAt, ended }: LiveNode): object {
  return ended === null ? { id: uniqueId, thread, startedAt, seconds: null, status: 'running' } : nodeRow(ended);
}

/** A job's work as a command line. */
function workOf({ work }: Job): string {
  const { select, exclude } = work;
  const chosen = [
    ...(select === null || select.length === 0 ? [] : ['--select', ...select]),
    ...(exclude.length === 0 ? [] : ['--exclude', ...exclude]),
  ];
  if (work.kind === 'load') return ['load', ...chosen].join(' ');
  const flags = [
    ...(work.selector === null ? [] : ['--selector', work.selector]),
    ...(work.fullRefresh ? ['--full-refresh'] : []),
    ...(work.ifChanged ? ['--if-changed'] : []),
    ...(work.reuse ? ['--reuse'] : []),
  ];
  return [work.command, ...chosen, ...flags].join(' ');
}

/** When a job is due, in words. */
function timingOf(timing: JobTiming): string {
  switch (timing.kind) {
    case 'every':
      return `every ${span(timing.ms)}`;
    case 'cron':
      return `${timing.pattern} (${timing.timeZone})`;
    case 'after':
      return `after rows in ${timing.sources.join(', ')}`;
    case 'resident':
      return 'always';
    case 'manual':
      return 'when asked for';
  }
}

/** `90 s`, `5 min`, `2 h`: the largest unit that divides it. */
function span(ms: Moment): string {
  const [size, unit] = (
    [
      [3_600_000, 'h'],
      [60_000, 'min'],
      [1000, 's'],
    ] as const
  ).find(([of]) => ms % of === 0) ?? [1, 'ms'];
  return `${ms / size} ${unit}`;
}
