// Python's date, time and datetime as template values: fields, arithmetic, comparison, text and the methods of an
// instance. Leaves the classes themselves (now, strptime …) to context/modules/datetime.ts, zones with rules to
// context/modules/pytz.ts.
import {
  dayOfYear,
  EPOCH_ORDINAL,
  floorDiv,
  fromOrdinal,
  DAY_NAMES,
  isoCalendarOf,
  MAX_ORDINAL,
  MICROS_PER_DAY,
  MICROS_PER_SECOND,
  MONTH_NAMES,
  pad,
  toOrdinal,
  weekdayOf,
} from './calendar.ts';
import { callable } from './callable.ts';
import {
  checkDate,
  checkTime,
  type DateFields,
  type FormatZone,
  type ParsedDateTime,
  parseIsoDateTime,
  strftime,
} from './datetime-format.ts';
import { makeFloat } from './float.ts';
import { JinjaError, typeError, valueError } from './python-error.ts';
import { PyTimedelta } from './timedelta.ts';
import { FixedZone, formatOffset, isTimeZone, type TimeZone, utcZone, type WallClock } from './timezone.ts';
import { PyTuple } from './tuple.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

export { PyTimedelta } from './timedelta.ts';
export { FixedZone, isTimeZone, pytzUtc, type TimeZone, utcZone } from './timezone.ts';

const NO_ZONE: FormatZone = { offsetText: '', name: '' };
const EPOCH_MICROS = BigInt(EPOCH_ORDINAL) * MICROS_PER_DAY;

/** `datetime.date`. */
export class PyDate implements HostObject {
  get jinjaType(): string {
    return 'datetime.date';
  }
  readonly year: number;
  readonly month: number;
  readonly day: number;

  /** @throws JinjaError in Python's words when there is no such day */
  constructor(year: number, month: number, day: number) {
    checkDate(year, month, day);
    this.year = year;
    this.month = month;
    this.day = day;
  }

  static fromOrdinal(ordinal: number): PyDate {
    if (ordinal < 1 || ordinal > MAX_ORDINAL) throw new JinjaError('OverflowError', 'date value out of range');
    const { year, month, day } = fromOrdinal(ordinal);
    return new PyDate(year, month, day);
  }

  get ordinal(): number {
    return toOrdinal(this.year, this.month, this.day);
  }

  isoDate(): string {
    return `${pad(this.year, 4)}-${pad(this.month, 2)}-${pad(this.day, 2)}`;
  }

  fields(): DateFields {
    return { year: this.year, month: this.month, day: this.day, hour: 0, minute: 0, second: 0, microsecond: 0 };
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'year':
        return this.year;
      case 'month':
        return this.month;
      case 'day':
        return this.day;
      case 'isoformat':
        return callable(name, '', () => this.jinjaText());
      case 'strftime':
        return callable(name, 'format', (format) =>
          strftime(text(format, 'strftime'), this.fields(), this.formatZone()),
        );
      case '__format__':
        return callable(name, 'format', (format) =>
          format === '' ? this.jinjaText() : strftime(text(format, '__format__'), this.fields(), this.formatZone()),
        );
      case 'weekday':
        return callable(name, '', () => weekdayOf(this.ordinal));
      case 'isoweekday':
        return callable(name, '', () => weekdayOf(this.ordinal) + 1);
      case 'toordinal':
        return callable(name, '', () => this.ordinal);
      case 'isocalendar':
        return callable(name, '', () => isoCalendar(this));
      case 'ctime':
        return callable(name, '', () => ctime(this.fields()));
      case 'timetuple':
        return callable(name, '', () => timeTuple(this.fields(), -1));
      case 'replace':
        return callable(
          name,
          'year=None, month=None, day=None',
          (year, month, day) => new PyDate(int(year, this.year), int(month, this.month), int(day, this.day)),
        );
      case 'min':
        return new PyDate(1, 1, 1);
      case 'max':
        return new PyDate(9999, 12, 31);
      case 'resolution':
        return new PyTimedelta(MICROS_PER_DAY);
      default:
        return undefined;
    }
  }

  protected formatZone(): FormatZone {
    return NO_ZONE;
  }

  jinjaText(): string {
    return this.isoDate();
  }

  jinjaRepr(): string {
    return `datetime.date(${this.year}, ${this.month}, ${this.day})`;
  }

  jinjaEquals(other: Value): boolean {
    return isPlainDate(other) && other.ordinal === this.ordinal;
  }

  jinjaHash(): string {
    return `date:${this.isoDate()}`;
  }

  jinjaCompare(other: Value): number | undefined {
    if (other instanceof PyDateTime) throw typeError("can't compare datetime.datetime to datetime.date");
    return other instanceof PyDate ? this.ordinal - other.ordinal : undefined;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (other instanceof PyTimedelta && (op === '+' || (op === '-' && !reflected)))
      return PyDate.fromOrdinal(this.ordinal + (op === '+' ? other.days : -other.days));
    if (op === '-' && isPlainDate(other))
      return new PyTimedelta(BigInt((this.ordinal - other.ordinal) * (reflected ? -1 : 1)) * MICROS_PER_DAY);
    return undefined;
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}

/** The parts of a `time`, also of a `datetime`'s. */
export interface ClockFields {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

/** `datetime.time`. */
export class PyTime implements HostObject {
  readonly jinjaType = 'datetime.time';
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  readonly tzinfo: TimeZone | null;
  readonly fold: number;

  /** @throws JinjaError in Python's words when there is no such time */
  constructor(clock: ClockFields, tzinfo: TimeZone | null = null, fold = 0) {
    checkTime(clock.hour, clock.minute, clock.second, clock.microsecond);
    this.hour = clock.hour;
    this.minute = clock.minute;
    this.second = clock.second;
    this.microsecond = clock.microsecond;
    this.tzinfo = tzinfo;
    this.fold = fold;
  }

  /** Microseconds since midnight. */
  get micros(): number {
    return ((this.hour * 60 + this.minute) * 60 + this.second) * 1e6 + this.microsecond;
  }

  private offset(): PyTimedelta | null {
    return this.tzinfo?.utcOffset(null) ?? null;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'hour':
        return this.hour;
      case 'minute':
        return this.minute;
      case 'second':
        return this.second;
      case 'microsecond':
        return this.microsecond;
      case 'tzinfo':
        return this.tzinfo;
      case 'fold':
        return this.fold;
      case 'isoformat':
        return callable(
          name,
          "timespec='auto'",
          (timespec) => isoClock(this, text(timespec, 'isoformat')) + offsetText(this.offset()),
        );
      case 'strftime':
      case '__format__':
        return callable(name, 'format', (format) =>
          name === '__format__' && format === ''
            ? this.jinjaText()
            : strftime(
                text(format, name),
                { year: 1900, month: 1, day: 1, ...clockOf(this) },
                { offsetText: offsetText(this.offset(), ''), name: this.tzinfo?.zoneName(null) ?? '' },
              ),
        );
      case 'utcoffset':
        return callable(name, '', () => this.offset());
      case 'dst':
        return callable(name, '', () => this.tzinfo?.dst(null) ?? null);
      case 'tzname':
        return callable(name, '', () => this.tzinfo?.zoneName(null) ?? null);
      case 'replace':
        return callable(
          name,
          'hour=None, minute=None, second=None, microsecond=None, tzinfo=True, *, fold=None',
          (hour, minute, second, microsecond, tzinfo, fold) =>
            new PyTime(
              {
                hour: int(hour, this.hour),
                minute: int(minute, this.minute),
                second: int(second, this.second),
                microsecond: int(microsecond, this.microsecond),
              },
              zone(tzinfo, this.tzinfo),
              int(fold, this.fold),
            ),
        );
      case 'min':
        return new PyTime({ hour: 0, minute: 0, second: 0, microsecond: 0 });
      case 'max':
        return new PyTime({ hour: 23, minute: 59, second: 59, microsecond: 999_999 });
      case 'resolution':
        return new PyTimedelta(1n);
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return isoClock(this, 'auto') + offsetText(this.offset());
  }

  jinjaRepr(): string {
    const { hour, minute, second, microsecond } = this;
    const seconds = microsecond !== 0 ? `, ${second}, ${microsecond}` : second !== 0 ? `, ${second}` : '';
    return `datetime.time(${hour}, ${minute}${seconds}${zoneRepr(this.tzinfo, this.fold)})`;
  }

  private utcMicros(): number {
    return this.micros - Number(this.offset()?.micros ?? 0n);
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof PyTime &&
      (this.offset() === null) === (other.offset() === null) &&
      other.utcMicros() === this.utcMicros()
    );
  }

  jinjaHash(): string {
    return `time:${this.utcMicros()}:${this.offset() === null}`;
  }

  jinjaCompare(other: Value): number | undefined {
    if (!(other instanceof PyTime)) return undefined;
    if ((this.offset() === null) !== (other.offset() === null))
      throw typeError("can't compare offset-naive and offset-aware times");
    return this.utcMicros() - other.utcMicros();
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}

/** `datetime.datetime`; a `PyDate` too, as in Python. */
export class PyDateTime extends PyDate {
  override get jinjaType(): string {
    return 'datetime.datetime';
  }
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  readonly tzinfo: TimeZone | null;
  readonly fold: number;

  /** @throws JinjaError in Python's words when there is no such moment */
  constructor(fields: DateFields, tzinfo: TimeZone | null = null, fold = 0) {
    super(fields.year, fields.month, fields.day);
    checkTime(fields.hour, fields.minute, fields.second, fields.microsecond);
    this.hour = fields.hour;
    this.minute = fields.minute;
    this.second = fields.second;
    this.microsecond = fields.microsecond;
    this.tzinfo = tzinfo;
    this.fold = fold;
  }

  /** From a wall clock: microseconds since 0001-01-01. */
  static fromWall(micros: bigint, tzinfo: TimeZone | null = null, fold = 0): PyDateTime {
    const ordinal = Number(floorDiv(micros, MICROS_PER_DAY));
    if (ordinal < 1 || ordinal > MAX_ORDINAL) throw new JinjaError('OverflowError', 'date value out of range');
    const rest = Number(micros - BigInt(ordinal) * MICROS_PER_DAY);
    const seconds = Math.floor(rest / 1e6);
    return new PyDateTime(
      {
        ...fromOrdinal(ordinal),
        hour: Math.floor(seconds / 3600),
        minute: Math.floor(seconds / 60) % 60,
        second: seconds % 60,
        microsecond: rest % 1_000_000,
      },
      tzinfo,
      fold,
    );
  }

  /** The moment in a zone. @param utcMicros microseconds since 0001-01-01 00:00 UTC (ordinal 1 is day 1) */
  static fromUtc(utcMicros: bigint, tzinfo: TimeZone): PyDateTime {
    const { offset, fold, zone: own } = tzinfo.fromUtc(utcMicros);
    return PyDateTime.fromWall(utcMicros + offset.micros, own, fold);
  }

  /** @param micros since 1970-01-01 00:00 UTC; without a zone the wall clock is UTC's and the result naive */
  static fromEpoch(micros: bigint, tzinfo: TimeZone | null): PyDateTime {
    return tzinfo === null
      ? PyDateTime.fromWall(micros + EPOCH_MICROS)
      : PyDateTime.fromUtc(micros + EPOCH_MICROS, tzinfo);
  }

  static fromJsDate(date: Date, tzinfo: TimeZone | null = utcZone()): PyDateTime {
    return PyDateTime.fromEpoch(BigInt(date.getTime()) * 1000n, tzinfo);
  }

  static fromParsed(parsed: ParsedDateTime): PyDateTime {
    const { offsetMicros } = parsed;
    const zoneOf = (): TimeZone | null =>
      offsetMicros === null ? null : offsetMicros === 0n ? utcZone() : new FixedZone(new PyTimedelta(offsetMicros));
    return new PyDateTime(parsed, zoneOf());
  }

  static fromIso(iso: string): PyDateTime {
    return PyDateTime.fromParsed(parseIsoDateTime(iso));
  }

  get wall(): WallClock {
    return { micros: this.wallMicros, fold: this.fold };
  }

  get wallMicros(): bigint {
    return (
      BigInt(this.ordinal) * MICROS_PER_DAY +
      BigInt((this.hour * 60 + this.minute) * 60 + this.second) * MICROS_PER_SECOND +
      BigInt(this.microsecond)
    );
  }

  get offset(): PyTimedelta | null {
    return this.tzinfo?.utcOffset(this.wall) ?? null;
  }

  /** Microseconds since 0001-01-01 UTC; a naive value counts as local time of this process, as in Python. */
  get utcMicros(): bigint {
    const { offset } = this;
    if (offset !== null) return this.wallMicros - offset.micros;
    const local = new Date(2000, 0, 1);
    local.setFullYear(this.year, this.month - 1, this.day);
    local.setHours(this.hour, this.minute, this.second, 0);
    return EPOCH_MICROS + BigInt(local.getTime()) * 1000n + BigInt(this.microsecond);
  }

  /** Microseconds since 1970. */
  get epochMicros(): bigint {
    return this.utcMicros - EPOCH_MICROS;
  }

  withZone(tzinfo: TimeZone | null): PyDateTime {
    return new PyDateTime(this, tzinfo, this.fold);
  }

  astimezone(tzinfo: TimeZone): PyDateTime {
    return PyDateTime.fromUtc(this.utcMicros, tzinfo);
  }

  override fields(): DateFields {
    return this;
  }

  protected override formatZone(): FormatZone {
    return { offsetText: offsetText(this.offset, ''), name: this.tzinfo?.zoneName(this.wall) ?? '' };
  }

  isoformat(separator = 'T', timespec = 'auto'): string {
    return `${this.isoDate()}${separator}${isoClock(this, timespec)}${offsetText(this.offset)}`;
  }

  override jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'hour':
        return this.hour;
      case 'minute':
        return this.minute;
      case 'second':
        return this.second;
      case 'microsecond':
        return this.microsecond;
      case 'tzinfo':
        return this.tzinfo;
      case 'fold':
        return this.fold;
      case 'date':
        return callable(name, '', () => new PyDate(this.year, this.month, this.day));
      case 'time':
        return callable(name, '', () => new PyTime(this, null, this.fold));
      case 'timetz':
        return callable(name, '', () => new PyTime(this, this.tzinfo, this.fold));
      case 'timestamp':
        return callable(name, '', () => makeFloat(Number(this.epochMicros) / 1e6));
      case 'isoformat':
        return callable(name, "sep='T', timespec='auto'", (sep, timespec) =>
          this.isoformat(text(sep, name), text(timespec, name)),
        );
      case 'utcoffset':
        return callable(name, '', () => this.offset);
      case 'dst':
        return callable(name, '', () => this.tzinfo?.dst(this.wall) ?? null);
      case 'tzname':
        return callable(name, '', () => this.tzinfo?.zoneName(this.wall) ?? null);
      case 'astimezone':
        return callable(name, 'tz=None', (tz) =>
          this.astimezone(tz === null || tz === undefined ? localZone(this.epochMicros) : requireZone(tz)),
        );
      case 'timetuple':
        return callable(name, '', () => timeTuple(this, this.isDst()));
      case 'utctimetuple':
        return callable(name, '', () =>
          timeTuple(this.offset === null ? this : PyDateTime.fromWall(this.utcMicros), 0),
        );
      case 'replace':
        return callable(
          name,
          'year=None, month=None, day=None, hour=None, minute=None, second=None, microsecond=None, tzinfo=True,' +
            ' *, fold=None',
          (year, month, day, hour, minute, second, microsecond, tzinfo, fold) =>
            new PyDateTime(
              {
                year: int(year, this.year),
                month: int(month, this.month),
                day: int(day, this.day),
                hour: int(hour, this.hour),
                minute: int(minute, this.minute),
                second: int(second, this.second),
                microsecond: int(microsecond, this.microsecond),
              },
              zone(tzinfo, this.tzinfo),
              int(fold, this.fold),
            ),
        );
      case 'min':
        return PyDateTime.fromWall(MICROS_PER_DAY);
      case 'max':
        return PyDateTime.fromWall(BigInt(MAX_ORDINAL + 1) * MICROS_PER_DAY - 1n);
      case 'resolution':
        return new PyTimedelta(1n);
      default:
        return super.jinjaGet(name);
    }
  }

  private isDst(): number {
    const dst = this.tzinfo?.dst(this.wall) ?? null;
    return dst === null ? -1 : dst.micros === 0n ? 0 : 1;
  }

  override jinjaText(): string {
    return this.isoformat(' ');
  }

  override jinjaRepr(): string {
    const { hour, minute, second, microsecond } = this;
    const seconds = microsecond !== 0 ? `, ${second}, ${microsecond}` : second !== 0 ? `, ${second}` : '';
    return (
      `datetime.datetime(${this.year}, ${this.month}, ${this.day}, ${hour}, ` +
      `${minute}${seconds}${zoneRepr(this.tzinfo, this.fold)})`
    );
  }

  override jinjaEquals(other: Value): boolean {
    if (!(other instanceof PyDateTime)) return false;
    const [a, b] = [this.offset, other.offset];
    return (
      (a === null) === (b === null) && this.wallMicros - (a?.micros ?? 0n) === other.wallMicros - (b?.micros ?? 0n)
    );
  }

  override jinjaHash(): string {
    const { offset } = this;
    return `datetime:${this.wallMicros - (offset?.micros ?? 0n)}:${offset === null}`;
  }

  override jinjaCompare(other: Value): number | undefined {
    if (!(other instanceof PyDate)) return undefined;
    if (!(other instanceof PyDateTime)) throw typeError("can't compare datetime.datetime to datetime.date");
    const difference = this.minus(other, 'compare');
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  private minus(other: PyDateTime, doing: 'compare' | 'subtract'): bigint {
    const [a, b] = [this.offset, other.offset];
    if ((a === null) !== (b === null)) throw typeError(`can't ${doing} offset-naive and offset-aware datetimes`);
    if (this.tzinfo === other.tzinfo) return this.wallMicros - other.wallMicros;
    return this.wallMicros - (a?.micros ?? 0n) - (other.wallMicros - (b?.micros ?? 0n));
  }

  override jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (other instanceof PyTimedelta && (op === '+' || (op === '-' && !reflected))) {
      return PyDateTime.fromWall(this.wallMicros + (op === '+' ? other.micros : -other.micros), this.tzinfo);
    }
    if (op === '-' && other instanceof PyDateTime)
      return new PyTimedelta(reflected ? other.minus(this, 'subtract') : this.minus(other, 'subtract'));
    return undefined;
  }
}

function isPlainDate(value: Value): value is PyDate {
  return value instanceof PyDate && !(value instanceof PyDateTime);
}

function clockOf(clock: ClockFields): ClockFields {
  return { hour: clock.hour, minute: clock.minute, second: clock.second, microsecond: clock.microsecond };
}

function isoClock(clock: ClockFields, timespec: string): string {
  const { hour, minute, second, microsecond } = clock;
  const spec = timespec === 'auto' ? (microsecond === 0 ? 'seconds' : 'microseconds') : timespec;
  const parts = [pad(hour, 2), pad(minute, 2), pad(second, 2)];
  switch (spec) {
    case 'hours':
      return parts[0]!;
    case 'minutes':
      return parts.slice(0, 2).join(':');
    case 'seconds':
      return parts.join(':');
    case 'milliseconds':
      return `${parts.join(':')}.${pad(Math.floor(microsecond / 1000), 3)}`;
    case 'microseconds':
      return `${parts.join(':')}.${pad(microsecond, 6)}`;
    default:
      throw valueError('Unknown timespec value');
  }
}

function offsetText(offset: PyTimedelta | null, separator = ':'): string {
  return offset === null ? '' : formatOffset(offset, separator);
}

function zoneRepr(tzinfo: TimeZone | null, fold: number): string {
  const folded = fold === 0 ? '' : `, fold=${fold}`;
  return `${folded}${tzinfo === null ? '' : `, tzinfo=${tzinfo.jinjaRepr?.() ?? tzinfo.jinjaType}`}`;
}

function ctime(f: DateFields): string {
  const weekday = DAY_NAMES[weekdayOf(toOrdinal(f.year, f.month, f.day))]!.slice(0, 3);
  return (
    `${weekday} ${MONTH_NAMES[f.month - 1]!.slice(0, 3)} ${String(f.day).padStart(2)} ` +
    `${isoClock({ ...clockOf(f), microsecond: 0 }, 'seconds')} ${pad(f.year, 4)}`
  );
}

function isoCalendar(date: PyDate): PyTuple {
  const { year, week, weekday } = isoCalendarOf(date.year, date.month, date.day);
  return new NamedTuple('datetime.IsoCalendarDate', [
    ['year', year],
    ['week', week],
    ['weekday', weekday],
  ]);
}

function timeTuple(f: DateFields, isDst: number): PyTuple {
  return new NamedTuple('time.struct_time', [
    ['tm_year', f.year],
    ['tm_mon', f.month],
    ['tm_mday', f.day],
    ['tm_hour', f.hour],
    ['tm_min', f.minute],
    ['tm_sec', f.second],
    ['tm_wday', weekdayOf(toOrdinal(f.year, f.month, f.day))],
    ['tm_yday', dayOfYear(f.year, f.month, f.day)],
    ['tm_isdst', isDst],
  ]);
}

/** A tuple whose members have names too. */
class NamedTuple extends PyTuple {
  override readonly jinjaType: string;
  private readonly members: readonly (readonly [string, Value])[];

  constructor(type: string, members: readonly (readonly [string, Value])[]) {
    super(members.map(([, value]) => value));
    this.jinjaType = type;
    this.members = members;
  }

  override jinjaGet(name: string): Value | undefined {
    const member = this.members.find(([key]) => key === name);
    return member === undefined ? super.jinjaGet(name) : member[1];
  }

  override jinjaRepr(): string {
    return `${this.jinjaType}(${this.members.map(([key, value]) => `${key}=${String(value)}`).join(', ')})`;
  }
}

function text(value: Value | undefined, method: string): string {
  if (typeof value !== 'string') throw typeError(`${method}() argument 1 must be str, not ${typeName(value ?? null)}`);
  return value;
}

function int(value: Value | undefined, fallback: number): number {
  if (value === null || value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

function zone(value: Value | undefined, fallback: TimeZone | null): TimeZone | null {
  if (value === true || value === undefined) return fallback;
  return value === null ? null : requireZone(value);
}

/** @throws JinjaError when the value is no tzinfo */
export function requireZone(value: Value): TimeZone {
  if (isTimeZone(value)) return value;
  throw typeError(`tzinfo argument must be None or of a tzinfo subclass, not type '${typeName(value)}'`);
}

/** The zone of this process at a moment, as a fixed offset. @param named without its name it costs a tenth */
export function localZone(epochMicros: bigint, named = true): FixedZone {
  const date = new Date(Number(epochMicros / 1000n));
  const name = !named
    ? null
    : (new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
        .formatToParts(date)
        .find((p) => p.type === 'timeZoneName')?.value ?? null);
  return new FixedZone(PyTimedelta.ofSeconds(-date.getTimezoneOffset() * 60), name);
}
