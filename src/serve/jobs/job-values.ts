// Values of jobs.yml that no other section has: cron patterns, time zones, selections.
import { Cron } from 'croner';
import type { Json } from '../../contracts/node.ts';
import { text } from '../../settings/kinds.ts';
import { type Setting, shown } from '../../settings/setting.ts';
import { closestName } from '../../values/close-matches.ts';

/** Options for all patterns: five fields, or six with leading seconds; clock changes are handled as in cron. */
const CRON_OPTIONS = { paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' } as const;
const CRON_FIELDS =
  'A pattern has five fields: minute 0-59, hour 0-23, day of the month 1-31, month 1-12, day of the week 0-7.';

/** A time zone of the IANA database. */
export const timeZone: Setting<string> = {
  expects: 'a time zone such as Europe/Berlin',
  type: 'text',
  schema: text.schema,
  read: (value, place) => {
    if (typeof value !== 'string' || value.trim() === '' || /^[+-]/.test(value))
      return place.wrong(timeZone.expects, value);
    try {
      new Intl.DateTimeFormat('en', { timeZone: value });
      return value;
    } catch {
      const near = nearZone(value);
      const names = 'Names are those of the IANA database, such as UTC or Europe/Berlin.';
      return place.wrong(timeZone.expects, value, near === undefined ? names : `did you mean '${near}'?`);
    }
  },
};

function nearZone(value: string): string | undefined {
  const zones = Intl.supportedValuesOf('timeZone');
  const city = value.split('/').at(-1) ?? value;
  return (
    closestName(value, zones) ??
    zones.find((zone) => closestName(city, [zone.split('/').at(-1) ?? zone]) !== undefined) ??
    zones.find((zone) => zone.toLowerCase().endsWith(`/${city.toLowerCase().replaceAll(' ', '_')}`))
  );
}

/** Parses a pattern. @throws croner's error for an invalid one */
export function cronOf(pattern: string, zone: string): Cron {
  return new Cron(pattern, { ...CRON_OPTIONS, timezone: zone });
}

/** A cron pattern that is due at some time. */
export const cronPattern: Setting<string> = {
  expects: 'a cron pattern such as "0 2 * * *"',
  type: 'cron pattern',
  schema: () => ({ type: 'string', pattern: String.raw`^\s*(@\w+|\S+(\s+\S+){4,5})\s*$` }),
  read: (value, place) => {
    const pattern = typeof value === 'string' ? value.trim() : '';
    // croner also accepts a date, which would be due only once.
    if (!/^(?:@\w+|\S+(?:\s+\S+){4,5})$/.test(pattern)) return place.wrong(cronPattern.expects, value, CRON_FIELDS);
    let due: Date | null;
    try {
      due = cronOf(pattern, 'UTC').nextRun(new Date(0));
    } catch (error) {
      const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      const said = why
        .replace(/^CronPattern: /, '')
        .replace(/(day|month): -1$/, '$1: 0')
        .replace(/\.$/, '');
      return place.must(`cannot be read: ${said}, found ${shown(value)}`, CRON_FIELDS);
    }
    return due === null
      ? place.must(`is never due: no month that it names has such a day, found ${shown(value)}`)
      : pattern;
  },
};

/** A selection in the form of `--select`: criteria separated by blanks, or a list of them; null: everything. */
export const selection: Setting<readonly string[] | null> = {
  expects: 'a selection, as --select takes it, or a list of such',
  type: 'selection',
  nullable: true,
  schema: () => ({ type: ['string', 'array', 'null'], items: { type: 'string' } }),
  read: (value, place) => {
    if (value === null) return null;
    const everything = value === true ? 'Everything is written without a value: `build:`.' : undefined;
    const words = (Array.isArray(value) ? value : [value]).flatMap((part: Json) =>
      typeof part === 'string'
        ? part.split(/\s+/).filter((word) => word !== '')
        : place.wrong(selection.expects, value, everything),
    );
    const option = words.find((word) => word.startsWith('-'));
    if (option !== undefined)
      place.must(
        `has the option ${shown(option)} in its selection`,
        'Options are keys of the job: exclude, selector, vars, full_refresh, if_changed, reuse.',
      );
    return words.length === 0 ? place.must(`must name something, found ${shown(value)}`) : words;
  },
};

/** Sources by name: `source:raw.events`. */
export const sources: Setting<readonly string[]> = {
  expects: 'sources, such as source:raw.events',
  type: 'list of sources',
  schema: () => ({ type: ['string', 'array'], items: { type: 'string', pattern: '^source:' } }),
  nullable: true,
  read: (value, place) => {
    const found = selection.read(value, place);
    const wrong = found?.find((source) => !/^source:[^\s,+@]+$/.test(source));
    if (found !== null && wrong === undefined) return found;
    const close = wrong !== undefined && /^[\w.]+$/.test(wrong) ? `did you mean 'source:${wrong}'?` : undefined;
    return place.wrong(sources.expects, value, close);
  },
};
