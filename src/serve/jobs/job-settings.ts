// The settings of jobs.yml as data. read-jobs.ts creates jobs from them.
import { anything, choice, dictionary, duration, flag, text, whole } from '../../settings/kinds.ts';
import {
  exclusive,
  fieldEach,
  notWith,
  oneOf,
  onlyWith,
  optional,
  record,
  withDefault,
} from '../../settings/record-settings.ts';
import { CHANNELS } from '../alerts/alert-settings.ts';
import { SLA } from '../../settings/sla-settings.ts';
import { JOB_COMMANDS, type JobCommand } from './job.ts';
import { cronPattern, selection, sources, timeZone } from './job-values.ts';

const SECOND = 1000;
const DAY = 86_400_000;
/** The limit of a timer in Node. */
const LONGEST = 24 * DAY;
const LONGEST_NAME = 100;

/** Commands that have the option with that name. */
const IF_CHANGED: readonly JobCommand[] = ['build', 'run', 'test'];
const FULL_REFRESH: readonly JobCommand[] = ['build', 'run', 'seed', 'publish'];
export const WORK = [...JOB_COMMANDS, 'load'] as const;

const time = duration({ least: SECOND, most: LONGEST });
const RETRIES = record(
  {
    times: withDefault(whole(0, 100), 2, 'number of retries'),
    backoff: withDefault(duration({ most: LONGEST }), 5000, 'the first pause, which doubles each time', '`5s`'),
  },
  { short: 'times' },
);

/** Keys of a job and of `defaults`. The job's value wins; null in a job removes a default limit. */
export const DEFAULTS = record({
  timeout: optional(
    time,
    'cancels the run on the server and retries it; the run ends when the server has stopped all of its statements, ' +
      'within two minutes',
  ),
  retries: withDefault(
    RETRIES,
    { times: 2, backoff: 5000 },
    'number of retries, or `times` and the first pause `backoff`, which doubles each time',
    '2, `5s`',
  ),
  overlap: optional(
    choice('skip', 'wait'),
    'if a run is still in progress at the next due time: `skip` it, or `wait`; with `catch_up: all` always `wait`',
    '`skip`',
  ),
  catch_up: withDefault(
    choice('none', 'latest', 'all'),
    'latest',
    'due times that no host handled: `none`, the `latest`, or `all`, at most 1,000',
  ),
  window: optional(time, 'Of `every` and `cron`: a start later than that after the due time is left out', 'no limit'),
  tz: withDefault(timeZone, 'UTC', 'for `cron`: the time zone'),
  debounce: withDefault(time, 10_000, 'for `after`: how long to wait for more rows', '`10s`'),
  owner: optional(text, 'documentation; [alerts](alerts.md) can be filtered by owner'),
});

const LONGER = 'Longer periods are a cron pattern: cron: "0 4 1 * *" is the first of each month.';
export const JOB = record(
  {
    ...fieldEach(WORK, optional(selection, 'what the job runs, with a selection: [What a job does](#what-a-job-does)')),
    every: optional(
      { ...duration({ least: SECOND, most: LONGEST, longer: LONGER }), nullable: true },
      'at multiples of a duration, `1s` to `24d`, counted from 1970 in UTC: `5m` is due at :00, :05, …',
    ),
    cron: optional(
      { ...cronPattern, nullable: true },
      'by a pattern: five fields, six with seconds first, or `@hourly`, `@daily`, `@weekly`, `@monthly`',
    ),
    after: optional(sources, 'when rows arrive in these sources'),
    exclude: optional(selection, 'as `--exclude`'),
    selector: optional(text, 'a selector from `selectors.yml`, instead of a selection'),
    vars: optional(dictionary(anything), 'as `--vars`, a dictionary'),
    full_refresh: withDefault(flag, false, 'for `build`, `run`, `seed`, `publish`'),
    if_changed: withDefault(
      flag,
      false,
      'for `build`, `run`, `test`: skips the run if neither project nor inputs changed: ' +
        '[`--if-changed`](every-five-minutes.md#--if-changed)',
    ),
    reuse: withDefault(
      flag,
      false,
      'for `build`, `run`, `test`: runs only nodes that changed, and those that read them: [`--reuse`](reuse.md)',
    ),
    description: optional(text, 'documentation'),
    sla: optional(
      { ...anything, schema: SLA.job.schema, type: '[`sla`](sla.md)' },
      'objectives for the job: [SLAs](sla.md)',
    ),
    ...DEFAULTS.fields,
  },
  {
    example: 'every: 5m, build: "tag:fresh"',
    rules: [
      exclusive(...WORK),
      oneOf(WORK),
      exclusive('every', 'cron', 'after'),
      notWith(
        ['every', 'cron', 'after', 'timeout', 'overlap', 'catch_up', 'window', 'tz', 'debounce'],
        'load',
        'A loader runs all the time; it takes exclude, retries and owner.',
      ),
      notWith(['selector', 'vars', 'full_refresh', 'if_changed', 'reuse'], 'load'),
      onlyWith(['tz'], ['cron'], 'every counts from 1970 in UTC.'),
      onlyWith(['debounce'], ['after']),
      onlyWith(['window', 'catch_up'], ['every', 'cron']),
      onlyWith(['if_changed', 'reuse'], IF_CHANGED),
      onlyWith(['full_refresh'], FULL_REFRESH),
      notWith(['exclude'], 'selector', 'A selector has its own exclusions.'),
    ],
    check: (job, place) => {
      const work = JOB_COMMANDS.find((command) => job[command] !== null);
      if (job.selector !== null && work !== undefined)
        place.at('selector').must(`cannot be used with a selection after '${work}'`, `Write '${work}:' alone.`);
    },
  },
);

export const JOBS_YML = record({
  defaults: optional(DEFAULTS, 'options of every job that does not set them'),
  jobs: optional(
    dictionary(JOB, {
      subject: 'job',
      expects: 'names with their jobs',
      name: new RegExp(`^[\\p{L}\\p{N}_][\\p{L}\\p{N}_.-]{0,${LONGEST_NAME - 1}}$`, 'u'),
      names: `a name of letters, digits, '_', '-' and '.', at most ${LONGEST_NAME}`,
    }),
    'jobs by name',
    'required',
  ),
  alerts: optional(CHANNELS, 'who is notified of what: [Alerts](alerts.md)'),
  history: withDefault(
    duration({ least: DAY, most: 3660 * DAY }),
    90 * DAY,
    'how long runs are kept: `1d` to ten years',
    '`90d`',
  ),
});
