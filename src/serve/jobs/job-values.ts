// Values of jobs.yml, one kind a function: durations, cron patterns, time zones, selections, switches. Each refuses in
// words what it cannot take. read-jobs.ts knows the keys and their places.
import { DURATION_UNITS, durationMs } from '../../values/duration.ts';
import { Cron } from 'croner';
import type { Json } from '../../contracts/node.ts';
import { asDictionary } from '../../project/yaml.ts';
import { closestName } from '../../values/close-matches.ts';
import { PyFloat } from '../../values/float.ts';
import { LONGEST_TIMER } from '../../within.ts';

/** Throws the error of a value. */
export type Refuse = (message: string, hint?: string) => never;

/** How every pattern is read: five fields, or six with seconds in front; in the hours of a clock change as in cron. */
const CRON_OPTIONS = { paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' } as const;
const CRON_FIELDS =
  'A pattern has five fields: minute 0-59, hour 0-23, day of the month 1-31, month 1-12, day of the week 0-7.';
const SECOND = 1000;
const DAY = 86_400_000;
const LONGEST_HISTORY = 3660 * DAY;
const SHOWN = 80;

/** A value in an error, cut where it is long. */
export function shown(value: Json): string {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
  const plain = value instanceof PyFloat ? String(value.value) : text;
  return plain.length > SHOWN ? `${plain.slice(0, SHOWN)}…` : plain;
}

interface DurationLimits {
  readonly least?: number;
  readonly most?: number;
}

/** `30s`, `5m`, `1h30m`, `90d` as milliseconds. By default from a second to what a timer can wait: 24 days. */
export function durationOf(
  name: string,
  value: Json,
  refuse: Refuse,
  { least = SECOND, most = LONGEST_TIMER }: DurationLimits = {},
): number {
  const asked = `'${name}' must be a duration such as 30s, 5m or 1h30m, found ${shown(value)}`;
  if (typeof value === 'number' || value instanceof PyFloat) {
    const number = typeof value === 'number' ? value : value.value;
    return refuse(asked, number > 0 ? `A number needs its unit: ${number}s, ${number}m or ${number}h.` : undefined);
  }
  if (typeof value !== 'string') return refuse(asked);
  const text = value.trim();
  if (/^[-+]/.test(text)) return refuse(asked, 'A duration has no sign.');
  const written = durationMs(text);
  if (written === null) {
    const unit = /^[\d.]+\s*([a-z]+)$/i.exec(text)?.[1];
    return refuse(asked, unit === undefined ? undefined : `Units: ${DURATION_UNITS.join(', ')}; found '${unit}'.`);
  }
  const total = Math.round(written);
  if (total < least) return refuse(`'${name}' must be at least ${inWords(least)}, found ${shown(value)}`);
  if (total > most)
    return refuse(
      `'${name}' must be at most ${inWords(most)}, found ${shown(value)}`,
      name === 'every' ? 'Longer periods are a cron pattern: cron: "0 4 1 * *" is the first of each month.' : undefined,
    );
  return total;
}

/** How long history is kept: a day to ten years. */
export function historyOf(value: Json, refuse: Refuse): number {
  return durationOf('history', value, refuse, { least: DAY, most: LONGEST_HISTORY });
}

function inWords(ms: number): string {
  const days = Math.floor(ms / DAY);
  return days > 0 ? `${days}d` : ms % SECOND === 0 ? `${ms / SECOND}s` : `${ms}ms`;
}

/** A time zone of the IANA database, by the name that it was written with. */
export function timeZoneOf(value: Json, refuse: Refuse): string {
  const asked = `'tz' must be a time zone such as Europe/Berlin, found ${shown(value)}`;
  if (typeof value !== 'string' || value.trim() === '' || /^[+-]/.test(value)) return refuse(asked);
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return value;
  } catch {
    const zones = Intl.supportedValuesOf('timeZone');
    const city = value.split('/').at(-1) ?? value;
    const near =
      closestName(value, zones) ??
      zones.find((zone) => closestName(city, [zone.split('/').at(-1) ?? zone]) !== undefined) ??
      zones.find((zone) => zone.toLowerCase().endsWith(`/${city.toLowerCase().replaceAll(' ', '_')}`));
    return refuse(
      `there is no time zone ${shown(value)}`,
      near === undefined
        ? 'Names are those of the IANA database, such as UTC or Europe/Berlin.'
        : `did you mean '${near}'?`,
    );
  }
}

/** The reader of a pattern. @throws what croner says of a bad one */
export function cronOf(pattern: string, timeZone: string): Cron {
  return new Cron(pattern, { ...CRON_OPTIONS, timezone: timeZone });
}

/** A cron pattern that is due at some time. */
export function cronPattern(value: Json, refuse: Refuse): string {
  if (typeof value !== 'string') return refuse(`'cron' must be a text such as "0 2 * * *", found ${shown(value)}`);
  const pattern = value.trim();
  const fields = pattern.split(/\s+/).length;
  // croner also takes a date, which would be due once.
  if (!pattern.startsWith('@') && fields !== 5 && fields !== 6)
    return refuse(`'cron' must have five fields, or six with seconds in front, found ${shown(value)}`, CRON_FIELDS);
  let due: Date | null;
  try {
    due = cronOf(pattern, 'UTC').nextRun(new Date(0));
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    const said = why.replace(/^CronPattern: /, '').replace(/(day|month): -1$/, '$1: 0');
    return refuse(`'cron' ${shown(value)} cannot be read: ${said}`, CRON_FIELDS);
  }
  return due === null ? refuse(`'cron' ${shown(value)} is never due: no month that it names has such a day`) : pattern;
}

/** A selection as `--select` takes it: a text with criteria between blanks, or a list of them; null: everything. */
export function selectionOf(name: string, value: Json, refuse: Refuse): readonly string[] | null {
  if (value === null) return null;
  const parts = Array.isArray(value) ? value : [value];
  const words: string[] = [];
  for (const part of parts) {
    if (typeof part !== 'string')
      return refuse(
        `'${name}' must be a selection, as --select takes it, or a list of such, found ${shown(value)}`,
        value === true ? `Everything is written without a value: '${name}:'.` : undefined,
      );
    words.push(...part.split(/\s+/).filter((word) => word !== ''));
  }
  const option = words.find((word) => word.startsWith('-'));
  if (option !== undefined)
    return refuse(
      `'${name}' has the option ${shown(option)} in its selection`,
      'Options are keys of the job, beside it: exclude, selector, vars, full_refresh, if_changed.',
    );
  return words.length === 0 ? refuse(`'${name}' must name something, found ${shown(value)}`) : words;
}

export function switchOf(name: string, value: Json, refuse: Refuse): boolean {
  return typeof value === 'boolean' ? value : refuse(`'${name}' must be true or false, found ${shown(value)}`);
}

export function choiceOf<T extends string>(name: string, value: Json, choices: readonly T[], refuse: Refuse): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const near = typeof value === 'string' ? closestName(value, choices) : undefined;
  return refuse(
    `'${name}' must be one of ${choices.join(', ')}, found ${shown(value)}`,
    near === undefined ? undefined : `did you mean '${near}'?`,
  );
}

/** A text that is not empty; null stays null. */
export function textOf(name: string, value: Json, refuse: Refuse): string | null {
  if (value === null) return null;
  return typeof value === 'string' && value.trim() !== ''
    ? value
    : refuse(`'${name}' must be a text, found ${shown(value)}`);
}

/** Whole, not negative. */
export function countOf(name: string, value: Json, most: number, refuse: Refuse): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
    ? value
    : refuse(`'${name}' must be a whole number from 0 to ${most}, found ${shown(value)}`);
}

export function dictionaryOf(name: string, value: Json, refuse: Refuse): { readonly [key: string]: Json } {
  return asDictionary(value) ?? refuse(`'${name}' must be a dictionary, found ${shown(value)}`);
}
