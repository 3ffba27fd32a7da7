// CSV files of seeds. Expectations were made by agate as dbt-core 1.12.6 reads seeds
// (dbt_common.clients.agate_helper.from_csv).
import { describe, expect, it } from 'vitest';
import { convertType } from '../../../../src/adapters/convert-type.ts';
import type { SeedNode } from '../../../../src/contracts/node.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { type LogEvent, stripColors } from '../../../../src/log.ts';
import { seedTable } from '../../../../src/runner/seed-table.ts';
import { toText, type Value } from '../../../../src/values/index.ts';

const read = (
  text: string,
  config: object = {},
  events: LogEvent[] = [],
  empty = false,
): { names: readonly string[]; types: string[]; rows: (string | null)[][] } => {
  const node = { name: 's', original_file_path: 'seeds/s.csv', config } as unknown as SeedNode;
  const table = seedTable(node, text, { fire: (e) => void events.push(e) }, empty);
  return {
    names: table.columnNames,
    types: table.types.map((t) => t.name),
    rows: table.rows.map((r) => r.values.map((v: Value) => (v === null ? null : toText(v)))),
  };
};

describe('a seed', () => {
  it.each([
    [
      'an empty line is a row of nulls',
      'a,b\n1,2\n\n3,4\n',
      ['a', 'b'],
      [
        ['1', '2'],
        [null, null],
        ['3', '4'],
      ],
    ],
    ['a short row is filled with nulls', 'a,b\n1\n', ['a', 'b'], [['1', null]]],
    ['empty and repeated names get others', 'a,,a\n1,2,3\n', ['a', 'b', 'a_2'], [['1', '2', '3']]],
    ['quotes are doubled inside quotes', 'a,b\n"x""y",\'q\'\n', ['a', 'b'], [['x"y', "'q'"]]],
    ['a quoted cell may hold line breaks', 'a,b\n"x\r\ny",2', ['a', 'b'], [['x\ny', '2']]],
    ['text behind a closing quote belongs to the cell', 'a,b\n"1"x,2\n', ['a', 'b'], [['1x', '2']]],
    ['a quote inside a cell is a character', 'a,b\nx"y"z,w\n', ['a', 'b'], [['x"y"z', 'w']]],
    ['blanks stay', 'a,b\n x , y \n', ['a', 'b'], [[' x ', ' y ']]],
    ['a byte order mark is dropped', '\ufeffa,b\r\n1,2\r\n', ['a', 'b'], [['1', '2']]],
    ['a header alone has no rows', 'a,b\n', ['a', 'b'], []],
  ])('is read as in dbt: %s', (_what, text, names, rows) => {
    const table = read(text);
    expect(table.names).toEqual(names);
    expect(table.rows).toEqual(rows);
  });

  it('can have its own delimiter', () => {
    expect(read('a;b\nx,5;2\n', { delimiter: ';' }).rows).toEqual([['x,5', '2']]);
  });

  it('keeps columns with a configured type as text, and warns about unknown column names', () => {
    const events: LogEvent[] = [];
    const table = read('a,b\n001,2\n', { column_types: { a: 'varchar', x: 'int' } }, events);
    expect(table.rows).toEqual([['001', '2']]);
    expect(events.map((e) => e.name)).toEqual(['JinjaLogWarning']);
    expect(events[0]?.msg).toContain("Column types specified for non-existent columns in seed 's'");
  });

  it('warns about each column that is loaded under another name than in the header', () => {
    const events: LogEvent[] = [];
    expect(read('id,name,id,,a,id_2\n1,2,3,4,5,6\n', {}, events).names).toEqual([
      'id',
      'name',
      'id_2',
      'd',
      'a',
      'id_2_2',
    ]);
    expect(events.map(({ name, level, msg }) => [name, level, stripColors(msg)])).toEqual(
      [
        'column name "id" already exists. Column 3 is loaded as "id_2".',
        'column 4 has no name and is loaded as "d".',
        'column name "id_2" already exists. Column 6 is loaded as "id_2_2".',
      ].map((what) => ['Note', 'warn', `[WARNING]: Seed 's' (seeds/s.csv line 1): ${what}`]),
    );
  });

  it('warns about lines with missing values, including blank ones', () => {
    const warnings = (text: string): string[] => {
      const events: LogEvent[] = [];
      read(text, {}, events);
      return events.map(({ msg }) => stripColors(msg));
    };
    expect(warnings('a,b\n1,2\n\n3\n')).toEqual([
      "[WARNING]: Seed 's' (seeds/s.csv line 3): a blank line is loaded as a row of NULLs, as in 1 more of its lines.",
    ]);
    expect(warnings('a,b\n1,2\n3\n')).toEqual([
      "[WARNING]: Seed 's' (seeds/s.csv line 3): 1 of 2 values, the others are NULL.",
    ]);
    expect(warnings('a,b\n1,2\n,\n')).toEqual([]);
    expect(warnings('a\n1\n\n')).toEqual([]);
  });

  it('is created by --empty with the SQL types of its rows', () => {
    const node = { name: 's', original_file_path: 'seeds/s.csv', config: {} } as unknown as SeedNode;
    const table = seedTable(node, 'x,y,z\n1,12.50,a\n', { fire: () => undefined }, true);
    expect(table.columnNames.map((_, i) => convertType(table, i))).toEqual(['integer', 'float8', 'text']);
  });

  it('has its columns and no rows with --empty', () => {
    expect(read('a\n1\n', {}, [], true)).toMatchObject({ names: ['a'], rows: [] });
  });

  it('is rejected if it is empty or a row has too many cells', () => {
    expect(() => read('a,b\n1,2,3\n')).toThrow('Row 0 has 3 values, but Table only has 2 columns.');
    expect(() => read('')).toThrow(TsdbtError);
  });
});
