// Python's `time` as a template value: fields, comparison, formatting and instance methods. Class methods are in
// context/modules/datetime.ts.
import { callable } from './callable.ts';
import { classMethod } from './date.ts';
import { int, text, zone } from './datetime-arguments.ts';
import { type ClockFields, checkTime, isoClock, strftime } from './datetime-format.ts';
import { typeError } from './python-error.ts';
import { PyTimedelta } from './timedelta.ts';
import { offsetText, type TimeZone, zoneRepr } from './timezone.ts';
import type { HostObject, Value } from './value.ts';

/** `datetime.time`. */
export class PyTime implements HostObject {
  readonly jinjaType = 'datetime.time';
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  readonly tzinfo: TimeZone | null;
  readonly fold: number;

  /** @throws JinjaError with Python's message if the time does not exist */
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

  #offset(): PyTimedelta | null {
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
          (timespec) => isoClock(this, text(timespec, 'isoformat')) + offsetText(this.#offset()),
        );
      case 'strftime':
      case '__format__':
        return callable(name, 'format', (format) =>
          name === '__format__' && format === ''
            ? this.jinjaText()
            : strftime(
                text(format, name),
                { year: 1900, month: 1, day: 1, ...clockOf(this) },
                { offsetText: offsetText(this.#offset(), ''), name: this.tzinfo?.zoneName(null) ?? '' },
              ),
        );
      case 'utcoffset':
        return callable(name, '', () => this.#offset());
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
        return classMethod(this.jinjaType, name);
    }
  }

  jinjaText(): string {
    return isoClock(this, 'auto') + offsetText(this.#offset());
  }

  jinjaRepr(): string {
    const { hour, minute, second, microsecond } = this;
    const seconds = microsecond !== 0 ? `, ${second}, ${microsecond}` : second !== 0 ? `, ${second}` : '';
    return `datetime.time(${hour}, ${minute}${seconds}${zoneRepr(this.tzinfo, this.fold)})`;
  }

  #utcMicros(): number {
    return this.micros - Number(this.#offset()?.micros ?? 0n);
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof PyTime &&
      (this.#offset() === null) === (other.#offset() === null) &&
      other.#utcMicros() === this.#utcMicros()
    );
  }

  jinjaHash(): string {
    return `time:${this.#utcMicros()}:${this.#offset() === null}`;
  }

  jinjaCompare(other: Value): number | undefined {
    if (!(other instanceof PyTime)) return undefined;
    if ((this.#offset() === null) !== (other.#offset() === null))
      throw typeError("can't compare offset-naive and offset-aware times");
    return this.#utcMicros() - other.#utcMicros();
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}

function clockOf(clock: ClockFields): ClockFields {
  return { hour: clock.hour, minute: clock.minute, second: clock.second, microsecond: clock.microsecond };
}
