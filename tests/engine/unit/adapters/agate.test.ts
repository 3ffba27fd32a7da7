// Seeds and tables against recordings of real agate with dbt's settings (tests/oracle/agate-tables.py).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { convertType } from '../../../../src/adapters/convert-type.ts';
import { tableFromCsv } from '../../../../src/adapters/csv.ts';
import { Table } from '../../../../src/adapters/table.ts';
import { tableFromResult } from '../../../../src/adapters/table-inference.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { getAttribute, getItem } from '../../../../src/values/access.ts';
import { callSync } from '../../../../src/values/call.ts';
import { PyDate } from '../../../../src/values/date.ts';
import { PyDateTime } from '../../../../src/values/datetime.ts';
import { PyDecimal } from '../../../../src/values/decimal.ts';
import { makeFloat } from '../../../../src/values/float.ts';
import { iterate } from '../../../../src/values/iterate.ts';
import { fromJson } from '../../../../src/values/json.ts';
import { PySlice } from '../../../../src/values/sequence.ts';
import { toRepr, toText } from '../../../../src/values/text.ts';
import { PyTime } from '../../../../src/values/time.ts';
import { PyTimedelta } from '../../../../src/values/timedelta.ts';
import type { Value } from '../../../../src/values/value.ts';

interface Recorded {
  names: string[];
  types: string[];
  rows: (string | null)[][];
  sql?: string[];
  error?: string;
}
const golden = JSON.parse(readFileSync(new URL('./golden/agate.json', import.meta.url), 'utf8')) as {
  cells: { cells: string[]; expected: Recorded }[];
  files: Record<string, { text: string; expected: Recorded }>;
  delimiters: Record<string, { text: string; delimiter: string; expected: Recorded }>;
  text_columns: Recorded;
  flat: Recorded[];
  methods: Record<string, string>;
};

function cell(value: Value): string | null {
  if (value === null) return null;
  if (value instanceof PyDateTime) return `${value.isoformat()} dt`;
  return value instanceof PyDate ? `${value.isoDate()} d` : toRepr(value);
}

function recorded(table: Table): Recorded {
  return {
    names: [...table.columnNames],
    types: table.types.map((type) => type.name),
    rows: table.rows.map((row) => row.values.map(cell)),
  };
}

function csvColumn(cells: readonly string[]): string {
  return ['c', ...cells].map((text) => `"${text.replaceAll('"', '""')}"\n`).join('');
}

/** dbt would lose digits here: it rounds numbers to 28 digits, and to those of a float8. */
const DIGITS_KEPT: Readonly<Record<string, object>> = {
  '123456789012345678901234567890': { rows: [["Decimal('123456789012345678901234567890')"]], sql: ['numeric'] },
  '0.1234567890123456789012345678901': {
    rows: [["Decimal('0.1234567890123456789012345678901')"]],
    sql: ['numeric'],
  },
  '1e400': { sql: ['numeric'] },
};

describe('the types that agate infers from cells', () => {
  test.each(golden.cells.map((c) => [c.cells.map((text) => JSON.stringify(text)).join(' and '), c] as const))(
    'are the same for a column of %s',
    (_, { cells, expected }) => {
      const table = tableFromCsv(csvColumn(cells), { path: 'seed.csv' });
      expect({ ...recorded(table), sql: [convertType(table, 0)] }).toEqual({
        ...expected,
        ...DIGITS_KEPT[cells.join()],
      });
    },
  );
});

describe('the table that agate makes of a file', () => {
  test.each(Object.entries(golden.files))('is the same for %s', (_, { text, expected }) => {
    expect(recorded(tableFromCsv(text, { path: 'seed.csv' }))).toEqual(expected);
  });
  test.each(Object.entries(golden.delimiters))(
    'is the same for the delimiter %s',
    (_, { text, delimiter, expected }) => {
      expect(recorded(tableFromCsv(text, { path: 'seed.csv', delimiter }))).toEqual(expected);
    },
  );
  test('leaves a column with a configured type as text', () => {
    expect(recorded(tableFromCsv('a,b\n1,2\nnull,\n', { path: 'seed.csv', textColumns: ['a'] }))).toEqual(
      golden.text_columns,
    );
  });
});

describe('the error for a broken seed file', () => {
  const failure = (text: string, delimiter = ','): TsdbtError => {
    try {
      tableFromCsv(text, { path: 'seeds/x.csv', delimiter });
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    }
    throw new Error('it did not fail');
  };

  test('points to the row with too many values', () => {
    const error = failure('a,b\n1,2\n"two\nlines",3\n4,5,6\n');
    expect(error.message).toBe('Row 2 has 3 values, but Table only has 2 columns.');
    expect(error.details).toMatchObject({ path: 'seeds/x.csv', line: 5 });
  });
  test('points to the quote that is never closed', () => {
    expect(failure('a,b\n1,2\n"open,3\n4,5\n').details).toMatchObject({ path: 'seeds/x.csv', line: 3 });
  });
  test('says that an empty file has no column names', () => {
    expect(failure('').message).toBe('the seed is empty: its first line must name the columns');
  });
  test('rejects a delimiter of two characters', () => {
    expect(failure('a\n', '::').message).toBe('"delimiter" must be a 1-character string');
  });
});

test('agate types the results of queries', () => {
  const decimal = (text: string) => PyDecimal.from(text);
  const rows: Value[][][] = [
    [[[1, 2], fromJson({ x: decimal('1.5'), y: null })]],
    [
      ['005', ''],
      [null, 'null'],
    ],
    [[null, null]],
    [
      [true, 1],
      [null, decimal('2.5')],
    ],
    [[new PyTimedelta(86_405_000_000n), new PyTime({ hour: 10, minute: 0, second: 0, microsecond: 0 })]],
    [[makeFloat(1), makeFloat(1e20)]],
  ];
  expect(rows.map((data) => recorded(tableFromResult(['a', 'b'], data)))).toEqual(golden.flat);
});

describe('an agate table in a template', () => {
  const at = (year: number, month = 1, day = 1, hour = 0, microsecond = 0) =>
    new PyDateTime({ year, month, day, hour, minute: 0, second: 0, microsecond });
  let printed = '';
  const result = tableFromResult(
    ['i', 'n', 't', 'b', 'd', 'ts'],
    [
      [1, PyDecimal.from('1234567.5'), 'text', true, new PyDate(2024, 1, 31), at(2024, 1, 31, 10)],
      [
        null,
        PyDecimal.from('-0.00012345'),
        'a text that is far too long to be shown',
        null,
        null,
        at(2024, 1, 31, 10, 500),
      ],
      [30, null, null, false, new PyDate(2023, 1, 1), null],
      [2, PyDecimal.from('0.5'), 'é😀', true, new PyDate(2024, 1, 31), at(2020)],
    ],
  ).printingTo((text) => {
    printed += text;
  });
  const wide = tableFromResult(
    Array.from({ length: 9 }, (_, i) => `column_with_a_long_name_${i}`),
    Array.from({ length: 25 }, () => Array.from({ length: 9 }, (_, i) => String(i))),
  ).printingTo((text) => {
    printed += text;
  });

  const run = (object: Value, method: string, args: Value[] = [], kwargs: Record<string, Value> = {}): Value =>
    callSync(getAttribute(object, method), args, new Map(Object.entries(kwargs)));
  const print = (object: Value, method: string, kwargs: Record<string, Value> = {}): string => {
    printed = '';
    run(object, method, [], kwargs);
    return printed;
  };
  const first = (table: Value): string =>
    toRepr([...iterate(getAttribute(table, 'rows'))].map((row) => getItem(row, 'i')));
  const column = (name: string): Value => getItem(getAttribute(result, 'columns'), name);
  const pass = (row: Value): Value => getItem(row, 'i') === 30;

  test.each<[string, () => string]>([
    ['str', () => toText(result)],
    ['rows[0]', () => toRepr(getItem(getAttribute(result, 'rows'), 0))],
    ['rows[0:2]', () => toRepr(getItem(getAttribute(result, 'rows'), new PySlice(0, 2, null)))],
    [
      'rows[0].dict()',
      () => toRepr(run(getItem(getAttribute(run(result, 'select', [['i', 't']]), 'rows'), 0), 'dict')),
    ],
    ['columns', () => toRepr(column('i'))],
    ['values_sorted', () => toRepr([...iterate(run(column('n'), 'values_sorted'))])],
    ['without_nulls', () => toRepr(run(column('t'), 'values_without_nulls'))],
    ['order_by i', () => first(run(result, 'order_by', ['i']))],
    ['order_by i reverse', () => first(run(result, 'order_by', ['i'], { reverse: true }))],
    ['order_by b d', () => first(run(result, 'order_by', [['d', 'i']]))],
    ['limit 2', () => first(run(result, 'limit', [2]))],
    ['limit 1 3', () => first(run(result, 'limit', [1, 3]))],
    ['distinct d', () => first(run(result, 'distinct', ['d']))],
    ['select', () => toRepr(run(getItem(getAttribute(run(result, 'select', [['t', 'i']]), 'rows'), 0), 'values'))],
    ['exclude', () => toRepr(getAttribute(run(result, 'exclude', [['t', 'ts']]), 'column_names'))],
    [
      'rename',
      () => toRepr(getAttribute(run(result, 'rename', [], { column_names: fromJson({ i: 'id' }) }), 'column_names')),
    ],
    ['print_table', () => print(result, 'print_table')],
    ['print_table wide', () => print(wide, 'print_table')],
    [
      'print_table options',
      () => print(result, 'print_table', { max_rows: 2, max_columns: 3, max_column_width: 8, max_precision: 1 }),
    ],
    [
      'print_table none',
      () =>
        print(run(wide, 'limit', [2]), 'print_table', { max_rows: null, max_columns: null, max_column_width: null }),
    ],
    ['print_csv', () => print(result, 'print_csv')],
    ['print_json', () => print(result, 'print_json')],
    ['print_json indent', () => print(result, 'print_json', { indent: 2 })],
    ['print_json newline', () => print(result, 'print_json', { newline: true })],
  ])('evaluates %s as agate does', (name, act) => {
    expect(act()).toBe(golden.methods[name]);
  });

  test('lets a macro choose the rows of where and find', () => {
    const test30 = (args: readonly Value[]): Value => pass(args[0]!);
    expect(first(run(result, 'where', [test30]))).toBe('[30]');
    expect(toRepr(getItem(run(result, 'find', [test30]), 'i'))).toBe('30');
  });
  test('returns a row by name and by position, and a column by name', () => {
    const row = getItem(result, 3);
    expect([getItem(row, 't'), getItem(row, 2), getAttribute(row, 't'), getItem(row, -1) === null]).toEqual([
      'é😀',
      'é😀',
      'é😀',
      false,
    ]);
    expect(toRepr(run(getItem(getAttribute(result, 'columns'), 0), 'values'))).toBe('(1, None, 30, 2)');
    expect(toRepr(run(row, 'keys'))).toBe("('i', 'n', 't', 'b', 'd', 'ts')");
    expect(toRepr(run(row, 'get', ['nope', 'x']))).toBe("'x'");
  });
  test('has no columns and is false when it is empty', () => {
    expect([Table.empty().columnNames.length, Table.empty().jinjaTruth()]).toEqual([0, false]);
  });
});
