// Parses `--sample` ("3 days" or "{start: …, end: …}") to a window of event time. Pure; the current time is passed in.
import type { TimeWindow } from '../context/runtime-references.ts';
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';
import { PyDateTime } from '../values/datetime.ts';
import { fromJson, toRepr, toText, type Value } from '../values/index.ts';
import { pytzUtc } from '../values/timezone.ts';
import { loadYaml } from './yaml.ts';

/** The last year that dates support. */
const LAST_YEAR = 9999;
const GRAINS = ['hour', 'day', 'month', 'year'] as const;

/**
 * @param load reads the YAML form
 * @param now milliseconds since 1970
 * @throws {TsdbtError} usage, in dbt's words
 */
export function sampleWindow(text: string, load: (yaml: string) => Json, now: number): TimeWindow {
  if (text.trimStart().startsWith('{')) {
    const data = load(text);
    if (typeof data !== 'object' || data === null || Array.isArray(data))
      throw refuse(`'${text}' has no start and end`);
    return { start: moment('start', data['start']), end: moment('end', data['end']) };
  }
  const words = text.split(' ');
  if (words.length !== 2)
    throw refuse(`Cannot load SAMPLE_WINDOW from '${text}'. Must be of form 'DAYS_INT GRAIN_SIZE'.`);
  const [count, word] = words as [string, string];
  if (!/^[+-]?\d+$/.test(count)) throw refuse(`Unable to convert '${count}' to an integer.`);
  const grain = GRAINS.find((g) => g === word.toLowerCase().replace(/s+$/, ''));
  if (grain === undefined)
    throw refuse(
      `Invalid grain size '${word}'. Must be one of ` +
        `[${[...GRAINS, ...GRAINS.map((g) => `${g}s`)].map((g) => `'${g}'`).join(', ')}].`,
    );
  const start = offset(new Date(now), grain, -Number(count));
  const year = start.getUTCFullYear();
  if (!(year >= 1 && year <= LAST_YEAR))
    throw refuse(`'${text}' begins outside of the years 1 to ${LAST_YEAR}. Give a smaller number.`);
  return {
    start: PyDateTime.fromJsDate(start, pytzUtc()),
    end: PyDateTime.fromJsDate(new Date(now), pytzUtc()),
  };
}

/**
 * Replaces `--sample` in the flags by its window. As in dbt this happens when the command line is read, so that
 * templates, the run and its artifacts use the same times.
 * @param now milliseconds since 1970
 * @throws {TsdbtError} usage, with dbt's message
 */
export function withSampleWindow<F extends { readonly [name: string]: unknown }>(flags: F, now: number): F {
  const { sample } = flags;
  if (typeof sample !== 'string') return flags;
  const { start, end } = sampleWindow(sample, (text) => loadYaml(text, null), now);
  return { ...flags, sample: { start: isoText(start), end: isoText(end) } };
}

function isoText(moment: Value): string {
  return toText(moment).replace(' ', 'T');
}

function refuse(why: string): TsdbtError {
  return errorOf('badOptionValue', { option: '--sample', why });
}

/** A quoted date or time, taken as UTC. */
function moment(field: string, value: Json | undefined): PyDateTime {
  if (value === undefined) throw refuse(`Field "${field}" of type datetime is missing in SampleWindow instance`);
  const text = typeof value === 'string' ? value.trim().replace(' ', 'T') : '';
  try {
    return PyDateTime.fromIso(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text).withZone(pytzUtc());
  } catch {
    throw refuse(`Field "${field}" of type datetime in SampleWindow has invalid value ${toRepr(fromJson(value))}`);
  }
}

/** Adding months or years keeps the day if the month has it. */
function offset(from: Date, grain: (typeof GRAINS)[number], count: number): Date {
  if (grain === 'hour' || grain === 'day')
    return new Date(from.getTime() + count * (grain === 'hour' ? 3_600_000 : 86_400_000));
  const months = grain === 'month' ? count : count * 12;
  const to = new Date(from);
  to.setUTCDate(1);
  to.setUTCMonth(to.getUTCMonth() + months);
  const last = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate();
  to.setUTCDate(Math.min(from.getUTCDate(), last));
  return to;
}
