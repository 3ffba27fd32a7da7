// CSV texts. The expected rows are those of Python's csv module; `npm run oracle -- fuzz-tables` compares random ones.
import { describe, expect, it } from 'vitest';
import { csvRecords, csvRows, unixBreaks } from '../../../../src/values/csv.ts';

const cellsOf = (text: string): string[][] => csvRecords(text).map(({ cells }) => cells);

describe('csvRecords', () => {
  it.each<[string, string, string[][]]>([
    ['quotes inside of a cell', 'x"y"z,"p"q', [['x"y"z', 'pq']]],
    ['text after a closing quote', '"a" "b",c', [['a "b"', 'c']]],
    ['doubled quotes', '"say ""hi""",""', [['say "hi"', '']]],
    ['blank lines', 'a\n\nb\n', [['a'], [], ['b']]],
    ['line ends of three kinds', 'a\r\nb\rc\n', [['a'], ['b'], ['c']]],
    ['line ends in quotes, kept', '"a\r\nb"', [['a\r\nb']]],
    ['a quote that is never closed', 'a,"b\nc', [['a', 'b\nc']]],
  ])('reads %s', (_what, text, records) => expect(cellsOf(text)).toEqual(records));

  it('counts the lines of the text', () => {
    expect(csvRecords('a\n"b\nc"\nd').map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  it('reports the line of a quote that is never closed in strict mode', () => {
    expect(() => csvRecords('a\n"b\n', { strictIn: 'seeds/x.csv' })).toThrow(
      expect.objectContaining({
        message: 'a double quote that opens in line 2 is never closed',
        details: { path: 'seeds/x.csv', line: 2 },
      }),
    );
  });
});

describe('csvRows', () => {
  it('reads empty cells, short rows, surplus cells and blank lines', () => {
    expect(csvRows('id,name\r\n1,"a ""b""\nc",x\n\n2,\n3', 'f.csv')).toEqual([
      { id: '1', name: 'a "b"\nc' },
      { id: '2', name: '' },
      { id: '3', name: null },
    ]);
    expect(csvRows('', 'f.csv')).toEqual([]);
  });
});

it('unixBreaks converts line ends as Python does for a text file', () => {
  expect(unixBreaks('a\r\nb\rc\n')).toBe('a\nb\nc\n');
});
