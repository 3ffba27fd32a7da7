// The difference that a failed unit test shows. Expected texts were made by daff 1.4 as dbt-core 1.12.6 calls it.
import { describe, expect, it } from 'vitest';
import { stripColors } from '../../../../src/log.ts';
import { tableDiff } from '../../../../src/runner/table-diff.ts';

const H = ['id', 'name', 'n'];
const diff = (expected: (string | null)[][], actual: (string | null)[][], columns = H): string | null => {
  const text = tableDiff(columns, expected, actual);
  return text === null ? null : stripColors(text);
};

describe('rows', () => {
  it('in another order are the same', () => {
    expect(diff([['1', 'a', '1'], ['2', 'b', '2']], [['2', 'b', '2'], ['1', 'a', '1']])).toBeNull();
  });

  it('that come twice must come twice', () => {
    expect(diff([['1', 'a', '1'], ['1', 'a', '1']], [['1', 'a', '1']])).not.toBeNull();
  });

  it('with a changed cell show both values', () => {
    expect(diff([['1', 'a', '1'], ['2', 'b', '2']], [['1', 'a', '1'], ['2', 'b', '3']])).toBe('@@,id,name,n\r\n  ,1 ,a   ,1\r\n→ ,2 ,b   ,2→3\r\n');
  });

  it('without a partner are added or removed', () => {
    expect(diff([['1', 'a', '1'], ['2', 'b', '2']], [['1', 'a', '1'], ['3', 'c', '3']])).toBe('@@ ,id,name,n\r\n   ,1 ,a   ,1\r\n+++,3 ,c   ,3\r\n---,2 ,b   ,2\r\n');
  });

  it('show NULL by name', () => {
    expect(diff([['1', 'a', '1']], [['1', 'a', '1'], ['3', null, '3']])).toBe('@@ ,id,name,n\r\n   ,1 ,a   ,1\r\n+++,3 ,null,3\r\n');
    expect(diff([], [['3', null, '3']])).toBe('@@ ,id,name,n\r\n+++,3 ,null,3\r\n');
  });

  it('far from a change are left out', () => {
    const rows = ['1', '2', '3', '4', '5', '6'].map((id) => [id, 'b', '2']);
    expect(diff(rows, rows.map((r) => (r[0] === '6' ? ['6', 'x', '2'] : r)))).toBe('@@ ,id ,name,n\r\n...,...,... ,...\r\n   ,5  ,b   ,2\r\n→  ,6  ,b→x ,2\r\n');
  });
});
