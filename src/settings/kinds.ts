// Simple settings: texts, numbers, choices, durations, sizes, lists, secrets, files. record.ts has those with keys.
import { TsdbtError } from '../errors.ts';
import { didYouMean } from '../values/close-matches.ts';
import { DURATION_UNITS, durationMs, writtenDuration } from '../values/duration.ts';
import { PyFloat } from '../values/float.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import type { Json } from '../contracts/node.ts';
import { type Dictionary, type JsonSchema, type Setting, shown } from './setting.ts';

/** A text that is not empty. */
export const text: Setting<string> = {
  expects: 'a text',
  type: 'text',
  schema: () => ({ type: 'string', minLength: 1 }),
  read: (value, place) =>
    typeof value === 'string' && value.trim() !== '' ? value : place.wrong('a text that is not empty', value),
};

export const flag: Setting<boolean> = {
  expects: 'true or false',
  type: '`true`, `false`',
  schema: () => ({ type: 'boolean' }),
  read: (value, place) => (typeof value === 'boolean' ? value : place.wrong('true or false', value)),
};

/** Any value. */
export const anything: Setting<Json> = { expects: 'a value', type: 'any', schema: () => ({}), read: (value) => value };

/** A text of a form. @param pattern of the whole text */
export function matching(pattern: RegExp, expects: string, type = 'text', hint?: string): Setting<string> {
  return {
    expects,
    type,
    schema: () => ({ type: 'string', pattern: pattern.source }),
    read: (value, place) =>
      typeof value === 'string' && pattern.test(value) ? value : place.wrong(expects, value, hint),
  };
}

export function choice<const T extends string>(...choices: readonly T[]): Setting<T> {
  const expects = `one of ${choices.join(', ')}`;
  return {
    expects,
    type: choices.map((each) => `\`${each}\``).join(', '),
    schema: () => ({ enum: choices }),
    read: (value, place) =>
      choices.find((each) => each === value) ??
      place.wrong(expects, value, typeof value === 'string' ? didYouMean(value, choices) : undefined),
  };
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Setting<number> {
  const expects =
    most === Number.MAX_SAFE_INTEGER ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`;
  return {
    expects,
    type: 'number',
    schema: () => ({ type: 'integer', minimum: least, ...(most < Number.MAX_SAFE_INTEGER && { maximum: most }) }),
    read: (value, place) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? value
        : place.wrong(expects, value),
  };
}

interface DurationLimits {
  readonly least?: number;
  readonly most?: number;
  /** Advice for one that is too long. */
  readonly longer?: string;
  /** Milliseconds of a number without a unit; by default it is refused. */
  readonly unit?: number;
}

const DURATION = String.raw`^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w|days?|weeks?)\s*)+$`;

/** `30s`, `1h30m`, `90 days`, in milliseconds. */
export function duration({ least = 1, most = Number.MAX_SAFE_INTEGER, longer, unit }: DurationLimits = {}) {
  const setting: Setting<number> = {
    expects: 'a duration such as 30s, 5m or 1h30m',
    type: 'duration',
    schema: () =>
      unit === undefined
        ? { type: 'string', pattern: DURATION }
        : {
            anyOf: [
              { type: 'number', minimum: 0 },
              { type: 'string', pattern: DURATION.replace('weeks?)', 'weeks?)?') },
            ],
          },
    read: (value, place) => {
      const bare = unit === undefined ? null : /^\s*\d+(?:\.\d+)?\s*$/.exec(String(value));
      const ms = bare !== null ? Number(value) * (unit ?? 1) : typeof value === 'string' ? durationMs(value) : null;
      if (ms === null) return place.wrong(setting.expects, value, durationHint(value));
      const rounded = Math.round(ms);
      if (rounded < least) return place.wrong(`at least ${writtenDuration(least)}`, value);
      return rounded > most ? place.wrong(`at most ${writtenDuration(most)}`, value, longer) : rounded;
    },
  };
  return setting;
}

function durationHint(value: Json): string | undefined {
  const number = value instanceof PyFloat ? value.value : value;
  if (typeof number === 'number')
    return number > 0 ? `A number needs its unit: ${number}s, ${number}m or ${number}h.` : undefined;
  if (typeof value !== 'string') return undefined;
  if (/^\s*[-+]/.test(value)) return 'A duration has no sign.';
  const unit = /^[\d.]+\s*([a-z]+)$/i.exec(value.trim())?.[1];
  return `Units: ${DURATION_UNITS.join(', ')}${unit === undefined ? '' : `; found '${unit}'`}.`;
}

const BYTES: Dictionary = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** `16MiB`, `8MB`, or a number of bytes. */
export function size(most = Number.MAX_SAFE_INTEGER, why?: string): Setting<number> {
  const expects = 'a size such as 16MiB';
  return {
    expects,
    type: 'size',
    schema: () => ({
      anyOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*([kKmMgG]i?)?[bB]?$' },
      ],
    }),
    read: (value, place) => {
      const [, number = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(value)) ?? [];
      const bytes = Math.round(Number(number) * Number(BYTES[unit.toLowerCase() || 'b'] ?? 0));
      if (!(bytes > 0)) return place.wrong(expects, value);
      return bytes > most ? place.wrong(`at most ${most / 1024 ** 3}GiB`, value, why) : bytes;
    },
  };
}

/** A share: `99%`, or 0.99. */
export const share: Setting<number> = {
  expects: 'a share such as 99% or 0.99',
  type: 'share',
  schema: () => ({
    anyOf: [
      { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      { type: 'string', pattern: String.raw`^\s*\d+(\.\d+)?\s*%\s*$` },
    ],
  }),
  read: (value, place) => {
    const percent = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(typeof value === 'string' ? value : '')?.[1];
    const found = percent === undefined ? value : Number(percent) / 100;
    return typeof found === 'number' && found > 0 && found <= 1 ? found : place.wrong(share.expects, value);
  },
};

interface ListOptions {
  /** What the items are, for messages and documentation: `columns`. */
  readonly of: string;
  /** Whether it may have no items. */
  readonly empty?: boolean;
  /** Whether an item may be repeated. */
  readonly repeated?: boolean;
}

/** A list, or one item alone. */
export function list<T>(item: Setting<T>, { of, empty = false, repeated = false }: ListOptions): Setting<T[]> {
  const expects = `a list of ${of}`;
  return {
    expects,
    type: expects,
    schema: () => ({ anyOf: [{ type: 'array', minItems: empty ? 0 : 1, items: item.schema() }, item.schema()] }),
    read: (value, place) => {
      const items = Array.isArray(value) ? value : [value];
      if ((items.length === 0 && !empty) || items.some((each) => each === null)) return place.wrong(expects, value);
      const twice = repeated ? undefined : items.find((each, i) => typeof each === 'string' && items.indexOf(each) < i);
      if (twice !== undefined) place.must(`names ${shown(twice)} twice`);
      return items.map((each, i) => item.read(each, Array.isArray(value) ? place.at(i) : place));
    },
  };
}

/** A dictionary whose names are free. */
export function dictionary<T>(
  item: Setting<T>,
  { expects = 'a dictionary', name = /^/s, names = 'a name', subject = '' } = {},
): Setting<Readonly<Record<string, T>>> {
  return {
    expects,
    type: 'dictionary',
    schema: () => ({
      type: 'object',
      additionalProperties: item.schema(),
      ...(name.source === '^' ? {} : { propertyNames: { pattern: name.source } }),
    }),
    written: (value, keys) =>
      isDictionary(value)
        ? Object.entries(value).flatMap(([key, each]) => item.written?.(each, [...keys, key]) ?? [])
        : [],
    read: (value, place) => {
      if (!isDictionary(value)) return place.wrong(expects, value);
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => {
          const below = subject === '' ? place.at(key) : place.at(key).named(`${subject} '${key}'`);
          if (!name.test(key))
            place.context.refuse({
              keys: below.keys,
              message: `${place.label} has ${shown(key)}, which is not ${names}`,
            });
          return [key, item.read(each, below)];
        }),
      );
    },
  };
}

/** A text, a number or a truth value, as text. */
export const scalar: Setting<string> = {
  expects: 'a text or a number',
  type: 'text',
  schema: () => ({ type: ['string', 'number', 'boolean'] }),
  read: (value, place) =>
    value === null || typeof value === 'object' ? place.wrong(scalar.expects, value) : String(value),
};

/** One of several settings, by a test of the value. */
export function either<T, U>(test: (value: Json) => boolean, one: Setting<T>, other: Setting<U>): Setting<T | U> {
  return {
    expects: `${one.expects}, or ${other.expects}`,
    type: `${one.type}, or ${other.type}`,
    schema: () => ({ anyOf: [one.schema(), other.schema()] }),
    read: (value, place) => (test(value) ? one.read(value, place) : other.read(value, place)),
    written: (value, keys) => (test(value) ? one : other).written?.(value, keys) ?? [],
    ...((one.fields ?? other.fields) && { fields: { ...one.fields, ...other.fields } }),
  };
}

/** A value that stands for something: `false` for none. */
export function literal<const V extends Json, T>(value: V, becomes: T): Setting<T> {
  return {
    expects: String(value),
    type: `\`${String(value)}\``,
    schema: () => ({ const: value }),
    read: (found, place) => (found === value ? becomes : place.wrong(String(value), found)),
  };
}

/** `false` switches it off. */
export function unlessFalse<T>(setting: Setting<T>): Setting<T | null> {
  return either((value) => value === false, literal(false, null), setting);
}

/** `true` means every default, `false` none. */
export function switched<T>(setting: Setting<T>): Setting<T | null> {
  const on: Setting<T> = { ...literal(true, null), read: (_, place) => setting.read({}, place) };
  return unlessFalse(either((value) => value === true, on, setting));
}

/** The secret as of now. @throws {TsdbtError} `connection` while its file cannot be read */
export type Secret = () => string;

const SECRET_HINT = `Secrets come from the environment: "{{ env_var('DBT_ENV_SECRET_…') }}".`;
const FROM_ENVIRONMENT: JsonSchema = {
  type: 'string',
  pattern: String.raw`env_var\(`,
  patternErrorMessage: SECRET_HINT,
};

/** A secret that is given in the file, by way of the environment. */
export const secret: Setting<Secret> = {
  expects: 'a text that is not empty',
  type: 'text',
  schema: () => FROM_ENVIRONMENT,
  read: (value, place) => {
    if (value === null || typeof value === 'object' || String(value) === '')
      return place.must(`must be ${secret.expects}`, 'Is its environment variable set?');
    place.secret(String(value));
    return () => String(value);
  },
  written: (value, keys) =>
    value === null || value === '' || (typeof value !== 'object' && String(value).includes('env_var(')) ? [] : [keys],
};

/** A file, whose content is read again whenever it is needed: certificates and secrets rotate. */
function fileOf(isSecret: boolean, lines: boolean): Setting<Secret> {
  const path: Setting<Secret> = {
    expects: 'the path of a file',
    type: 'path',
    schema: () => text.schema(),
    read: (value, place) => {
      if (typeof value !== 'string' || value === '') return place.wrong(path.expects, value);
      const contents = place.context.file?.(place.label, value) ?? place.must('cannot name a file');
      const read = (): string => {
        const content = lines ? contents() : contents().replace(/\r?\n$/, '');
        if (content === '') throw new TsdbtError('connection', `${place.label} is empty: ${value}`);
        if (isSecret) place.secret(content);
        return content;
      };
      try {
        read();
      } catch (error) {
        if (error instanceof TsdbtError) place.refuse(error.message);
        throw error;
      }
      return read;
    },
  };
  return path;
}

export const certificateFile = fileOf(false, true);
export const keyFile = fileOf(true, true);
export const secretFile = fileOf(true, false);

interface UrlOptions {
  /** Whether it may have a path. */
  readonly path?: boolean;
  /** The settings that hold what must not be in the URL. */
  readonly instead?: string;
  /** A value that is no URL is not shown: it may be a secret. */
  readonly hidden?: boolean;
}

/** A URL with http or https, without credentials, query and slash at its end. */
export function httpUrl({ path = true, instead, hidden = false }: UrlOptions = {}): Setting<string> {
  const expects = path ? 'a URL with http or https' : 'http(s)://host:port';
  return {
    expects,
    type: 'URL',
    schema: () => ({ type: 'string', pattern: `^https?://${path ? '' : '[^/?#]+/?$'}` }),
    read: (value, place) => {
      const found = typeof value === 'string' ? value.trim().replace(/(?<!\/)\/+$/, '') : '';
      if (!URL.canParse(found) || !(path ? /^https?:\/\// : /^https?:\/\/[^/?#]+$/).test(found)) {
        const why = found === '' ? 'It is empty: is the environment variable set?' : undefined;
        return hidden ? place.must(`must be ${expects}`, why) : place.wrong(expects, value, why);
      }
      const { username, password } = new URL(found);
      place.secret(password);
      if (username !== '' || password !== '')
        place.must('must not hold credentials', instead === undefined ? undefined : `Use ${instead}.`);
      return found;
    },
  };
}
