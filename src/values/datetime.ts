// Python's `datetime` as a template value: fields, arithmetic, comparison, formatting and instance methods. Class
// methods (now, strptime …) are in context/modules/datetime.ts, zones with rules in context/modules/pytz.ts.
import { EPOCH_ORDINAL, floorDiv, fromOrdinal, MAX_ORDINAL, MICROS_PER_DAY, MICROS_PER_SECOND } from './calendar.ts';
import { callable } from './callable.ts';
import { PyDate, timeTuple } from './date.ts';
import { int, requireZone, text, zone } from './datetime-arguments.ts';
import {
  checkTime,
  type DateFields,
  type FormatZone,
  isoClock,
  type ParsedDateTime,
  parseIsoDateTime,
} from './datetime-format.ts';
import { makeFloat } from './float.ts';
import { JinjaError, typeError } from './python-error.ts';
import { PyTime } from './time.ts';
import { PyTimedelta } from './timedelta.ts';
import { FixedZone, offsetText, type TimeZone, utcZone, type WallClock, zoneRepr } from './timezone.ts';
import type { Value } from './value.ts';

const EPOCH_MICROS = BigInt(EPOCH_ORDINAL) * MICROS_PER_DAY;

/** `datetime.datetime`; a subclass of `PyDate`, as in Python. */
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

  /** @throws JinjaError with Python's message if the moment does not exist */
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

  /** Creates a datetime from wall-clock time: microseconds since 0001-01-01. */
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

  /** Creates a datetime in a zone. @param utcMicros microseconds since 0001-01-01 00:00 UTC (ordinal 1 is day 1) */
  static fromUtc(utcMicros: bigint, tzinfo: TimeZone): PyDateTime {
    const { offset, fold, zone: own } = tzinfo.fromUtc(utcMicros);
    return PyDateTime.fromWall(utcMicros + offset.micros, own, fold);
  }

  /** @param micros since 1970-01-01 00:00 UTC; without a zone the result is naive and in UTC */
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

  /** Microseconds since 0001-01-01 UTC. A naive value is local time of this process, as in Python. */
  get utcMicros(): bigint {
    const { offset } = this;
    if (offset !== null) return this.wallMicros - offset.micros;
    const local = new Date(2000, 0, 1);
    local.setFullYear(this.year, this.month - 1, this.day);
    local.setHours(this.hour, this.minute, this.second, 0);
    return EPOCH_MICROS + BigInt(local.getTime()) * 1000n + BigInt(this.microsecond);
  }

  /** Microseconds since 1970-01-01 UTC. */
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
        return callable(name, '', () => timeTuple(this, this.#isDst()));
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

  #isDst(): number {
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
    const difference = this.#minus(other, 'compare');
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  #minus(other: PyDateTime, doing: 'compare' | 'subtract'): bigint {
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
      return new PyTimedelta(reflected ? other.#minus(this, 'subtract') : this.#minus(other, 'subtract'));
    return undefined;
  }
}

/**
 * The zone of this process at a moment, as a fixed offset. @param named without its name it takes a tenth of the time
 */
export function localZone(epochMicros: bigint, named = true): FixedZone {
  const date = new Date(Number(epochMicros / 1000n));
  const name = !named
    ? null
    : (new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
        .formatToParts(date)
        .find((p) => p.type === 'timeZoneName')?.value ?? null);
  return new FixedZone(PyTimedelta.ofSeconds(-date.getTimezoneOffset() * 60), name);
}
