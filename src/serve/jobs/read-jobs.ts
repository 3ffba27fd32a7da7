// Reads the text of jobs.yml: keys, their places, what excludes what, defaults. job-values.ts reads the values. Who
// reads it finds and renders the file; check-jobs.ts finds out of the project whether a selection is empty.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { asDictionary, loadYaml, locator, withoutSecrets } from '../../project/yaml.ts';
import { knownWords } from '../../values/close-matches.ts';
import { withOn } from '../written-value.ts';
import { JOB_COMMANDS, type Job, type JobCommand, type JobFile, type JobTiming, type JobWork } from './job.ts';
import {
  choiceOf,
  countOf,
  cronPattern,
  dictionaryOf,
  durationOf,
  historyOf,
  type Refuse,
  selectionOf,
  shown,
  switchOf,
  textOf,
  timeZoneOf,
} from './job-values.ts';

export const JOBS_FILE = 'jobs.yml';

/** What is read, and what its reader needs of others. */
export interface JobsText {
  /** For errors. */
  readonly path: string;
  readonly text: string;
  /** Renders the texts of a value. @param secrets whether they may read DBT_ENV_SECRET_ variables */
  readonly render: (value: Json, secrets: boolean) => Json;
  /** Called with each text that must not be shown. */
  readonly onSecret: (text: string) => void;
  /** False: `alerts` is left out, which needs secrets of the environment. */
  readonly alerts?: boolean;
}

type Dictionary = { readonly [key: string]: Json };
type Place = readonly (string | number)[];

const SECTIONS = ['defaults', 'jobs', 'alerts', 'history'] as const;
const WORK: readonly string[] = [...JOB_COMMANDS, 'load'];
const TIMES: readonly string[] = ['every', 'cron', 'after'];
const DEFAULTS = ['timeout', 'retries', 'overlap', 'catch_up', 'window', 'tz', 'debounce', 'owner'] as const;
const OPTIONS = ['exclude', 'selector', 'vars', 'full_refresh', 'if_changed', 'description', 'sla'] as const;
const JOB_KEYS: readonly string[] = [...WORK, ...TIMES, ...DEFAULTS, ...OPTIONS];

/** Commands that have the option of that name. */
const IF_CHANGED: readonly JobCommand[] = ['build', 'run', 'test'];
const FULL_REFRESH: readonly JobCommand[] = ['build', 'run', 'seed', 'publish'];
/** Keys of a job that say nothing of a loader, which runs all the time. */
const NOT_OF_LOADERS = ['timeout', 'overlap', 'catch_up', 'window', 'tz', 'debounce', 'every', 'cron', 'after'];
const MOST_RETRIES = 100;
const LONGEST_NAME = 100;
const DAY = 86_400_000;

const DEFAULT_HISTORY = 90 * DAY;
const DEFAULT_RETRIES = { times: 2, backoffMs: 5000 };
const DEFAULT_DEBOUNCE = 10_000;

/**
 * jobs.yml, checked.
 * @throws `project` error with the place of the first key that cannot be: expected, found, and what to write instead
 */
export function readJobs({ path, text, render, onSecret, alerts = true }: JobsText): JobFile {
  const written = loadYaml(text, path, {
    onDuplicateKey: (_description, { key, line, column }) => {
      throw errorOf('badJobs', { why: `'${key}' is written twice` }, { path, line, column });
    },
  });
  const placeOf = locator(text);
  const lines = text.split(/\r?\n/);
  const refuser =
    (place: Place): Refuse =>
    (why, hint) => {
      const at = placeOf(place);
      // A line of `alerts`, also where that is mistyped, can hold a secret.
      const isOpen = ['defaults', 'jobs', 'history'].includes(String(place[0]));
      const lineText = at === undefined || !isOpen ? undefined : withoutSecrets(lines[at.line - 1] ?? '');
      throw errorOf('badJobs', { why }, { path, ...at, lineText, ...(hint === undefined ? {} : { hint }) });
    };
  const example = 'jobs:\n  fresh: { every: 5m, build: "tag:fresh" }';
  if (written === null) return refuser([])('the file is empty', example);
  const file = asDictionary(written) ?? refuser([])(`expected 'jobs:', found ${shown(written)}`, example);
  onlyKnown(file, SECTIONS, 'key', [], refuser);
  const section = (name: string): Dictionary => {
    const value = file[name] ?? null;
    const what = name === 'jobs' ? "'jobs' must be names with their jobs" : `'${name}' must be a dictionary`;
    return value === null ? {} : (asDictionary(value) ?? refuser([name])(`${what}, found ${shown(value)}`, example));
  };

  const defaults = asDictionary(render(section('defaults'), false)) ?? {};
  onlyKnown(defaults, DEFAULTS, 'default', ['defaults'], refuser);
  const fallbacks = new Values(defaults, {}, (key) => refuser(['defaults', key]));
  fallbacks.all();

  const jobs = Object.entries(section('jobs')).map(([name, value]): Job => {
    const refuse = refuser(['jobs', name]);
    if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(name) || name.length > LONGEST_NAME)
      return refuse(
        `${shown(name)} cannot be the name of a job`,
        `A name has letters, digits, '_', '-' and '.', at most ${LONGEST_NAME}.`,
      );
    const options = asDictionary(render(value, false));
    if (options === undefined)
      return refuse(`job '${name}' must be a dictionary, found ${shown(value)}`, `${name}: { every: 5m, build: }`);
    return readJob(name, options, defaults, { path, line: placeOf(['jobs', name])?.line ?? 1, refuser });
  });
  if (jobs.length === 0) return refuser(['jobs'])('there is no job', example);

  const history = file['history'] ?? null;
  return {
    path,
    jobs,
    alerts: alerts ? alertsOf(file['alerts'] ?? null, { render, onSecret, path, placeOf }) : null,
    historyMs: history === null ? DEFAULT_HISTORY : historyOf(render(history, false), refuser(['history'])),
  };
}

interface JobPlace {
  readonly path: string;
  readonly line: number;
  readonly refuser: (place: Place) => Refuse;
}

function readJob(name: string, options: Dictionary, defaults: Dictionary, { path, line, refuser }: JobPlace): Job {
  const refuse = (key: string): Refuse => refuser(['jobs', name, key]);
  onlyKnown(options, JOB_KEYS, `key of job '${name}'`, ['jobs', name], refuser);
  const given = Object.keys(options);
  const [work, otherWork] = given.filter((key) => WORK.includes(key));
  if (work === undefined)
    return refuser(['jobs', name])(`job '${name}' says nothing to do`, `One of: ${WORK.join(', ')}.`);
  if (otherWork !== undefined)
    return refuse(otherWork)(
      `job '${name}' has '${work}' and '${otherWork}'; one of them must go`,
      `'build' runs models, tests, seeds and snapshots; other work is a job of its own.`,
    );
  const [time, otherTime] = given.filter((key) => TIMES.includes(key));
  if (time !== undefined && otherTime !== undefined)
    return refuse(otherTime)(`job '${name}' has '${time}' and '${otherTime}'; one of them must go`);
  const values = new Values(options, defaults, refuse);
  const timing = work === 'load' ? ({ kind: 'resident' } as const) : timingOf(time, options, values);
  refuseUseless(name, timing.kind, given, refuse);
  const scheduled = timing.kind === 'every' || timing.kind === 'cron';
  const catchUp = values.choice('catch_up', ['none', 'latest', 'all'], 'latest');
  const all = scheduled && catchUp === 'all';
  const overlap = values.choice('overlap', ['skip', 'wait'], all ? 'wait' : 'skip');
  // A due time that is skipped while the one before runs would never be made up for.
  if (all && overlap === 'skip')
    refuse(given.includes('overlap') ? 'overlap' : 'catch_up')(
      `job '${name}' has 'catch_up: all' and 'overlap: skip'; one of them must go`,
      "Where each due time counts, it waits: 'overlap: wait', or none, which is the same there.",
    );
  return {
    name,
    path,
    line,
    work: workOf(name, work, options, refuse),
    timing,
    windowMs: scheduled ? values.duration('window') : null,
    timeoutMs: timing.kind === 'resident' ? null : values.duration('timeout'),
    retries: values.retries(),
    overlap,
    catchUp,
    owner: values.text('owner'),
    description: values.text('description'),
    sla: options['sla'] ?? null,
  };
}

/** Refuses keys that would change nothing, because the job has other times, or runs all the time. */
function refuseUseless(
  name: string,
  kind: JobTiming['kind'],
  given: readonly string[],
  refuse: (key: string) => Refuse,
): void {
  const without = (key: string, why: string, hint?: string): void => {
    if (given.includes(key)) refuse(key)(`'${key}' of job '${name}' ${why}`, hint);
  };
  if (kind === 'resident')
    for (const key of NOT_OF_LOADERS)
      without(key, 'has no meaning beside load, which runs all the time', 'A loader takes retries and owner.');
  else {
    if (kind !== 'cron') without('tz', 'has no meaning without cron', 'every counts from 1970 in UTC.');
    if (kind !== 'after') without('debounce', 'has no meaning without after');
    if (kind !== 'every' && kind !== 'cron')
      for (const key of ['window', 'catch_up']) without(key, 'has no meaning without every or cron');
  }
}

function timingOf(time: string | undefined, options: Dictionary, values: Values): JobTiming {
  const value = time === undefined ? null : (options[time] ?? null);
  switch (time) {
    case 'every':
      return { kind: 'every', ms: durationOf('every', value, values.refuse('every')) };
    case 'cron':
      return { kind: 'cron', pattern: cronPattern(value, values.refuse('cron')), timeZone: values.timeZone() };
    case 'after': {
      const sources = selectionOf('after', value, values.refuse('after'));
      const wrong = (sources ?? []).find((source) => !/^source:[^\s,+@]+$/.test(source));
      if (sources === null || wrong !== undefined)
        return values.refuse('after')(
          `'after' must name sources, such as source:raw.events, found ${shown(value)}`,
          wrong !== undefined && /^[\w.]+$/.test(wrong) ? `did you mean 'source:${wrong}'?` : undefined,
        );
      return { kind: 'after', sources, debounceMs: values.duration('debounce') ?? DEFAULT_DEBOUNCE };
    }
    default:
      return { kind: 'manual' };
  }
}

function workOf(name: string, work: string, options: Dictionary, refuse: (key: string) => Refuse): JobWork {
  const select = selectionOf(work, options[work] ?? null, refuse(work));
  const exclude = selectionOf('exclude', options['exclude'] ?? null, refuse('exclude')) ?? [];
  const command = JOB_COMMANDS.find((each) => each === work);
  const without = (key: string, why: string): void => {
    if (options[key] !== undefined) refuse(key)(`'${key}' of job '${name}' ${why}`);
  };
  if (command === undefined) {
    for (const key of ['selector', 'vars', 'full_refresh', 'if_changed']) without(key, 'has no meaning beside load');
    return { kind: 'load', select: select ?? ['source:*'], exclude };
  }
  const selector = textOf('selector', options['selector'] ?? null, refuse('selector'));
  if (selector !== null) {
    if (select !== null) without('selector', `and a selection beside '${work}' are given; one of them must go`);
    without('exclude', 'has no meaning beside a selector, which has its own exclusions');
  }
  if (!IF_CHANGED.includes(command)) without('if_changed', `goes with ${IF_CHANGED.join(', ')} only`);
  if (!FULL_REFRESH.includes(command)) without('full_refresh', `goes with ${FULL_REFRESH.join(', ')} only`);
  return {
    kind: 'command',
    command,
    select,
    exclude,
    selector,
    vars: dictionaryOf('vars', options['vars'] ?? {}, refuse('vars')),
    fullRefresh: switchOf('full_refresh', options['full_refresh'] ?? false, refuse('full_refresh')),
    ifChanged: switchOf('if_changed', options['if_changed'] ?? false, refuse('if_changed')),
  };
}

/** Keys that a job and `defaults` both may have. The job's wins; null there takes a default's limit away. */
class Values {
  readonly refuse: (key: string) => Refuse;
  readonly #options: Dictionary;

  constructor(options: Dictionary, defaults: Dictionary, refuse: (key: string) => Refuse) {
    this.#options = { ...defaults, ...options };
    this.refuse = refuse;
  }

  #value(name: string): Json {
    return this.#options[name] ?? null;
  }

  /** Null: none is given. */
  duration(name: string): number | null {
    const value = this.#value(name);
    return value === null ? null : durationOf(name, value, this.refuse(name));
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.#value(name);
    return value === null ? fallback : choiceOf(name, value, choices, this.refuse(name));
  }

  text(name: string): string | null {
    return textOf(name, this.#value(name), this.refuse(name));
  }

  timeZone(): string {
    const value = this.#value('tz');
    return value === null ? 'UTC' : timeZoneOf(value, this.refuse('tz'));
  }

  /** `retries: 3` or `retries: { times: 3, backoff: 5s }`. */
  retries(): Job['retries'] {
    const value = this.#value('retries');
    const refuse = this.refuse('retries');
    if (value === null) return DEFAULT_RETRIES;
    const options = asDictionary(value) ?? { times: value };
    for (const key of Object.keys(options))
      if (key !== 'times' && key !== 'backoff')
        refuse(`unknown key '${key}' of 'retries'`, knownWords('Keys', key, ['times', 'backoff']));
    const { times = DEFAULT_RETRIES.times, backoff } = options;
    return {
      times: countOf('retries', times, MOST_RETRIES, refuse),
      backoffMs:
        backoff === undefined ? DEFAULT_RETRIES.backoffMs : durationOf('backoff', backoff, refuse, { least: 1 }),
    };
  }

  /** Reads each, so that a bad default is refused where it stands, even if no job takes it. */
  all(): void {
    for (const name of ['timeout', 'window', 'debounce']) this.duration(name);
    this.retries();
    this.choice('overlap', ['skip', 'wait'], 'skip');
    this.choice('catch_up', ['none', 'latest', 'all'], 'latest');
    this.timeZone();
    this.text('owner');
  }
}

function onlyKnown(
  options: Dictionary,
  known: readonly string[],
  what: string,
  place: Place,
  refuser: (place: Place) => Refuse,
): void {
  for (const key of Object.keys(options))
    if (!known.includes(key)) refuser([...place, key])(`unknown ${what}: '${key}'`, knownWords('Keys', key, known));
}

/** Keys whose value is a secret, wherever below `alerts` they stand. */
const SECRET_KEYS = ['secret', 'password', 'token', 'api_key'];

interface AlertsReader extends Pick<JobsText, 'render' | 'onSecret' | 'path'> {
  readonly placeOf: (place: Place) => { readonly line: number } | undefined;
}

/** The section as it is, rendered; its secrets are told of, and refused where they stand in the file. */
function alertsOf(written: Json, { render, onSecret, path, placeOf }: AlertsReader): Json {
  const visit = (value: Json, place: Place, work: (text: string, place: Place) => void): void => {
    if (typeof value === 'string') work(value, place);
    const children = Array.isArray(value) ? value.entries() : Object.entries(asDictionary(value) ?? {});
    for (const [key, item] of children) visit(item, [...place, key], work);
  };
  visit(written, ['alerts'], (text, place) => {
    if (isSecret(place) && !text.includes('env_var('))
      throw errorOf('writtenSecret', { secret: place.slice(1).join('.') }, { path, line: placeOf(place)?.line });
  });
  const alerts = withOn(render(written, true));
  visit(alerts, ['alerts'], (text, place) => {
    // The address of a Slack channel is all that it takes to write there.
    const address = place.includes('slack') && text.includes('://');
    if (isSecret(place) || address) onSecret(text);
    else if (URL.canParse(text)) onSecret(new URL(text).password);
  });
  return alerts;
}

function isSecret(place: Place): boolean {
  return SECRET_KEYS.includes(String(place.at(-1)));
}
