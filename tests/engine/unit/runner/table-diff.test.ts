// The difference that a failed unit test shows. Expected texts were made by daff 1.4 as dbt-core 1.12.6 calls it;
// `npm run oracle -- fuzz-tables` compares random ones.
import { describe, expect, it } from 'vitest';
import { stripColors } from '../../../../src/log.ts';
import { tableDiff } from '../../../../src/runner/table-diff.ts';
import { PyDate } from '../../../../src/values/date.ts';
import { PyDecimal, type Value } from '../../../../src/values/index.ts';

const H = ['id', 'name', 'n'];
const diff = (expected: Value[][], actual: Value[][], columns = H): string | null => {
  const text = tableDiff(columns, expected, actual);
  return text === null ? null : stripColors(text);
};

describe('the diff of two tables, for rows,', () => {
  it('ignores their order', () => {
    expect(
      diff(
        [
          ['1', 'a', '1'],
          ['2', 'b', '2'],
        ],
        [
          ['2', 'b', '2'],
          ['1', 'a', '1'],
        ],
      ),
    ).toBeNull();
  });

  it('counts duplicates', () => {
    expect(
      diff(
        [
          ['1', 'a', '1'],
          ['1', 'a', '1'],
        ],
        [['1', 'a', '1']],
      ),
    ).not.toBeNull();
  });

  it('sorts them by value: texts as texts, numbers as numbers', () => {
    expect(diff([['9'], ['10'], ['x']], [['9'], ['10']], ['code'])).toBe('@@ ,code\r\n...,...\r\n   ,9\r\n---,x\r\n');
    expect(diff([[9], [10]], [[9]], ['n'])).toBe('@@ ,n\r\n   ,9\r\n---,10\r\n');
  });

  it('shows dates and decimals as text', () => {
    const day = (n: number): PyDate => new PyDate(2024, 1, n);
    expect(
      diff(
        [[day(5), PyDecimal.from('1.50')]],
        [
          [day(5), PyDecimal.from('1.5')],
          [day(6), PyDecimal.from('2')],
        ],
        ['day', 'price'],
      ),
    ).toBe('@@ ,day       ,price\r\n→  ,2024-01-05,1.50→1.5\r\n+++,2024-01-06,2\r\n');
  });

  it('distinguishes the text None from NULL, unlike daff', () => {
    expect(diff([['None']], [[null]], ['v'])).toBe('@@ ,v\r\n+++,null\r\n---,None\r\n');
  });

  it('shows both values of a changed cell', () => {
    expect(
      diff(
        [
          ['1', 'a', '1'],
          ['2', 'b', '2'],
        ],
        [
          ['1', 'a', '1'],
          ['2', 'b', '3'],
        ],
      ),
    ).toBe('@@,id,name,n\r\n  ,1 ,a   ,1\r\n→ ,2 ,b   ,2→3\r\n');
  });

  it('marks those without a counterpart as added or removed', () => {
    expect(
      diff(
        [
          ['1', 'a', '1'],
          ['2', 'b', '2'],
        ],
        [
          ['1', 'a', '1'],
          ['3', 'c', '3'],
        ],
      ),
    ).toBe('@@ ,id,name,n\r\n   ,1 ,a   ,1\r\n+++,3 ,c   ,3\r\n---,2 ,b   ,2\r\n');
  });

  it('shows NULL by name', () => {
    expect(
      diff(
        [['1', 'a', '1']],
        [
          ['1', 'a', '1'],
          ['3', null, '3'],
        ],
      ),
    ).toBe('@@ ,id,name,n\r\n   ,1 ,a   ,1\r\n+++,3 ,null,3\r\n');
    expect(diff([], [['3', null, '3']])).toBe('@@ ,id,name,n\r\n+++,3 ,null,3\r\n');
  });

  it('omits those far from a change', () => {
    const rows = ['1', '2', '3', '4', '5', '6'].map((id) => [id, 'b', '2']);
    expect(
      diff(
        rows,
        rows.map((r) => (r[0] === '6' ? ['6', 'x', '2'] : r)),
      ),
    ).toBe('@@ ,id ,name,n\r\n...,...,... ,...\r\n   ,5  ,b   ,2\r\n→  ,6  ,b→x ,2\r\n');
  });

  it('shows NULL and booleans in lower case only in new or removed rows', () => {
    expect(
      diff(
        [
          ['1', null],
          ['2', 'b'],
        ],
        [
          ['1', null],
          ['2', 'c'],
          ['3', null],
        ],
        ['id', 'name'],
      ),
    ).toBe('@@ ,id,name\r\n   ,1 ,NULL\r\n→  ,2 ,b→c\r\n+++,3 ,null\r\n');
    expect(
      diff(
        [
          ['1', true],
          ['2', false],
        ],
        [
          ['1', true],
          ['2', true],
          ['3', false],
        ],
        ['id', 'ok'],
      ),
    ).toBe('@@ ,id,ok\r\n   ,1 ,True\r\n→  ,2 ,False→True\r\n+++,3 ,false\r\n');
  });

  it('shows removed ones at their old place', () => {
    expect(diff([['1'], ['2'], ['3']], [['1'], ['3']], ['id'])).toBe('@@ ,id\r\n   ,1\r\n---,2\r\n   ,3\r\n');
    expect(diff([['t'], ['t']], [['f'], ['t']], ['t'])).toBe('@@ ,t\r\n+++,f\r\n---,t\r\n   ,t\r\n');
  });

  it('pairs them by values that are unique on both sides', () => {
    expect(
      diff(
        [
          ['3', 'a'],
          ['3', 'x'],
        ],
        [
          ['3', 'a'],
          ['3', 'c'],
        ],
        ['id', 'v'],
      ),
    ).toBe('@@ ,id,v\r\n   ,3 ,a\r\n+++,3 ,c\r\n---,3 ,x\r\n');
  });
});

describe('the diff of two tables, for columns,', () => {
  it('omits unchanged ones that are not keys', () => {
    expect(diff([['1', 'x', 'y', 'z', 'w']], [['1', 'x2', 'y', 'z', 'w']], ['id', 'a', 'b', 'c', 'd'])).toBe(
      '@@,id,a   ,b,...\r\n→ ,1 ,x→x2,y,...\r\n',
    );
  });

  it('does not make them as wide as one long cell', () => {
    const rows = ['1', '2', '3', '4', '5', '6', '7'].map((id) => [id, 'v', 'w']);
    expect(
      diff(
        rows,
        rows.map((r) => (r[0] === '3' ? ['3', 'a much longer value', 'w'] : r)),
        ['id', 'v', 'w'],
      ),
    ).toBe(
      '@@ ,id ,v  ,w\r\n...,...,...,...\r\n   ,2  ,v  ,w\r\n→  ,3  ,v→a much longer value,w\r\n   ,4  ,v  ,' +
        'w\r\n...,...,...,...\r\n',
    );
  });

  it('quotes commas, quotes and outer spaces, and shows spaces that differ', () => {
    expect(
      diff(
        [
          ['1', 'a  b'],
          ['2', 'x'],
        ],
        [
          ['1', 'a b'],
          ['2', ' x,"'],
        ],
        ['id', 'v'],
      ),
    ).toBe('@@,id,v\r\n→ ,1 ,a ␣b→a b\r\n→ ,2 ,"x→ x,"""\r\n');
  });
});
