// The settings below `meta.tsdbt` of unit tests.
import { parseIsoDateTime } from '../values/datetime-format.ts';
import { text } from './kinds.ts';
import { optional, record } from './record-settings.ts';
import type { Setting } from './setting.ts';

const MOMENT = 'a time such as 2024-01-31 12:00:00, in UTC unless it has an offset';

/** A time, in microseconds since 1970. */
const moment: Setting<bigint> = {
  expects: MOMENT,
  type: 'time',
  schema: () => ({ type: 'string' }),
  read: (value, place) => {
    if (typeof value !== 'string') return place.wrong(MOMENT, value);
    try {
      const { year, month, day, hour, minute, second, microsecond, offsetMicros } = parseIsoDateTime(value);
      const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
      return BigInt(seconds) * 1_000_000n + BigInt(microsecond) - (offsetMicros ?? 0n);
    } catch {
      return place.wrong(MOMENT, value);
    }
  },
};

export const UNIT_TEST_SETTINGS = record({
  cte: optional(text, 'The CTE of the model whose rows are expected, instead of those of the model'),
  now: optional(
    moment,
    'The time during the test, for the clock of the database and of Jinja: `2024-01-31 12:00:00`, in UTC unless it ' +
      'has an offset',
    'the current time',
  ),
});
