// Reads and checks one `sla:`: what is promised of a node, a source or a job, in numbers. Where it stands in the
// project is read-promises.ts's; whether it is kept is evaluate.ts's.
import { type Dictionary, shown } from '../written-value.ts';
import { durationMs, writtenDuration } from '../../values/duration.ts';
import type { Json } from '../../contracts/node.ts';
import { knownWords } from '../../values/close-matches.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

/** Data are at most so old. */
export interface FreshnessTerms {
  readonly maxMs: number;
  /** Column or expression of the newest time; null: the node's own, or when it was last built. */
  readonly field: string | null;
  /** Condition on the rows that count. */
  readonly filter: string | null;
}

export interface SuccessTerms {
  /** Least share of runs, from 0 to 1. */
  readonly min: number;
  /** Runs that ended within these last milliseconds count. */
  readonly overMs: number;
}

export interface DurationTerms {
  readonly maxMs: number;
  /** Over which runs: null is the newest one, else this percentile of the runs of `overMs`. */
  readonly percentile: number | null;
  readonly overMs: number;
}

/** What is promised. null: nothing is. */
export interface Sla {
  readonly freshness: FreshnessTerms | null;
  /** The loader is at most so many milliseconds behind its topics. */
  readonly lag: number | null;
  readonly success: SuccessTerms | null;
  readonly duration: DurationTerms | null;
  /** A due time is at most so many milliseconds over before the job has started. */
  readonly late: number | null;
  /** How many looks in turn must find it broken, or kept again, before an incident opens or closes. */
  readonly looks: number;
}

/** What an `sla:` is about; a `loader` is a source's table that topics fill. */
export type SlaSubject = 'model' | 'source' | 'loader' | 'job';

/** Throws the error of an `sla:`. @param keys of the value within it */
export type RefuseSla = (keys: readonly string[], message: string, hint?: string) => never;

const OPTIONS: Readonly<Record<SlaSubject, readonly string[]>> = {
  model: ['freshness', 'success', 'duration', 'looks'],
  source: ['freshness', 'looks'],
  loader: ['freshness', 'lag', 'looks'],
  job: ['freshness', 'success', 'duration', 'late', 'looks'],
};
const OWNERS: Readonly<Record<string, string>> = {
  lag: 'of a source that topics fill',
  late: 'of a job in jobs.yml',
  success: 'of a model or a job',
  duration: 'of a model or a job',
};
const WORDS: Readonly<Record<SlaSubject, string>> = {
  model: 'a model',
  source: 'a source',
  loader: 'a source',
  job: 'a job',
};

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const YEAR = 366 * DAY;
/** How many looks hold a flap back, where nothing is said. */
export const LOOKS = 2;

/**
 * Reads an `sla:`: `{freshness: 15m, success: 99%, duration: {max: 4m, percentile: 95, over: 1d}, looks: 3}`.
 * @param value as it was written
 * @throws what `refuse` throws
 */
export function readSla(value: Json, subject: SlaSubject, refuse: RefuseSla): Sla {
  if (!isDictionary(value)) return refuse([], `must be a dictionary, found ${shown(value)}`, exampleOf(subject));
  const known = OPTIONS[subject];
  for (const option of Object.keys(value)) {
    if (known.includes(option)) continue;
    const owner = OWNERS[option];
    refuse(
      [option],
      owner === undefined
        ? `unknown option '${option}'`
        : `'${option}' is an objective ${owner}, not of ${WORDS[subject]}`,
      `${knownWords('Options', option, known)}.`,
    );
  }
  if (!known.some((option) => option !== 'looks' && value[option] != null))
    refuse([], 'contains no objective', exampleOf(subject));
  return {
    freshness: freshness(value['freshness'], subject, refuse),
    lag: timeOf(value['lag'], ['lag'], refuse),
    success: success(value['success'], refuse),
    duration: duration(value['duration'], refuse),
    late: timeOf(value['late'], ['late'], refuse),
    looks: looks(value['looks'], refuse),
  };
}

function freshness(value: Json | undefined, subject: SlaSubject, refuse: RefuseSla): FreshnessTerms | null {
  if (value === undefined || value === null) return null;
  if (!isDictionary(value)) return { maxMs: time(value, ['freshness'], refuse), field: null, filter: null };
  check(value, 'freshness', subject === 'job' ? ['max'] : ['max', 'field', 'filter'], refuse);
  return {
    maxMs: time(value['max'], ['freshness', 'max'], refuse),
    field: text(value, 'field', refuse),
    filter: text(value, 'filter', refuse),
  };
}

function success(value: Json | undefined, refuse: RefuseSla): SuccessTerms | null {
  if (value === undefined || value === null) return null;
  if (!isDictionary(value)) return { min: share(value, ['success'], refuse), overMs: WEEK };
  check(value, 'success', ['min', 'over'], refuse);
  return { min: share(value['min'], ['success', 'min'], refuse), overMs: over(value, 'success', refuse) };
}

function duration(value: Json | undefined, refuse: RefuseSla): DurationTerms | null {
  if (value === undefined || value === null) return null;
  if (!isDictionary(value)) return { maxMs: time(value, ['duration'], refuse), percentile: null, overMs: WEEK };
  check(value, 'duration', ['max', 'percentile', 'over'], refuse);
  const { percentile = null } = value;
  if (percentile !== null && (typeof percentile !== 'number' || percentile <= 0 || percentile > 100))
    refuse(['duration', 'percentile'], `'percentile' must be a number up to 100, found ${shown(percentile)}`);
  if (percentile === null && value['over'] !== undefined)
    refuse(['duration', 'over'], "'over' needs a percentile; without one the newest run counts", 'percentile: 95');
  return {
    maxMs: time(value['max'], ['duration', 'max'], refuse),
    percentile: percentile === null ? null : Number(percentile),
    overMs: over(value, 'duration', refuse),
  };
}

function check(value: Dictionary, option: string, known: readonly string[], refuse: RefuseSla): void {
  for (const name of Object.keys(value))
    if (!known.includes(name))
      refuse([option, name], `unknown option '${name}' in '${option}'`, `${knownWords('Options', name, known)}.`);
}

function text(value: Dictionary, name: string, refuse: RefuseSla): string | null {
  const found = value[name];
  if (found === undefined || found === null) return null;
  return typeof found === 'string' && found.trim() !== ''
    ? found
    : refuse(['freshness', name], `'${name}' must be a text, found ${shown(found)}`);
}

function over(value: Dictionary, option: string, refuse: RefuseSla): number {
  return value['over'] === undefined ? WEEK : time(value['over'], [option, 'over'], refuse);
}

function timeOf(value: Json | undefined, keys: readonly string[], refuse: RefuseSla): number | null {
  return value === undefined || value === null ? null : time(value, keys, refuse);
}

/** `15m`, `1h30m`; a number would not say of what. */
function time(value: Json | undefined, keys: readonly string[], refuse: RefuseSla): number {
  const total = typeof value === 'string' ? durationMs(value) : null;
  if (total !== null && total > 0 && total <= YEAR) return total;
  return refuse(
    keys,
    `'${keys.at(-1)}' must be a duration like 30s, 15m or 1h30m, up to a year, found ${shown(value)}`,
    typeof value === 'number' ? `${value}m is minutes, ${value}s seconds.` : undefined,
  );
}

function share(value: Json | undefined, keys: readonly string[], refuse: RefuseSla): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(typeof value === 'string' ? value.trim() : '');
  const found = match === null ? value : Number(match[1]) / 100;
  if (typeof found === 'number' && found > 0 && found <= 1) return found;
  return refuse(keys, `'${keys.at(-1)}' must be a share such as 99% or 0.99, found ${shown(value)}`);
}

function looks(value: Json | undefined, refuse: RefuseSla): number {
  if (value === undefined || value === null) return LOOKS;
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 100
    ? value
    : refuse(['looks'], `'looks' must be a whole number from 1 to 100, found ${shown(value)}`);
}

/** A duration as it is written: `15m`, `1h30m`, `2m 5s` is `2m5s`; seconds at least. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  return writtenDuration(Math.round(ms / 1000) * 1000);
}

function exampleOf(subject: SlaSubject): string {
  if (subject === 'job') return 'for example: sla: {success: 99%, duration: 4m, late: 1m}';
  return `for example: sla: {freshness: 15m${subject === 'model' ? ', success: 99%, duration: 1m' : ''}}`;
}
