// A replicated Postgres server may send anything: wrong counts and lengths, strings without an end, deep arrays.
// Each is one error, without long loops, large allocations or bytes of other data.
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { DriverClient } from '../../../src/adapters/postgres/connection.ts';
import { ChangeRecords } from '../../../src/loader/postgres/replicate/change-records.ts';
import { copyRow } from '../../../src/loader/postgres/replicate/copy-lines.ts';
import { byteCount, lsnOf } from '../../../src/loader/postgres/replicate/log-position.ts';
import { LogStream, TableFeed } from '../../../src/loader/postgres/replicate/log-stream.ts';
import { PgoutputReader } from '../../../src/loader/postgres/replicate/pgoutput-reader.ts';
import { jsonOfText, replicatedColumn } from '../../../src/loader/postgres/replicate/replicated-relation.ts';

const OID = 7;
const short = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const message = (code: string, ...parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat([Buffer.from(code), ...parts.map((part) => Buffer.from(part))]);
const column = (name: string, type = 20): Buffer => message('\x01', `${name}\0`, int(type), int(0));
const relation = (columns: readonly Buffer[], count = columns.length): Buffer =>
  message('R', int(OID), 'public\0t\0d', short(count), ...columns);
const begin = (lsn: bigint, micros = 0n): Buffer => message('B', long(lsn), long(micros), int(1));
const commit = (end: bigint): Buffer => message('C', '\0', long(1n), long(end), long(0n));
const value = (text: string, length = text.length): Buffer => message('t', int(length), text);
const insert = (count: number, ...values: readonly Buffer[]): Buffer =>
  message('I', int(OID), 'N', short(count), ...values);

function replicated(...messages: readonly Buffer[]): string[] {
  const records = new ChangeRecords('d');
  const reader = new PgoutputReader(records, { oid: OID, schema: 'public', name: 't', key: [] }, new Map(), 0n);
  for (const bytes of messages) reader.read(bytes);
  return records.take().flatMap((batch) => {
    return Array.from({ length: batch.length }, (_, i) => Buffer.from(batch.message(i).value ?? []).toString());
  });
}

const ID = relation([column('id')]);
const SENT: Readonly<Record<string, readonly Buffer[]>> = {
  'a value that is longer than its message': [begin(1n), ID, insert(1, value('1', 4_000_000_000))],
  'fewer values than the message contains': [begin(1n), ID, insert(0)],
  'fewer values than columns': [begin(1n), relation([column('a'), column('b')]), insert(1, value('1'))],
  'more values than columns': [begin(1n), ID, insert(2, value('1'), value('2'))],
  'a count without values': [begin(1n), ID, insert(65_535)],
  'a name without an end': [message('R', int(OID), 'public\0t')],
  'more columns than a table can have': [relation(Array.from({ length: 1665 }, (_, i) => column(`c${i}`)))],
  'columns without contents': [relation([], 65_535)],
  'a name of a megabyte': [relation([column('x'.repeat(1_000_000))])],
  'a truncate without tables': [ID, message('T', int(4_000_000_000), '\0')],
  'a position that no log has': [begin(2n ** 64n - 1n), ID, insert(1, value('1'))],
  'a time that no commit has': [begin(1n, 2n ** 63n - 1n), ID, insert(1, value('1'))],
  'a time before every commit': [begin(1n, 2n ** 63n), ID, insert(1, value('1'))],
  'an end of a transaction that no log has': [begin(1n), ID, insert(1, value('1')), commit(2n ** 64n - 1n)],
  'an empty begin': [message('B')],
  'a change of a table without its description': [begin(1n), insert(1, value('1'))],
};

describe('a replicated server that sends', () => {
  it.each(Object.entries(SENT))('%s', (_name, messages) => {
    expect(() => replicated(...messages)).toThrow(/^the source sent an invalid message of pgoutput/);
  });

  it('a valid row is loaded', () => {
    expect(replicated(begin(1n), ID, insert(1, value('12')))).toEqual([
      '{"op":"c","after":{"id":12},"source":{"connector":"postgresql","name":"d","lsn":1,"ts_us":946684800000000}}',
    ]);
  });

  it('a relation of every table keeps none of another table', () => {
    const other = message('R', int(8), 'public\0u\0d', short(1), column('a'));
    expect(replicated(begin(1n), other, ID, message('I', int(8), 'N', short(9)), insert(1, value('1')))).toHaveLength(
      1,
    );
  });

  it('a line of COPY with other values than columns is rejected', () => {
    expect(copyRow(Buffer.from('1\t2\n'), 2).spans).toEqual([0, 1, 2, 3]);
    for (const line of ['1\n', '1\t2\t3\n', '\t'.repeat(1000), '\\'])
      expect(() => copyRow(Buffer.from(line), 2)).toThrow(/a line of COPY has/);
  });

  it('an array that is nested deeper than arrays of Postgres is rejected', () => {
    const type = { kind: 'text', array: { item: 'number', delimiter: ',' } } as const;
    expect(jsonOfText('{{1,2},{3,NULL}}', type)).toBe('[[1,2],[3,null]]');
    for (const text of ['{'.repeat(7), '{'.repeat(1_000_000)])
      expect(() => jsonOfText(text, type)).toThrow(/nested deeper than 6/);
    expect(jsonOfText('{1,"', { ...type, array: { item: 'text', delimiter: '' } })).toBe('["1,\\""]');
  });

  it('a column whose name is longer than those of Postgres is rejected, because each row has its name', () => {
    const longest = '\x01'.repeat(63);
    expect(replicatedColumn(longest, 25, true, new Map()).name).toBe(longest);
    expect(() => replicatedColumn('x'.repeat(600), 25, true, new Map())).toThrow(/whose name has 600 characters/);
    expect(() => replicated(relation([column('\x01'.repeat(1000))]))).toThrow(/whose name has 1000 characters/);
  });

  it('a position or a number of bytes that is not one gets an error that the loader retries', () => {
    expect(lsnOf('16/B374D848')).toBe(0x16b374d848n);
    for (const text of [
      'zz',
      '',
      null,
      '1',
      '-1/0',
      '0/1/2',
      '100000000/0',
      'FFFFFFFF/FFFFFFFF',
      `0/${'1'.repeat(1e6)}`,
    ])
      expect(() => lsnOf(text)).toThrow(/^the source sent /);
    expect(byteCount('-12')).toBe(-12n);
    for (const text of ['', null, 'x', '1.5', '1e3', '1'.repeat(1e6)])
      expect(() => byteCount(text)).toThrow(/^the source sent '.*' instead of a number of bytes$/);
  });
});

describe('the stream of a replicated server', () => {
  /** @returns a stream of one table, and what sends to it */
  function stream(): { feed: TableFeed; log: LogStream; send: (bytes: Buffer) => void } {
    const stream = {
      pause: () => undefined,
      resume: () => undefined,
      write: () => undefined,
      destroy: () => undefined,
    };
    const connection = Object.assign(new EventEmitter(), { stream });
    const query = (): Promise<never> => new Promise(() => undefined);
    const client = Object.assign(new EventEmitter(), { connection, query, end: query }) as unknown as DriverClient;
    const table = { oid: OID, schema: 'public', name: 't', key: [] };
    const feed = new TableFeed('t', new PgoutputReader(new ChangeRecords('d'), table, new Map(), 0n));
    const log = new LogStream(client, [feed], {
      ...{ slot: 's', publication: 'p', confirmed: 0n, sharing: 1 },
      explain: (error) => error,
      ended: () => undefined,
    });
    return { feed, log, send: (chunk) => connection.emit('copyData', { chunk }) };
  }
  const keepAlive = (lsn: bigint, clock: bigint): Buffer => message('k', long(lsn), long(clock), '\0');

  it('has no time if its server has a clock that no table can store', () => {
    const { log, feed, send } = stream();
    for (const clock of [2n ** 63n - 1n, 2n ** 63n]) {
      send(keepAlive(5n, clock));
      expect([log.sentAt, log.received, feed.failed]).toEqual([null, 5n, false]);
    }
    send(keepAlive(6n, 0n));
    expect(log.sentAt).toBe(Date.UTC(2000, 0, 1));
    log.close();
  });

  it('ends with an error at a position that no log has, and moves no table there', () => {
    const far = 2n ** 64n - 1n;
    for (const bytes of [keepAlive(far, 0n), message('w', long(far), long(0n), long(0n), begin(1n)), Buffer.alloc(0)]) {
      const { log, feed, send } = stream();
      send(bytes);
      expect(() => feed.throwFailure()).toThrow(/^the source sent an invalid message of pgoutput/);
      expect([log.received, feed.reader.next]).toEqual([0n, 0n]);
    }
  });
});
