// Python's `date` as a template value: fields, arithmetic, comparison, formatting and instance methods, shared with
// `datetime`. Class methods (today, fromisoformat …) are in context/modules/datetime.ts.
import {
  dayName,
  dayOfYear,
  fromOrdinal,
  isoCalendarOf,
  MAX_ORDINAL,
  MICROS_PER_DAY,
  monthName,
  pad,
  toOrdinal,
  weekdayOf,
} from './calendar.ts';
import { callable } from './callable.ts';
import { int, text } from './datetime-arguments.ts';
import { checkDate, type DateFields, type FormatZone, isoClock, strftime } from './datetime-format.ts';
import { NamedTuple } from './named-tuple.ts';
import { JinjaError, typeError } from './python-error.ts';
import { PyTimedelta } from './timedelta.ts';
import type { PyTuple } from './tuple.ts';
import type { HostObject, Value } from './value.ts';

const NO_ZONE: FormatZone = { offsetText: '', name: '' };

/** `datetime.date`. */
export class PyDate implements HostObject {
  get jinjaType(): string {
    return 'datetime.date';
  }
  readonly year: number;
  readonly month: number;
  readonly day: number;

  /** @throws JinjaError with Python's message if the day does not exist */
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
        return classMethod(this.jinjaType, name);
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
    if (!(other instanceof PyDate)) return undefined;
    if (!isPlainDate(other)) throw typeError("can't compare datetime.datetime to datetime.date");
    return this.ordinal - other.ordinal;
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

/** Methods of the class that Python also finds on its values. */
const CLASS_METHODS: Readonly<Record<string, readonly string[]>> = {
  'datetime.date': ['fromisocalendar', 'fromisoformat', 'fromordinal', 'fromtimestamp', 'today'],
  'datetime.datetime': [
    ...['combine', 'fromisocalendar', 'fromisoformat', 'fromordinal', 'fromtimestamp', 'now', 'strptime', 'today'],
    ...['utcfromtimestamp', 'utcnow'],
  ],
  'datetime.time': ['fromisoformat'],
};

/** A function that says how the method is called; undefined: the class has no such method. */
export function classMethod(type: string, name: string): Value | undefined {
  if (CLASS_METHODS[type]?.includes(name) !== true) return undefined;
  return () => {
    throw typeError(`${name}() is a method of the class: call modules.${type}.${name}()`);
  };
}

/** Whether a value is a `date` but not a `datetime`. */
function isPlainDate(value: Value): value is PyDate {
  return value instanceof PyDate && value.jinjaType === 'datetime.date';
}

function ctime(f: DateFields): string {
  const weekday = dayName(toOrdinal(f.year, f.month, f.day)).slice(0, 3);
  return (
    `${weekday} ${monthName(f.month).slice(0, 3)} ${String(f.day).padStart(2)} ` +
    `${isoClock(f, 'seconds')} ${pad(f.year, 4)}`
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

/** `time.struct_time`. @param isDst 1, 0, or -1 if unknown */
export function timeTuple(f: DateFields, isDst: number): PyTuple {
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
