// The texts of messages to Postgres, and the statement to which a result or an error belongs
// (src/adapters/postgres/message.ts).
import { describe, expect, it } from 'vitest';
import {
  failedStatement,
  joinStatements,
  resultsOf,
  shiftPosition,
  withComment,
} from '../../../../../src/adapters/postgres/message.ts';
import type { RawResult } from '../../../../../src/adapters/postgres/result.ts';

const result = (tag: string, field?: string): RawResult => ({
  tag,
  fields: field === undefined ? null : [{ name: field, typeOid: 25 }],
  rows: [],
});
const MARK = result('SELECT 1', 'tsdbt_first_done');

describe('a query comment', () => {
  it('is put before the statement, or after it before its semicolon, and is omitted when empty', () => {
    expect(withComment('select 1', null)).toEqual({ text: 'select 1', prefix: '' });
    expect(withComment('select 1', { text: '  ', append: false })).toEqual({ text: 'select 1', prefix: '' });
    expect(withComment('select 1', { text: ' a ', append: false })).toEqual({
      text: '/* a */\nselect 1',
      prefix: '/* a */\n',
    });
    expect(withComment('select 1 \n', { text: 'a', append: true })).toEqual({ text: 'select 1\n/* a */', prefix: '' });
    expect(withComment('select 1;\n', { text: 'a', append: true })).toEqual({ text: 'select 1\n/* a */;', prefix: '' });
  });
});

describe('a message of several statements', () => {
  it('is one text, and a single statement needs no separator', () => {
    expect(joinStatements(['a'], false).text).toBe('a');
    expect(joinStatements(['a'], true).text).toBe('a\n;\nCOMMIT');
    expect(joinStatements(['a', 'b', 'c'], true).text).toBe(
      'a\n;\nselect null as tsdbt_first_done\n;\nb\n;\nc\n;\nCOMMIT',
    );
  });

  it('gives each statement its last result, even if an earlier one contains several statements', () => {
    const [a1, a2, b1, b2, c] = ['INSERT 0 1', 'SELECT 2', 'CREATE TABLE', 'UPDATE 4', 'DELETE 5'].map((tag) =>
      result(tag),
    ) as [RawResult, RawResult, RawResult, RawResult, RawResult];
    const commit = result('COMMIT');
    expect(resultsOf(joinStatements(['a'], false), [a1, a2])).toEqual([a2]);
    expect(resultsOf(joinStatements(['a'], true), [a1, a2, commit])).toEqual([a2]);
    expect(resultsOf(joinStatements(['a', 'b'], false), [a1, a2, MARK, b1, b2])).toEqual([a2, b2]);
    expect(resultsOf(joinStatements(['a', 'b', 'c'], true), [a1, a2, MARK, b1, b2, c, commit])).toEqual([a2, b2, c]);
  });

  it('throws when a result is missing, instead of using that of another statement', () => {
    expect(() => resultsOf(joinStatements(['a'], true), [result('COMMIT')])).toThrow('1 results of 1 statements');
  });

  it('assigns an error to the statement that contains its position, and counts from its start', () => {
    const joined = joinStatements(['select é', 'select 2', 'select x'], true);
    const failed = (position?: number): unknown[] => {
      const error = position === undefined ? {} : { position: String(position) };
      return [failedStatement(joined, error), 'position' in error ? error.position : null];
    };
    const characters = [...joined.text];
    expect(failed(8)).toEqual([0, '8']);
    expect(failed(characters.indexOf('2') + 1)).toEqual([1, '8']);
    expect(failed(characters.indexOf('x') + 1)).toEqual([2, '8']);
    expect(failed()).toEqual([0, null]);
    // The COMMIT follows all of them, and its failure has no position.
    expect(failed(characters.length)).toEqual([0, String(characters.length)]);
  });

  it('counts positions from the end of the BEGIN that precedes it', () => {
    expect(shiftPosition({ position: '15' }, 'BEGIN; ')).toEqual({ position: '8' });
    expect(shiftPosition({ position: '15' }, '')).toEqual({ position: '15' });
    expect(shiftPosition({}, 'BEGIN; ')).toEqual({});
    expect(shiftPosition(null, 'BEGIN; ')).toBe(null);
  });
});
