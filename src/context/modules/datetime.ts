// modules.datetime: the classes date, datetime, time, timedelta and tzinfo with their class methods. Values and their
// methods are in src/values/datetime.ts.
import { EPOCH_ORDINAL, MICROS_PER_SECOND, roundHalfEven } from '../../values/calendar.ts';
import { PyDate } from '../../values/date.ts';
import { localZone, PyDateTime } from '../../values/datetime.ts';
import { requireZone } from '../../values/datetime-arguments.ts';
import { isoWeekDate, parseIsoDate, parseIsoTime, strptime } from '../../values/datetime-format.ts';
import {
  type Callable,
  callable,
  JinjaError,
  PyFloat,
  qualifiedTypeName,
  typeError,
  typeName,
  type Value,
} from '../../values/index.ts';
import { PyTime } from '../../values/time.ts';
import type { TimedeltaUnit } from '../../values/timedelta.ts';
import { PyTimedelta } from '../../values/timedelta.ts';
import { FixedZone, type TimeZone } from '../../values/timezone.ts';
import { Namespace } from '../namespace.ts';

/** Creates the module. @param clock milliseconds since 1970, with a fraction if the clock has one */
export function createDatetimeModule(clock: () => number): Namespace {
  return new Namespace(
    new Map<string, Value>([
      ['date', dateClass(clock)],
      ['datetime', datetimeClass(clock)],
      ['time', timeClass()],
      ['timedelta', timedeltaClass()],
      [
        'tzinfo',
        classObject(
          'datetime.tzinfo',
          callable('tzinfo', '', () => {
            throw typeError('cannot use an abstract tzinfo');
          }),
          () => undefined,
        ),
      ],
    ]),
  );
}

/** A class: a constructor with class methods. */
function classObject(name: string, construct: Callable, member: (name: string) => Value | undefined): Callable {
  const found: Callable = (args, kwargs) => construct(args, kwargs);
  found.face = {
    get: (attribute) => (attribute === '__name__' ? name.slice(name.indexOf('.') + 1) : member(attribute)),
    text: () => `<class '${name}'>`,
  };
  return found;
}

function dateClass(clock: () => number): Callable {
  const construct = callable(
    'date',
    'year, month, day',
    (year, month, day) => new PyDate(int(year), int(month), int(day)),
  );
  return classObject('datetime.date', construct, (name) => {
    switch (name) {
      case 'today':
        return callable(name, '', () => dateOf(local(clock())));
      case 'fromisoformat':
        return callable(name, 'date_string', (text) => toDate(parseIsoDate(str(text, name))));
      case 'fromordinal':
        return callable(name, 'ordinal', (ordinal) => PyDate.fromOrdinal(int(ordinal)));
      case 'fromisocalendar':
        return callable(name, 'year, week, day', (year, week, day) =>
          toDate(isoWeekDate(int(year), int(week), int(day))),
        );
      case 'fromtimestamp':
        return callable(name, 'timestamp', (timestamp) =>
          dateOf(PyDateTime.fromEpoch(epochMicros(timestamp), localZone(epochMicros(timestamp)))),
        );
      default:
        return classMember(new PyDate(1, 1, 1), name, ['min', 'max', 'resolution']);
    }
  });
}

function datetimeClass(clock: () => number): Callable {
  const construct = callable(
    'datetime',
    'year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0',
    (year, month, day, hour, minute, second, microsecond, tzinfo, fold) =>
      new PyDateTime(
        {
          year: int(year),
          month: int(month),
          day: int(day),
          hour: int(hour),
          minute: int(minute),
          second: int(second),
          microsecond: int(microsecond),
        },
        zoneOrNull(tzinfo),
        int(fold),
      ),
  );
  return classObject('datetime.datetime', construct, (name) => {
    switch (name) {
      case 'now':
        return callable(name, 'tz=None', (tz) => {
          const zone = zoneOrNull(tz);
          return zone === null ? local(clock()) : PyDateTime.fromEpoch(clockMicros(clock()), zone);
        });
      case 'utcnow':
        return callable(name, '', () => PyDateTime.fromEpoch(clockMicros(clock()), null));
      case 'today':
        return callable(name, '', () => local(clock()));
      case 'strptime':
        return callable(name, 'date_string, format', (text, format) => {
          const parsed = strptime(str(text, name), str(format, name));
          const dated = PyDateTime.fromParsed(parsed);
          const zoneName = parsed.zoneName ?? null;
          return dated.offset !== null && zoneName !== null
            ? dated.withZone(new FixedZone(dated.offset, zoneName.toUpperCase()))
            : dated;
        });
      case 'fromisoformat':
        return callable(name, 'date_string', (text) => PyDateTime.fromIso(str(text, name)));
      case 'fromtimestamp':
        return callable(name, 'timestamp, tz=None', (timestamp, tz) => {
          const micros = epochMicros(timestamp);
          const zone = zoneOrNull(tz);
          return zone === null
            ? PyDateTime.fromEpoch(micros, localZone(micros, false)).withZone(null)
            : PyDateTime.fromEpoch(micros, zone);
        });
      case 'utcfromtimestamp':
        return callable(name, 'timestamp', (timestamp) => PyDateTime.fromEpoch(epochMicros(timestamp), null));
      case 'fromordinal':
        return callable(name, 'ordinal', (ordinal) => midnight(PyDate.fromOrdinal(int(ordinal))));
      case 'fromisocalendar':
        return callable(name, 'year, week, day', (year, week, day) =>
          midnight(toDate(isoWeekDate(int(year), int(week), int(day)))),
        );
      case 'combine':
        return callable(name, 'date, time, tzinfo=True', (date, time, tzinfo) => {
          if (!(date instanceof PyDate))
            throw typeError(`combine() argument 1 must be datetime.date, not ${qualifiedTypeName(date ?? null)}`);
          if (!(time instanceof PyTime))
            throw typeError(`combine() argument 2 must be datetime.time, not ${qualifiedTypeName(time ?? null)}`);
          return new PyDateTime(
            {
              year: date.year,
              month: date.month,
              day: date.day,
              hour: time.hour,
              minute: time.minute,
              second: time.second,
              microsecond: time.microsecond,
            },
            tzinfo === true ? time.tzinfo : zoneOrNull(tzinfo),
            time.fold,
          );
        });
      default:
        return classMember(PyDateTime.fromEpoch(0n, null), name, ['min', 'max', 'resolution']);
    }
  });
}

function timeClass(): Callable {
  const construct = callable(
    'time',
    'hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0',
    (hour, minute, second, microsecond, tzinfo, fold) =>
      new PyTime(
        { hour: int(hour), minute: int(minute), second: int(second), microsecond: int(microsecond) },
        zoneOrNull(tzinfo),
        int(fold),
      ),
  );
  return classObject('datetime.time', construct, (name) => {
    if (name !== 'fromisoformat')
      return classMember(new PyTime({ hour: 0, minute: 0, second: 0, microsecond: 0 }), name, [
        'min',
        'max',
        'resolution',
      ]);
    return callable(name, 'time_string', (text) => {
      const parsed = parseIsoTime(str(text, name));
      return new PyTime(parsed, PyDateTime.fromParsed({ year: 1900, month: 1, day: 1, ...parsed }).tzinfo);
    });
  });
}

function timedeltaClass(): Callable {
  const units: readonly TimedeltaUnit[] = [
    'days',
    'seconds',
    'microseconds',
    'milliseconds',
    'minutes',
    'hours',
    'weeks',
  ];
  const construct = callable('timedelta', units.map((unit) => `${unit}=0`).join(', '), (...values) =>
    PyTimedelta.of(Object.fromEntries(units.map((unit, i) => [unit, values[i]]))),
  );
  return classObject('datetime.timedelta', construct, (name) =>
    classMember(new PyTimedelta(0n), name, ['min', 'max', 'resolution']),
  );
}

/** Returns a constant of the class, or an unbound method that takes the value as its first argument. */
function classMember(
  sample: PyDate | PyTime | PyTimedelta,
  name: string,
  constants: readonly string[],
): Value | undefined {
  const member = sample.jinjaGet(name);
  if (constants.includes(name) || typeof member !== 'function') return constants.includes(name) ? member : undefined;
  return (args, kwargs) => {
    const [self, ...rest] = args;
    if (!(self instanceof PyDate || self instanceof PyTime || self instanceof PyTimedelta)) {
      throw typeError(`unbound method ${sample.jinjaType.slice(9)}.${name}() needs an argument`);
    }
    const method = self.jinjaGet(name);
    if (typeof method !== 'function')
      throw new JinjaError('AttributeError', `'${self.jinjaType}' object has no attribute '${name}'`);
    return method(rest, kwargs);
  };
}

function toDate({ year, month, day }: { year: number; month: number; day: number }): PyDate {
  return new PyDate(year, month, day);
}

function dateOf(moment: PyDateTime): PyDate {
  return new PyDate(moment.year, moment.month, moment.day);
}

function midnight(date: PyDate): PyDateTime {
  return new PyDateTime({
    year: date.year,
    month: date.month,
    day: date.day,
    hour: 0,
    minute: 0,
    second: 0,
    microsecond: 0,
  });
}

/** Naive local time of this process. */
function local(millis: number): PyDateTime {
  const micros = clockMicros(millis);
  return PyDateTime.fromEpoch(micros, localZone(micros, false)).withZone(null);
}

function clockMicros(millis: number): bigint {
  // A fraction of a millisecond is inexact: .678 may be .67798.
  return BigInt(Math.round(millis * 1000));
}

function epochMicros(timestamp: Value | undefined): bigint {
  const seconds =
    timestamp instanceof PyFloat ? timestamp.value : typeof timestamp === 'bigint' ? Number(timestamp) : timestamp;
  if (typeof seconds !== 'number')
    throw typeError(`'${typeName(timestamp ?? null)}' object cannot be interpreted as an integer`);
  const whole = Math.floor(seconds);
  if (!Number.isFinite(seconds) || whole < -EPOCH_ORDINAL * 86_400 || whole > 253_402_300_800)
    throw new JinjaError('ValueError', `year is out of range`);
  return BigInt(whole) * MICROS_PER_SECOND + BigInt(roundHalfEven((seconds - whole) * 1e6));
}

function zoneOrNull(value: Value | undefined): TimeZone | null {
  return value === null || value === undefined ? null : requireZone(value);
}

function int(value: Value | undefined): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw typeError(`'${typeName(value ?? null)}' object cannot be interpreted as an integer`);
}

function str(value: Value | undefined, method: string): string {
  if (typeof value === 'string') return value;
  throw typeError(`${method}: argument must be str`);
}
