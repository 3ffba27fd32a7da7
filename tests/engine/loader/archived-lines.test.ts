// Tests archive lines of other programs: invalid lines are distinguished from messages with any fields.
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/loader/formats/rows/archive-lines.ts';

const FRAME = { _topic: 't', _partition: 0, _offset: 7, _kafka_ts: null, _key: null, _headers: [], _value: 'x' };
const read = (more: Readonly<Record<string, unknown>>): ReturnType<typeof messageOf> =>
  messageOf(Buffer.from(JSON.stringify({ ...FRAME, ...more })));

describe('a line of an archive', () => {
  it('is read as a message, even with its own fields', () => {
    expect(read({})).toMatchObject({ topic: 't', offset: 7n, value: Buffer.from('x'), headers: [] });
    expect(read({ _value: undefined, id: 1 })?.value).toEqual(Buffer.from('{"id":1}'));
    expect(read({ _headers: [{ name: 'a', value: 'b' }] })?.headers).toEqual([['a', Buffer.from('b')]]);
  });

  it.each([
    ['an offset that is no whole number', { _offset: 1.5 }],
    ['an offset that no double has', { _offset: 2 ** 60 }],
    ['a partition that is no whole number', { _partition: 0.5 }],
    ['headers that are none', { _headers: [null] }],
    ['headers that are no list', { _headers: 'x' }],
    ['no headers, before fields of its own', { _headers: undefined, _value: undefined, id: 1 }],
  ])('is rejected with %s', (_, more) => {
    expect(read(more)).toBeNull();
  });
});
