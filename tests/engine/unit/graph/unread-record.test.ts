// Tests lazy records, whose members are read on first access: reads, copies and changes.
import { describe, expect, it } from 'vitest';
import {
  copyOfRecord,
  hasMember,
  isUnread,
  keysOf,
  laterPeek,
  peek,
  unreadRecord,
} from '../../../../src/graph/unread-record.ts';

function recorded(): { record: Record<string, { n: number }>; read: string[] } {
  const read: string[] = [];
  const places = new Map([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  const record = unreadRecord(places, (key, n) => {
    read.push(key);
    return { n };
  });
  return { record, read };
}

describe('a lazy record', () => {
  it('reads a member on first access, once for all copies', () => {
    const { record, read } = recorded();
    const copy = copyOfRecord(record);
    expect([Object.keys(copy), 'b' in copy, read]).toEqual([['a', 'b', 'c'], true, []]);
    expect([copy['b'], record['b'] === copy['b'], copyOfRecord(record)['b'] === copy['b']]).toEqual([
      { n: 2 },
      true,
      true,
    ]);
    expect(read).toEqual(['b']);
    expect(['a', 'b', 'c', 'd'].map((key) => isUnread(copy, key))).toEqual([true, false, true, false]);
  });

  it('returns a member to peek without counting it as read', () => {
    const { record, read } = recorded();
    const copy = copyOfRecord(record);
    expect([peek(copy, 'a'), peek(copy, 'a'), peek(copy, 'd'), isUnread(copy, 'a'), read]).toEqual([
      { n: 1 },
      { n: 1 },
      undefined,
      true,
      ['a'],
    ]);
    expect([copy['a'] === peek(record, 'a'), isUnread(copy, 'a'), isUnread(record, 'a')]).toEqual([true, false, true]);
    expect(peek({ x: { n: 4 } }, 'x')).toEqual({ n: 4 });
  });

  it('reads a member later as it was, even if it has been changed since', () => {
    const { record, read } = recorded();
    const copy = copyOfRecord(record);
    const later = laterPeek(copy, 'a');
    copy['a'] = { n: 9 };
    expect([read, later?.(), copy['a'], read]).toEqual([['a'], { n: 1 }, { n: 9 }, ['a']]);
    expect([laterPeek(copy, 'a'), laterPeek(copy, 'd'), laterPeek({ x: { n: 4 } }, 'x')]).toEqual([null, null, null]);
  });

  it('knows its keys after members were added, removed and added again', () => {
    const { record, read } = recorded();
    record['d'] = { n: 4 };
    delete record['b'];
    expect([keysOf(record), hasMember(record, 'b'), 'b' in record, record['b']]).toEqual([
      ['a', 'c', 'd'],
      false,
      false,
      undefined,
    ]);
    record['b'] = { n: 5 };
    expect([keysOf(record), Object.keys(record), peek(record, 'b'), read]).toEqual([
      ['a', 'c', 'd', 'b'],
      ['a', 'c', 'd', 'b'],
      { n: 5 },
      [],
    ]);
    expect([hasMember(record, 'toString'), hasMember({ x: 1 }, 'x'), keysOf({ x: 1 })]).toEqual([false, true, ['x']]);
  });

  it('keeps a change only in the copy that was changed', () => {
    const { record, read } = recorded();
    const copy = copyOfRecord(record);
    copy['a'] = { n: 9 };
    delete copy['c'];
    expect([isUnread(copy, 'a'), isUnread(record, 'a'), isUnread(record, 'c'), read]).toEqual([false, true, true, []]);
    expect([{ ...copy }, { ...record }]).toEqual([
      { a: { n: 9 }, b: { n: 2 } },
      { a: { n: 1 }, b: { n: 2 }, c: { n: 3 } },
    ]);
  });
});
