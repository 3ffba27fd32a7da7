// sla: prints the project's SLAs and whether each is met, as lines or as one JSON document. Freshness and lag are
// measured now; runs come from the history of serve. src/serve/sla/ evaluates.
import { withoutControls } from '../../log.ts';
import { inColumns } from '../columns.ts';
import { isoTime } from '../../values/utc-text.ts';
import { type ParsedProject, select, TsdbtError } from '../../index.ts';
import { print } from '../../events/index.ts';
import { dueBetween } from '../../serve/jobs/schedule.ts';
import type { Job } from '../../serve/jobs/job.ts';
import { evaluate, percent } from '../../serve/sla/evaluate-sla.ts';
import { FactFinder, type PromiseHistory } from '../../serve/sla/sla-facts.ts';
import type { Promised, Verdict } from '../../serve/sla/sla-types.ts';
import { jobPromises } from '../../serve/sla/read-slas.ts';
import { durationText } from '../../values/duration.ts';
import { createStore } from '../../serve/store/create-store.ts';
import type { Incident, Moment, Store } from '../../serve/store/serve-store.ts';
import { type CommandSession, now } from '../command-session.ts';
import { measuresPromises } from '../measure-promises.ts';
import { promisesOfNodes } from '../promise-place.ts';
import { findJobFile } from '../read-job-file.ts';
import { loadAndParse } from './run.ts';

/** A job that was due longer ago than this was due before `serve` ran. */
const LONGEST_PERIOD_MS = 366 * 86_400_000;

/** Descriptions of the objectives: a job must not fail and must not be late. */
const PROMISES: Readonly<Record<Promised['terms']['kind'], string>> = {
  freshness: 'freshness',
  lag: 'lag',
  success: 'success',
  duration: 'duration',
  failed: 'no failure',
  late: 'in time',
};

/** @returns whether every SLA is met */
export async function slaCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session, { write: false });
  try {
    const jobs = findJobFile(session, parsed.config, false)?.jobs ?? [];
    const promises = promisesOf(parsed, jobs);
    const { incidents, ...history } = await pastOf(parsed);
    const finder = new FactFinder(history.read, measuresPromises(session, parsed), (job, moment) =>
      dueBefore(jobs, job, moment),
    );
    const { facts } = await finder.gather(promises);
    const verdicts = evaluate(promises, facts);
    if (session.flags['output'] === 'json') print(session.logger, JSON.stringify(documentOf(verdicts, incidents)));
    else for (const line of linesOf(verdicts, incidents, history.why)) print(session.logger, withoutControls(line));
    return verdicts.every(({ state }) => state !== 'broken');
  } finally {
    await parsed.adapter.close();
  }
}

/** With a selection, only SLAs of the selected nodes. */
function promisesOf(parsed: ParsedProject, jobs: readonly Job[]): Promised[] {
  const nodes = promisesOfNodes(parsed);
  const { flags } = parsed.config;
  const given = [flags.select, flags.exclude, flags.selector].some((option) => (option?.length ?? 0) > 0);
  if (!given) return [...nodes, ...jobPromises(jobs)];
  const promising = new Set(nodes.map(({ subject }) => subject.id));
  const { selected } = select(parsed, { accepts: (id) => promising.has(id) });
  return nodes.filter(({ subject }) => selected.has(subject.id));
}

/** The last due time of a job before a time; null if unknown. */
export function dueBefore(jobs: readonly Job[], name: string, moment: Moment): Moment | null {
  const job = jobs.find((each) => each.name === name);
  if (job === undefined) return null;
  return dueBetween(job.timing, moment - LONGEST_PERIOD_MS, moment, 1)[0] ?? null;
}

interface Past {
  readonly read: PromiseHistory;
  readonly incidents: readonly Incident[];
  /** Why there is no history; null: there is one. */
  readonly why: string | null;
}

/** The history of serve; empty if it never ran. Creates no tables. */
async function pastOf({ adapter }: ParsedProject): Promise<Past> {
  try {
    const store: Store = createStore(adapter);
    return { incidents: await store.openIncidents(), read: store, why: null };
  } catch (error) {
    if (!(error instanceof TsdbtError) || !['database', 'runtime'].includes(error.kind)) throw error;
    const nothing: PromiseHistory = {
      now: () => Promise.resolve(now()),
      runs: () => Promise.resolve([]),
      nodeHistory: () => Promise.resolve([]),
      lastDue: () => Promise.resolve(new Map()),
      leftOut: () => Promise.resolve([]),
      paused: () => Promise.resolve(new Set()),
    };
    return { read: nothing, incidents: [], why: error.message.split('\n')[0] ?? '' };
  }
}

function linesOf(verdicts: readonly Verdict[], incidents: readonly Incident[], why: string | null): string[] {
  if (verdicts.length === 0) return ['No SLAs: the project has neither meta.tsdbt.sla nor jobs in jobs.yml.'];
  const rows = verdicts.map(({ state, promised, limit, reason }) => {
    const { subject, terms, key } = promised;
    const since = incidents.find((incident) => incident.key === key)?.openedAt;
    const bound = limit === null ? '' : terms.kind === 'success' ? `>= ${percent(limit)}` : `<= ${durationText(limit)}`;
    const incident = since === undefined ? '' : ` (incident since ${isoTime(since)})`;
    return [state, subject.shown, PROMISES[terms.kind], bound, `${reason}${incident}`];
  });
  const count = (state: Verdict['state']): number => verdicts.filter((each) => each.state === state).length;
  return [
    ...inColumns(rows),
    `${count('broken')} broken, ${count('kept')} kept, ${count('unknown')} unknown`,
    ...(why === null ? [] : [`No run is known: serve keeps no history here (${why})`]),
  ];
}

/** The keys are documented in docs/sla.md and must not change. */
function documentOf(verdicts: readonly Verdict[], incidents: readonly Incident[]): object {
  return {
    generated_at: isoTime(now()),
    ok: verdicts.every(({ state }) => state !== 'broken'),
    promises: verdicts.map(({ promised: { key, subject, terms }, state, reason, value, limit }) => {
      const incident = incidents.find((each) => each.key === key);
      const inSeconds = (found: number | null): number | null =>
        found === null || terms.kind === 'success' || terms.kind === 'failed' ? found : found / 1000;
      return {
        key,
        kind: terms.kind,
        subject: { kind: subject.kind, id: subject.id, name: subject.shown, owner: subject.owner, path: subject.path },
        state,
        reason,
        unit: terms.kind === 'success' ? 'share' : terms.kind === 'failed' ? 'runs' : 'seconds',
        value: inSeconds(value),
        limit: inSeconds(limit),
        incident: incident === undefined ? null : { id: incident.id, opened_at: isoTime(incident.openedAt) },
      };
    }),
  };
}
