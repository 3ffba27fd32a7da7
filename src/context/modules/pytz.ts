// modules.pytz: zones with their rules, asked of Intl, under pytz's way of working (localize, normalize, one tzinfo
// object for each offset). Abbreviations are today's. Leaves zones of a fixed offset to values/timezone.ts.
import { EPOCH_ORDINAL, MICROS_PER_DAY } from '../../values/calendar.ts';
import { PyDateTime } from '../../values/datetime.ts';
import {
  callable,
  isTruthy,
  JinjaError,
  PyDict,
  PySet,
  stringRepr,
  toText,
  typeError,
  typeName,
  type Value,
  valueError,
} from '../../values/index.ts';
import { PyTimedelta } from '../../values/timedelta.ts';
import type { WallClock } from '../../values/timezone.ts';
import { FixedZone, type TimeZone } from '../../values/timezone.ts';
import { Namespace } from '../namespace.ts';
// Written by scripts/time-zones.py.
import timeZones from './time-zones.json' with { type: 'json' };

interface ZoneFacts {
  readonly name: string;
  readonly winter: string;
  readonly summer: string;
  readonly common: boolean;
  readonly fixed: boolean;
}

const EPOCH_MICROS = BigInt(EPOCH_ORDINAL) * MICROS_PER_DAY;
const MINUTE = 60_000_000n;
const SIX_HOURS = 6n * 60n * MINUTE;

/** The module. */
export function createPytzModule(): Namespace {
  const facts = new Map<string, ZoneFacts>();
  // `#` is an abbreviation made of the offset, `-` none; `~` marks a zone outside common_timezones, `=` one without
  // transitions.
  for (const { winter, summer, names } of timeZones.zones) {
    for (const member of names.split(' ')) {
      const name = member.replace(/^[~=]+/, '');
      facts.set(name.toLowerCase(), {
        name,
        winter,
        summer: summer === '-' ? winter : summer,
        common: !member.startsWith('~'),
        fixed: member.slice(0, 2).includes('='),
      });
    }
  }
  const zones = new Map<string, PytzZone>();
  const utc = new PytzFixed(0n, 'UTC');
  const timezone = (value: Value): Value => {
    if (typeof value !== 'string') throw unknownZone(toText(value));
    if (value.toUpperCase() === 'UTC') return utc;
    const found = facts.get(value.toLowerCase());
    if (found === undefined) throw unknownZone(value);
    let zone = zones.get(found.name);
    if (zone === undefined) zones.set(found.name, (zone = new PytzZone(found)));
    return found.fixed ? zone.only() : zone;
  };
  const sortedNames = (zones: readonly ZoneFacts[]): string[] => zones.map(({ name }) => name).sort();
  const names = sortedNames([...facts.values()]);
  const common = sortedNames([...facts.values()].filter((zone) => zone.common));
  const { countries } = timeZones;
  return new Namespace(
    new Map<string, Value>([
      ['timezone', callable('timezone', 'zone', (zone) => timezone(zone ?? null))],
      ['utc', utc],
      ['UTC', utc],
      ['all_timezones', [...names]],
      ['all_timezones_set', new PySet(names)],
      ['common_timezones', [...common]],
      ['common_timezones_set', new PySet(common)],
      ['country_names', new PyDict(countries.map(({ code, name }) => [code, name] as const))],
      [
        'country_timezones',
        countryTimezones(
          new PyDict(
            countries.filter(({ zones }) => zones !== '').map(({ code, zones }) => [code, zones.split(' ')] as const),
          ),
        ),
      ],
      [
        'FixedOffset',
        callable('FixedOffset', 'offset', (minutes = null) => {
          if (typeof minutes !== 'number' || !Number.isInteger(minutes))
            throw typeError(`'${typeName(minutes)}' object cannot be interpreted as an integer`);
          if (Math.abs(minutes) >= 1440) throw valueError(`absolute offset is too large`);
          return minutes === 0 ? utc : new PytzFixed(BigInt(minutes) * MINUTE, null);
        }),
      ],
      ...['AmbiguousTimeError', 'InvalidTimeError', 'NonExistentTimeError', 'UnknownTimeZoneError', 'BaseTzInfo'].map(
        (name): [string, Value] => [name, classNamed(name)],
      ),
    ]),
  );
}

/** `pytz.country_timezones('ch')` and `['ch']`. */
function countryTimezones(dict: PyDict): Value {
  const look = (code: Value): Value => {
    const found = dict.get(toText(code).toUpperCase());
    if (found === undefined) throw new JinjaError('KeyError', stringRepr(toText(code)));
    return found;
  };
  return {
    jinjaType: 'pytz._CountryTimezoneDict',
    jinjaGet: (name) => dict.jinjaGet(name),
    jinjaItem: look,
    jinjaIter: () => dict.keys(),
    jinjaLength: () => dict.size,
    jinjaContains: (code) => dict.has(toText(code).toUpperCase()),
    jinjaCall: callable('country_timezones', 'iso3166_code', (code) => look(code ?? null)),
  };
}

function classNamed(name: string): Value {
  const found = callable(name, '*args, **kwargs', () => {
    throw typeError(`${name} cannot be made in a template`);
  });
  found.face = { text: () => `<class 'pytz.exceptions.${name}'>` };
  return found;
}

function unknownZone(name: string): JinjaError {
  return new JinjaError('KeyError', stringRepr(name));
}

function naive(value: Value): PyDateTime {
  if (!(value instanceof PyDateTime)) throw typeError(`a datetime is expected, got ${typeName(value)}`);
  if (value.tzinfo !== null) throw valueError('Not naive datetime (tzinfo is already set)');
  return value;
}

function aware(value: Value): PyDateTime {
  if (!(value instanceof PyDateTime)) throw typeError(`a datetime is expected, got ${typeName(value)}`);
  if (value.tzinfo === null) throw valueError('Naive time - no tzinfo set');
  return value;
}

/** A zone of one offset, with pytz's methods. */
class PytzFixed extends FixedZone {
  constructor(micros: bigint, name: string | null) {
    super(new PyTimedelta(micros), name, 'pytz');
  }

  override jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'localize':
        return callable(name, 'dt, is_dst=False', (dt) => naive(dt ?? null).withZone(this));
      case 'normalize':
        return callable(name, 'dt, is_dst=False', (dt) => aware(dt ?? null).astimezone(this));
      default:
        return super.jinjaGet(name);
    }
  }
}

function isPart<P extends object>(parts: P, type: PropertyKey): type is keyof P {
  return Object.hasOwn(parts, type);
}

/** A zone with rules. The object itself is what `timezone(name)` gives; each offset has an object of its own. */
class PytzZone implements TimeZone {
  readonly isTimeZone = true;
  readonly jinjaType = 'pytz.tzfile.DstTzInfo';
  readonly facts: ZoneFacts;
  readonly #format: Intl.DateTimeFormat;
  readonly #variants = new Map<string, PytzVariant>();
  #first: PytzVariant | undefined;

  constructor(facts: ZoneFacts) {
    this.facts = facts;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: facts.name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    });
  }

  /** Offset at a moment. @param utcMicros since 0001-01-01 */
  offsetAt(utcMicros: bigint): bigint {
    const seconds = Math.floor(Number((utcMicros - EPOCH_MICROS) / 1000n) / 1000);
    const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of this.#format.formatToParts(seconds * 1000))
      if (isPart(parts, type)) parts[type] = Number(value);
    const { year, month, day, hour, minute, second } = parts;
    const shifted = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
    shifted.setUTCFullYear(year, month - 1, day);
    // pytz keeps offsets in whole minutes.
    return BigInt(Math.floor((shifted.getTime() / 1000 - seconds + 30) / 60)) * MINUTE;
  }

  variantAt(utcMicros: bigint): PytzVariant {
    const offset = this.offsetAt(utcMicros);
    const { winter, summer } = this.facts;
    let base = offset;
    if (summer !== winter || winter === '#') base = this.#standardOffset(utcMicros, offset);
    return this.variant(offset, offset - base);
  }

  /** The least offset of half a year before and after: without daylight saving. */
  #standardOffset(utcMicros: bigint, offset: bigint): bigint {
    if (this.facts.summer === this.facts.winter && this.facts.winter !== '#') return offset;
    let least = offset;
    for (const days of [-182n, 182n]) {
      const other = this.offsetAt(utcMicros + days * MICROS_PER_DAY);
      if (other < least && offset - other <= 2n * 60n * MINUTE) least = other;
    }
    return this.facts.winter === '#' &&
      this.facts.summer === '#' &&
      this.offsetAt(utcMicros + 365n * MICROS_PER_DAY) !== offset
      ? offset
      : least;
  }

  variant(offset: bigint, dst: bigint): PytzVariant {
    const { winter, summer } = this.facts;
    const abbreviation = dst === 0n ? winter : summer;
    const name = abbreviation === '#' ? digits(offset) : abbreviation;
    const key = `${offset}:${dst}`;
    let found = this.#variants.get(key);
    if (found === undefined) this.#variants.set(key, (found = new PytzVariant(this, offset, dst, name)));
    return found;
  }

  /** The only variant of a zone without transitions. */
  only(): PytzVariant {
    return this.variantAt(EPOCH_MICROS);
  }

  /** Local mean time: the offset of a pytz zone before localize(). */
  first(): PytzVariant {
    this.#first ??= new PytzVariant(this, this.offsetAt(EPOCH_MICROS - 200n * 365n * MICROS_PER_DAY), 0n, 'LMT');
    return this.#first;
  }

  utcOffset(wall: WallClock | null): PyTimedelta | null {
    return this.first().utcOffset(wall);
  }
  dst(wall: WallClock | null): PyTimedelta | null {
    return this.first().dst(wall);
  }
  zoneName(wall: WallClock | null): string | null {
    return this.first().zoneName(wall);
  }
  fromUtc(utcMicros: bigint): { offset: PyTimedelta; fold: number; zone: TimeZone } {
    return this.first().fromUtc(utcMicros);
  }
  jinjaGet(name: string): Value | undefined {
    return this.first().jinjaGet(name);
  }
  jinjaText(): string {
    return this.facts.name;
  }
  jinjaRepr(): string {
    return this.first().jinjaRepr();
  }
  jinjaHash(): string {
    return `pytz:${this.facts.name}`;
  }

  /** pytz's localize: the moment when clocks of the zone show this. */
  localize(dt: PyDateTime, isDst: boolean | null): PyDateTime {
    const wall = dt.wallMicros;
    const possible = new Set<PytzVariant>();
    for (const days of [-1n, 1n]) {
      const guess = this.variantAt(wall + days * MICROS_PER_DAY);
      const there = this.variantAt(wall - guess.micros);
      if (wall - guess.micros + there.micros === wall) possible.add(there);
    }
    const [only] = possible;
    if (only !== undefined && possible.size === 1) return dt.withZone(only);
    if (only === undefined) {
      if (isDst === null) throw valueError(dt.jinjaText());
      const shift = isDst ? SIX_HOURS : -SIX_HOURS;
      const moved = this.localize(PyDateTime.fromWall(wall + shift), isDst);
      return PyDateTime.fromWall(moved.wallMicros - shift, moved.tzinfo);
    }
    if (isDst === null) throw valueError(dt.jinjaText());
    const matching = [...possible].filter((variant) => variant.saves === isDst);
    const [first, ...others] = matching.length === 0 ? [...possible] : matching;
    const later = isDst
      ? (a: PytzVariant, b: PytzVariant) => b.micros > a.micros
      : (a: PytzVariant, b: PytzVariant) => b.micros <= a.micros;
    return dt.withZone(others.reduce((best, other) => (later(best, other) ? other : best), first ?? only));
  }
}

/** A zone as it is while one offset holds. */
class PytzVariant implements TimeZone {
  readonly isTimeZone = true;
  readonly jinjaType = 'pytz.tzfile.DstTzInfo';
  readonly zone: PytzZone;
  readonly micros: bigint;
  readonly saved: bigint;
  readonly abbreviation: string;

  constructor(zone: PytzZone, micros: bigint, saved: bigint, abbreviation: string) {
    this.zone = zone;
    this.micros = micros;
    this.saved = saved;
    this.abbreviation = abbreviation;
  }

  get saves(): boolean {
    return this.saved !== 0n;
  }

  utcOffset(wall: WallClock | null): PyTimedelta | null {
    return wall === null ? null : new PyTimedelta(this.micros);
  }

  dst(wall: WallClock | null): PyTimedelta | null {
    return wall === null ? null : new PyTimedelta(this.saved);
  }

  zoneName(wall: WallClock | null): string | null {
    return wall === null ? this.zone.facts.name : this.abbreviation;
  }

  fromUtc(utcMicros: bigint): { offset: PyTimedelta; fold: number; zone: TimeZone } {
    const there = this.zone.facts.fixed ? this : this.zone.variantAt(utcMicros);
    return { offset: new PyTimedelta(there.micros), fold: 0, zone: there };
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'zone':
        return this.zone.facts.name;
      case 'localize':
        return callable(name, 'dt, is_dst=False', (dt, isDst) =>
          this.zone.facts.fixed
            ? naive(dt ?? null).withZone(this)
            : this.zone.localize(naive(dt ?? null), isDst === null || isDst === undefined ? null : isTruthy(isDst)),
        );
      case 'normalize':
        return callable(name, 'dt', (dt) => aware(dt ?? null).astimezone(this));
      case 'utcoffset':
        return callable(name, 'dt, is_dst=None', (dt) => this.#asked(dt, (moment) => moment.offset));
      case 'dst':
        return callable(name, 'dt, is_dst=None', (dt) =>
          this.#asked(dt, (moment) => moment.tzinfo?.dst(moment.wall) ?? null),
        );
      case 'tzname':
        return callable(name, 'dt, is_dst=None', (dt) =>
          dt === null
            ? this.zone.facts.name
            : this.#asked(dt, (moment) => moment.tzinfo?.zoneName(moment.wall) ?? null),
        );
      case 'fromutc':
        return callable(name, 'dt', (dt) => {
          if (!(dt instanceof PyDateTime)) throw typeError('fromutc: argument must be a datetime instance');
          return PyDateTime.fromUtc(dt.wallMicros, this);
        });
      default:
        return undefined;
    }
  }

  /** Reads a fact of a moment; a datetime without a zone is a local time of this zone. */
  #asked(dt: Value | undefined, read: (moment: PyDateTime) => Value): Value {
    if (!(dt instanceof PyDateTime)) return null;
    return read(dt.tzinfo === null ? this.zone.localize(dt, false) : dt);
  }

  jinjaText(): string {
    return this.zone.facts.name;
  }

  jinjaRepr(): string {
    if (this.zone.facts.fixed) return `<StaticTzInfo '${this.zone.facts.name}'>`;
    return (
      `<DstTzInfo '${this.zone.facts.name}' ` +
      `${this.abbreviation}${this.micros < 0n ? '' : '+'}${new PyTimedelta(this.micros).jinjaText()} ` +
      `${this.saves ? 'DST' : 'STD'}>`
    );
  }

  jinjaHash(): string {
    return `pytz:${this.zone.facts.name}:${this.micros}:${this.saved}`;
  }
}

/** `+03`, `-0330`: the abbreviation of zones that have no letters. */
function digits(offset: bigint): string {
  const minutes = Number((offset < 0n ? -offset : offset) / MINUTE);
  const text = `${offset < 0n ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}`;
  return minutes % 60 === 0 ? text : `${text}${String(minutes % 60).padStart(2, '0')}`;
}
