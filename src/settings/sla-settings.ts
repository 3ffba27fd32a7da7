// The settings of `sla:`, for a node, a source or a job. read-slas.ts finds them in the project, evaluate-sla.ts
// evaluates them.
import type { Json } from '../contracts/node.ts';
import { duration, share, text, whole } from './kinds.ts';
import { oneOf, onlyWith, optional, record, required, withDefault } from './record-settings.ts';
import { type Keys, mapped, readSetting, type Setting, type ValueOf } from './setting.ts';

const WEEK = 7 * 86_400_000;
/** Default number of checks to suppress flapping. */
export const LOOKS = 2;

const time = duration({ most: 366 * 86_400_000 });
const max = required(time, 'the limit');
const over = withDefault(time, WEEK, 'runs that ended within this time count', '`7d`');
const limits = {
  max,
  field: optional(text, 'column or expression'),
  filter: optional(text, 'condition on the rows that count'),
};

const FRESHNESS: Setting<{ maxMs: number; field: string | null; filter: string | null }> = mapped(
  record(limits, { short: 'max' }),
  ({ max: maxMs, field, filter }) => ({ maxMs, field, filter }),
);
/** A job has no rows. */
const JOB_FRESHNESS: typeof FRESHNESS = mapped(record({ max }, { short: 'max' }), (read) => ({
  maxMs: read.max,
  field: null,
  filter: null,
}));
const SUCCESS = mapped(record({ min: required(share, 'least share of runs'), over }, { short: 'min' }), (read) => ({
  min: read.min,
  overMs: read.over,
}));
const DURATION = mapped(
  record(
    { max, percentile: optional(whole(1, 100), 'of the runs; without it the newest run counts'), over },
    { short: 'max', rules: [onlyWith(['over'], ['percentile'], 'Without one the newest run counts. percentile: 95')] },
  ),
  (read) => ({ maxMs: read.max, percentile: read.percentile, overMs: read.over }),
);

/** Maximum age of the data; a null `field` means the node's configured one, or the time of its last build. */
export type FreshnessTerms = ValueOf<typeof FRESHNESS>;
export type SuccessTerms = ValueOf<typeof SUCCESS>;
/** A null percentile means the newest run. */
export type DurationTerms = ValueOf<typeof DURATION>;

/** The subject of an `sla:`. A `loader` is a source table that topics fill. */
export type SlaSubject = 'model' | 'source' | 'loader' | 'job';
/** Limits; null: no SLA of that kind. */
export type Sla = ValueOf<typeof WHOLE_SLA>;
/** Throws the error of an `sla:`. @param keys path of the value within it */
export type RefuseSla = (keys: Keys, message: string, hint?: string) => never;

const FIELDS = {
  freshness: optional(
    FRESHNESS,
    'maximum age of the newest row: a duration, or `max` with `field` (column or expression) and `filter` (condition)',
  ),
  lag: optional(time, 'sources loaded from topics: maximum consumer lag of the loader'),
  success: optional(SUCCESS, 'models and jobs: minimum share of successful runs: a percentage, or `min` and `over`'),
  duration: optional(
    DURATION,
    'models and jobs: maximum duration of the latest run: a duration, or `max` with `percentile` and `over`',
  ),
  late: optional(time, 'jobs with `every` or `cron`: maximum delay between due time and start', '`2m`'),
  looks: withDefault(whole(1, 100), LOOKS, 'number of consecutive evaluations that open or close an incident'),
};
const { freshness, lag, success, duration: length, late, looks } = FIELDS;
/** All keys, for documentation and types. */
export const WHOLE_SLA = record(FIELDS);

const something = (...keys: string[]): ReturnType<typeof oneOf> => oneOf(keys, 'Example: sla: {freshness: 15m}.');
const unknown = 'lag is for sources that topics fill, late for jobs, success and duration for models and jobs.';
/** The settings by subject. Keys of other subjects are unknown keys there. */
export const SLA = {
  model: record(
    { freshness, success, duration: length, looks },
    { unknown, rules: [something('freshness', 'success', 'duration')] },
  ),
  source: record({ freshness, looks }, { unknown, rules: [something('freshness')] }),
  loader: record({ freshness, lag, looks }, { unknown, rules: [something('freshness', 'lag')] }),
  job: record(
    { freshness: { ...freshness, setting: JOB_FRESHNESS }, success, duration: length, late, looks },
    { unknown, rules: [something('freshness', 'success', 'duration', 'late')] },
  ),
};

/** Reads an `sla:`: `{freshness: 15m, success: 99%, duration: {max: 4m, percentile: 95, over: 1d}, looks: 3}`. */
export function readSla(value: Json, subject: SlaSubject, refuse: RefuseSla): Sla {
  const read = readSetting<Partial<Sla> & Pick<Sla, 'looks'>>(SLA[subject], value, {
    refuse: ({ keys, message, hint }) => refuse(keys, message, hint),
  });
  return { freshness: null, lag: null, success: null, duration: null, late: null, ...read };
}
