// The settings below `meta.tsdbt` of unit tests.
import { parseIsoDateTime } from '../values/datetime-format.ts';
import { anything, choice, dictionary, either, list, text } from './kinds.ts';
import { exclusive, oneOf, optional, record, required } from './record-settings.ts';
import type { Setting } from './setting.ts';

const MOMENT = 'a time such as 2024-01-31 12:00:00, in UTC unless it has an offset';

const moment: Setting<string> = {
  expects: MOMENT,
  type: 'time',
  schema: () => ({ type: 'string' }),
  read: (value, place) => {
    if (typeof value !== 'string') return place.wrong(MOMENT, value);
    try {
      microsOf(value);
      return value;
    } catch {
      return place.wrong(MOMENT, value);
    }
  },
};

/** Microseconds since 1970 of a `now`. @throws {JinjaError} if the text is no time */
export function microsOf(now: string): bigint {
  const { year, month, day, hour, minute, second, microsecond, offsetMicros } = parseIsoDateTime(now);
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return BigInt(seconds) * 1_000_000n + BigInt(microsecond) - (offsetMicros ?? 0n);
}

const NOW = optional(
  moment,
  'The time during the test, for the clock of the database and of Jinja: `2024-01-31 12:00:00`, in UTC unless it ' +
    'has an offset',
  'the current time',
);

export const UNIT_TEST_SETTINGS = record({
  cte: optional(text, 'The CTE of the model whose rows are expected, instead of those of the model'),
  now: NOW,
});

const ROWS = {
  rows: optional(anything, 'As in unit tests of models'),
  format: optional(choice('dict', 'csv', 'sql'), 'As in unit tests of models', '`dict`'),
  fixture: optional(text, 'As in unit tests of models'),
};
const DICTIONARY = dictionary(anything);
const LIST = { ...anything, expects: 'a list', type: 'list' };

/** A unit test of a macro. */
export const MACRO_UNIT_TEST = record({
  name: required(text, 'Its name'),
  description: optional(text, 'What it shows'),
  args: optional(
    either(Array.isArray, LIST, DICTIONARY),
    'The arguments of the call: a list, or a dictionary by name',
    'no arguments',
  ),
  given: optional(
    record(ROWS, {
      rules: [oneOf(['rows', 'fixture'])],
      // Without a row nothing says which columns there are.
      check: ({ rows }, place) => {
        if (Array.isArray(rows) && rows.length === 0) place.at('rows').must('needs one row at least');
      },
    }),
    'Rows; the macro is an expression over their columns, and its column is `result`',
  ),
  expect: required(
    record(
      {
        text: optional(text, 'The text that the macro writes, whatever its white space'),
        value: optional({ ...anything, nullable: true }, 'The value that the macro returns'),
        ...ROWS,
      },
      { rules: [oneOf(['text', 'value', 'rows', 'fixture']), exclusive('text', 'value', 'rows')] },
    ),
    'One of `text`, `value` and `rows`',
  ),
  now: NOW,
  overrides: optional(
    record({
      macros: optional(DICTIONARY, ''),
      vars: optional(DICTIONARY, ''),
      env_vars: optional(DICTIONARY, ''),
    }),
    'As in unit tests of models',
  ),
});

/** Keys of macros. */
export const MACRO_SETTINGS = record({
  unit_tests: optional(
    list(MACRO_UNIT_TEST, { of: 'unit tests' }),
    'Unit tests of the macro: [Test a macro](unit-tests.md#test-a-macro)',
  ),
});
