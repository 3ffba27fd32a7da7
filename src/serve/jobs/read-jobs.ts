// Creates jobs and channels from the text of jobs.yml. job-settings.ts defines the settings. check-jobs.ts checks
// selections against the project.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { asDictionary, loadYaml, locator, withoutSecrets } from '../../project/yaml.ts';
import {
  type Dictionary,
  type Problem,
  readSetting,
  type SectionContext,
  shown,
  type ValueOf,
} from '../../settings/setting.ts';
import { withOn } from '../yaml-value.ts';
import { channelList } from '../alerts/channel.ts';
import { JOB_COMMANDS, type Job, type JobFile, type JobTiming, type JobWork } from './job.ts';
import { type JOB, JOBS_YML } from './job-settings.ts';

export const JOBS_FILE = 'jobs.yml';

/** The input of the reader. */
export interface JobsText {
  /** For errors. */
  readonly path: string;
  readonly text: string;
  /** Renders the texts of a value. @param secrets whether they may read DBT_ENV_SECRET_ variables */
  readonly render: (value: Json, secrets: boolean) => Json;
  /** Called with each text that must be masked. */
  readonly onSecret: (text: string) => void;
  /** Reads the files that settings name. */
  readonly file?: SectionContext['file'];
  /** False: `alerts`, which needs secrets of the environment, is ignored. */
  readonly alerts?: boolean;
}

const EXAMPLE = 'jobs:\n  fresh: { every: 5m, build: "tag:fresh" }';

/**
 * Reads and checks jobs.yml.
 * @throws `project` error with the position of the first invalid key: expected, found, and what to write instead
 */
export function readJobs({ path, text, render, onSecret, file: reader, alerts = true }: JobsText): JobFile {
  const written = loadYaml(text, path, {
    onDuplicateKey: (_description, { key, line, column }) => {
      throw errorOf('badJobs', { why: `'${key}' is written twice` }, { path, line, column });
    },
  });
  const placeOf = locator(text);
  const lines = text.split(/\r?\n/);
  const refuse = ({ keys, message, hint }: Problem): never => {
    const at = placeOf(keys);
    // A line of `alerts`, even under a mistyped key, can contain a secret.
    const isOpen = ['defaults', 'jobs', 'history'].includes(String(keys[0]));
    const lineText = at === undefined || !isOpen ? undefined : withoutSecrets(lines[at.line - 1] ?? '');
    throw errorOf('badJobs', { why: message }, { path, ...at, lineText, ...(hint === undefined ? {} : { hint }) });
  };
  if (written === null) return refuse({ keys: [], message: 'the file is empty', hint: EXAMPLE });
  const sections = asDictionary(written);
  if (sections === undefined)
    return refuse({ keys: [], message: `expected 'jobs:', found ${shown(written)}`, hint: EXAMPLE });
  const [secret] = JOBS_YML.written?.(written, []) ?? [];
  if (secret !== undefined)
    throw errorOf('writtenSecret', { secret: secret.join('.') }, { path, line: placeOf(secret)?.line });
  const rendered = Object.entries(sections).flatMap(([name, value]): [string, Json][] => {
    if (name === 'alerts') return alerts ? [[name, withOn(render(value, true))]] : [];
    return [[name, name in JOBS_YML.fields ? render(value, false) : value]];
  });
  const options = Object.fromEntries(rendered);
  const context = { refuse, seen: onSecret, ...(reader && { file: reader }) };
  const { defaults, jobs, alerts: channels, history } = readSetting(JOBS_YML, options, context);
  const below = (name: string): Dictionary => asDictionary(options[name] ?? null) ?? {};
  const made = Object.entries(jobs ?? {}).map(([name, own]): Job => {
    const given = asDictionary(below('jobs')[name] ?? null) ?? {};
    const line = placeOf(['jobs', name])?.line ?? 1;
    const inherited = Object.entries(defaults ?? {}).filter(([key]) => given[key] === undefined);
    return { path, line, ...jobOf(name, { ...own, ...Object.fromEntries(inherited) }, given, refuse) };
  });
  if (made.length === 0) return refuse({ keys: ['jobs'], message: 'there is no job', hint: EXAMPLE });
  return {
    path,
    jobs: made,
    channels: channelList(channels),
    historyMs: history,
  };
}

type JobSettings = ValueOf<typeof JOB>;

/** @param given the keys of the job as written */
function jobOf(
  name: string,
  job: JobSettings,
  given: Dictionary,
  refuse: SectionContext['refuse'],
): Omit<Job, 'path' | 'line'> {
  const timing = timingOf(job, given);
  const scheduled = timing.kind === 'every' || timing.kind === 'cron';
  const all = scheduled && job.catch_up === 'all';
  const overlap = job.overlap ?? (all ? 'wait' : 'skip');
  // A due time skipped while the previous one runs would never be caught up.
  if (all && overlap === 'skip')
    refuse({
      keys: ['jobs', name, given['overlap'] === undefined ? 'catch_up' : 'overlap'],
      message: `job '${name}' has 'catch_up: all' and 'overlap: skip'`,
      hint: "Where each due time counts, it waits: write 'overlap: wait', or nothing, which is the same there.",
    });
  return {
    name,
    work: workOf(job, given),
    timing,
    windowMs: scheduled ? job.window : null,
    timeoutMs: timing.kind === 'resident' ? null : job.timeout,
    retries: { times: job.retries.times, backoffMs: job.retries.backoff },
    overlap,
    catchUp: job.catch_up,
    owner: job.owner,
    description: job.description,
    sla: job.sla,
  };
}

function timingOf(job: JobSettings, given: Dictionary): JobTiming {
  if (given['load'] !== undefined) return { kind: 'resident' };
  if (job.every !== null) return { kind: 'every', ms: job.every };
  if (job.cron !== null) return { kind: 'cron', pattern: job.cron, timeZone: job.tz };
  if (job.after !== null) return { kind: 'after', sources: job.after, debounceMs: job.debounce };
  return { kind: 'manual' };
}

function workOf(job: JobSettings, given: Dictionary): JobWork {
  const exclude = job.exclude ?? [];
  const command = JOB_COMMANDS.find((each) => given[each] !== undefined);
  if (command === undefined) return { kind: 'load', select: job.load ?? ['source:*'], exclude };
  return {
    kind: 'command',
    command,
    select: job[command],
    exclude,
    selector: job.selector,
    vars: job.vars ?? {},
    fullRefresh: job.full_refresh,
    ifChanged: job.if_changed,
    reuse: job.reuse,
  };
}
