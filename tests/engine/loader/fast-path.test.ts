// The row made from the bytes of a message against the one made of the decoded message.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/loader/brokers/broker.ts';
import { jsonDecoder, PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { parseJson } from '../../../src/loader/formats/values/lossless-json.ts';
import { FastPath } from '../../../src/loader/formats/rows/json-row-path.ts';
import type { LoadColumn, LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import { RowEncoder } from '../../../src/loader/formats/rows/row-encoder.ts';

const COLUMNS = [
  ['id', 'text'],
  ['n', 'bigint'],
  ['amount', 'numeric'],
  ['at', 'timestamptz'],
  ['local', 'timestamp'],
  ['ok', 'boolean'],
  ['doc', 'jsonb'],
  ['plain_doc', 'json'],
  ['tags', 'text[]'],
  ['raw', 'bytea'],
  ['größe', 'text'],
  ['secret', 'text'],
  ['constructor', 'text'],
  ['processing_ts', 'timestamptz'],
] as const;
const JSON_CELLS = [6, 14];
const LOADED_AT = '2026-01-02T03:04:05.678Z';

function targetWith(more: Partial<LoadTarget> = {}): LoadTarget {
  return loadTargetOf('t', {
    mode: 'upsert',
    key: ['id', 'n'],
    hash: ['secret'],
    drop: ['hidden'],
    columns: COLUMNS.map(([name, type]) => ({ name, type })),
    ...more,
  });
}

interface Made {
  readonly line: string;
  readonly key: string;
  readonly times: readonly number[];
}

/** The row of a value in both ways: at once, null where it is left alone; and closely, null where it is refused. */
function bothWays(
  target: LoadTarget,
  topic = 't\\',
): (
  value: Uint8Array,
  timestamp?: number,
  offset?: bigint,
  beside?: Pick<Message, 'key' | 'headers'>,
) => { quick: Made | null; close: Made | null } {
  const encoder = new RowEncoder(target, { columns: target.columns, hashKey: 'key', loadId: 'load\t1' });
  const scanner = new FastPath(encoder.plan);
  const made = (rows: RowBuffer): Made => ({
    line: rows.line(0),
    key: rows.keys.toString('utf8', 0, rows.keyEnd),
    times: [...rows.times()].map((time) => Math.floor(time / 86_400_000)),
  });
  return (value, timestamp = 1_767_225_600_123, offset = 41n, beside = { key: null, headers: [] }) => {
    // Another message lies before and behind it.
    const message = (bytes: Uint8Array, at: bigint): Message => ({
      offset: at,
      timestamp,
      ...beside,
      value: bytes,
    });
    const records = recordsOf([
      message(Buffer.from('{"id":"'), offset - 1n),
      message(value, offset),
      message(Buffer.from('","n":1}'), offset + 1n),
    ]);
    const quickly = new RowBuffer(16);
    quickly.from(records, topic, 3);
    const quick = scanner.add(records, 1, quickly, encoder.place(topic, 3), Buffer.from(LOADED_AT))
      ? made(quickly)
      : null;
    const closely = new RowBuffer(16);
    closely.from(records, topic, 3);
    try {
      const { line, key, partitionTime } = encoder.encode(
        records.message(1),
        jsonDecoder.decode(value) as Record<string, unknown>,
        topic,
        3,
        LOADED_AT,
      );
      closely.add(1, line, key, false);
      if (partitionTime !== null) closely.addTime(partitionTime);
      return { quick, close: made(closely) };
    } catch (error) {
      if (!(error instanceof PoisonMessage)) throw error;
      return { quick, close: null };
    }
  };
}

/** The cells of a line; those of JSON as values. */
function cells({ line, key, times }: Made, json: readonly number[] = JSON_CELLS): unknown {
  const plain = (text: string): string =>
    text.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' })[c] ?? c);
  return {
    cells: line
      .split('\t')
      .map((cell, i) =>
        json.includes(i) && cell !== '\\N' && !cell.startsWith('t\\') ? parseJson(plain(cell)) : cell,
      ),
    key,
    times,
  };
}

/** Numbers without a pattern, the same every time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Columns filled by paths, with what is beside the value, and by numbers since 1970. */
const ELSEWHERE: readonly LoadColumn[] = [
  { name: 'id', type: 'text', origin: { part: 'value', path: ['nest', 'a'] } },
  { name: 'b_a', type: 'numeric', origin: { part: 'value', path: ['nest', 'b', 'a'] } },
  { name: 'b_a_hash', type: 'text', origin: { part: 'value', path: ['nest', 'b', 'a'] } },
  { name: 'b_doc', type: 'jsonb', origin: { part: 'value', path: ['nest', 'b', 'c'] } },
  { name: 'b_c_a', type: 'text', origin: { part: 'value', path: ['nest', 'b', 'c', 'a'] } },
  { name: 'first', type: 'text', origin: { part: 'value', path: ['nest', 'c', 0] } },
  { name: 'second_a', type: 'text', origin: { part: 'value', path: ['nest', 'c', 1, 'a'] } },
  { name: 'only', type: 'text', origin: { part: 'value', path: ['list', 0] } },
  { name: 'hidden_a', type: 'text', origin: { part: 'value', path: ['hidden', 'a'] } },
  { name: 'more', type: 'jsonb', origin: { part: 'value', path: ['öther'] } },
  { name: 'seconds', type: 'timestamptz', epoch: 0 },
  { name: 'micros', type: 'timestamp', epoch: 6, origin: { part: 'value', path: ['nest', 'at'] } },
  { name: 'key', type: 'text', origin: { part: 'key', path: [] } },
  { name: 'key_doc', type: 'jsonb', origin: { part: 'key', path: ['k', 0] } },
  { name: 'trace', type: 'text', origin: { part: 'header', name: 'trace' } },
  { name: 'headers', type: 'jsonb', origin: { part: 'headers' } },
  { name: 'sent', type: 'timestamptz', origin: { part: 'timestamp' } },
  { name: 'place', type: 'bigint', origin: { part: 'offset' } },
  { name: 'from_topic', type: 'text', origin: { part: 'topic' } },
];
const ELSEWHERE_JSON = ELSEWHERE.flatMap(({ type }, i) => (type === 'jsonb' ? [i] : [])).concat(ELSEWHERE.length);

/** A message for `ELSEWHERE`: objects in one another, with fields of few names. */
function nestedMessage(next: (below: number) => number): string {
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const blank = (): string => (next(12) === 0 ? pick([' ', '\n', '\t']) : '');
  const scalar = (): string =>
    pick(['null', 'true', '7', '-12.50', '1e3', '"x"', '"\\n\\u00e9"', '""', '12345678901234567890', '{}', '[]']);
  const object = (fields: readonly (readonly [string, string])[]): string =>
    [
      `{${blank()}`,
      fields.map(([name, value]) => `"${name}"${blank()}:${blank()}${value}`).join(`${blank()},`),
      `${blank()}}`,
    ].join('');
  const some = (depth: number): readonly (readonly [string, string])[] =>
    Array.from({ length: next(4) }, () => [pick(['a', 'b', 'c', 'd', 'at', 'a\\u0062']), value(depth + 1)] as const);
  const value = (depth: number): string => {
    const kind = next(depth > 3 ? 2 : 6);
    if (kind < 2) return scalar();
    if (kind === 2) return `[${blank()}${Array.from({ length: next(4) }, () => value(depth + 1)).join(`${blank()},`)}]`;
    return object(some(depth));
  };
  const epoch = (): string =>
    pick([
      '1767225600',
      '1767225600.123',
      '"1767225600.5"',
      '"2026-01-01T00:00:00Z"',
      '1767225600123456',
      '0',
      '0.25',
      '-1.5',
      '5.10',
      '1e9',
      '123456789012345678901234567890',
      'null',
      '"100e-3"',
      '"2026-13-01"',
      'true',
    ]);
  const nest = (): string => object([...some(0), ...(next(2) === 0 ? [['at', epoch()] as const] : [])]);
  const fields = Array.from({ length: 1 + next(7) }, () => {
    const name = pick(['nest', 'nest', 'list', 'hidden', 'öther', 'seconds', 'id', 'key', 'b_a', 'free', 'more']);
    return [name, name === 'seconds' ? epoch() : name === 'nest' ? nest() : value(0)] as const;
  });
  // Each name once, mostly.
  const once = next(5) === 0 ? fields : [...new Map(fields)];
  return object(once);
}

function randomMessage(next: (below: number) => number): string {
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const text = (): string =>
    Array.from({ length: next(6) }, () =>
      pick([
        'a',
        'Zz',
        ' ',
        'é',
        '漢',
        '😀',
        '\\n',
        '\\t',
        '\\"',
        '\\\\',
        '\\/',
        '\\b',
        '\\f',
        '\\r',
        '\\u00e9',
        '\\ud83d\\ude00',
        '\\u0041',
        '\\u2028',
        '0',
        '-',
        '.',
        '{',
        '}',
        '[',
        ',',
        ':',
        '\x7f',
        ...(next(20) === 0 ? ['\\u0000', '\\ud800', '\\udc00', '\\u0007', '\\u005c', '\\x', '\n', '\\u12'] : []),
      ]),
    ).join('');
  const number = (): string =>
    pick([
      '0',
      '-0',
      '7',
      '-12',
      '12.5',
      '12.50',
      '1.0',
      '0.0',
      '-0.0',
      '-0.50',
      '0.000001',
      '0.0000001',
      '100',
      '1e3',
      '1E-2',
      '123456789012345',
      '1234567890123456789',
      '12345678901234567890123',
      '0.1234567890123456789',
      '123456789012345678.10',
      '1767225600000',
      '01',
      '1.',
      '.5',
      '-',
      '+1',
      '99999999999999999999.5',
      '1234567890123.250',
    ]);
  const scalar = (): string =>
    pick(
      [
        () => `"${text()}"`,
        number,
        () => 'true',
        () => 'false',
        () => 'null',
        () => pick(['nul', 'True', 'NaN', 'undefined']),
      ].slice(0, next(40) === 0 ? 6 : 5),
    )();
  const blank = (): string => (next(8) === 0 ? pick([' ', '  ', '\n', '\t', '\r\n']) : '');
  const value = (depth: number): string => {
    const kind = next(depth > 3 ? 1 : 5);
    if (kind < 3) return scalar();
    const items = Array.from({ length: next(4) }, () =>
      kind === 3 ? value(depth + 1) : `"${text()}"${blank()}:${pick(['', ' '])}${value(depth + 1)}`,
    );
    return kind === 3 ? `[${items.join(pick([',', ', ']))}]` : `{${items.join(`,${blank()}`)}}`;
  };
  const names = [
    ...COLUMNS.map(([name]) => name),
    'hidden',
    'more',
    'öther',
    '__proto__',
    'toString',
    '1',
    'a\\u0062',
    '',
  ];
  const fitting: Readonly<Record<string, () => string>> = {
    id: () => `"${text()}"`,
    n: number,
    amount: number,
    secret: () => `"${text()}"`,
    at: () =>
      pick([
        '"2026-01-01T10:00:00Z"',
        '"2026-01-01 10:00:00+02"',
        '1767225600000',
        '1767225600000.5',
        '-1',
        '"2026-01-01"',
      ]),
    local: () => pick(['"2026-01-01T10:00:00Z"', '"2026-01-01 10:00:00+02"', '"2026-01-01 10:00:00"', '1767225600000']),
    raw: () => '"AAEC"',
    tags: () => '["a","b"]',
  };
  const fields = ['id', 'n', ...Array.from({ length: next(9) }, () => pick(names))].map(
    (name) =>
      `"${name}"${blank()}:${blank()}${next(4) > 0 && Object.hasOwn(fitting, name) ? fitting[name]!() : value(0)}`,
  );
  return `${blank()}{${blank()}${fields.join(`${blank()},${blank()}`)}${blank()}}${blank()}`;
}

describe('a row that is made without decoding', () => {
  it('equals that of the decoded message to the last digit', () => {
    const ways = {
      plain: bothWays(targetWith()),
      partitioned: bothWays(targetWith({ partitionBy: { column: 'at', every: 'day' }, key: [], mode: 'append' })),
      bare: bothWays(targetWith({ rest: null, mode: 'append', key: [] })),
    };
    const next = generator(7);
    const done = { quick: 0, close: 0, refused: 0 };
    for (let i = 0; i < 8_000; i++) {
      const text = randomMessage(next);
      let bytes = Buffer.from(text);
      if (i % 3 === 0 && bytes.length > 0) {
        // Something broke on the way.
        const at = next(bytes.length);
        if (next(3) === 0) bytes = bytes.subarray(0, at);
        else bytes[at] = next(256);
      }
      const both = (i % 5 === 0 ? ways.partitioned : i % 5 === 1 ? ways.bare : ways.plain)(bytes);
      if (both.close === null) done.refused++;
      else if (both.quick === null) done.close++;
      else done.quick++;
      if (both.quick !== null) {
        const [quick, close] = [both.quick, both.close].map((made) => (made === null ? null : cells(made)));
        if (!isDeepStrictEqual(quick, close)) expect(quick, text).toEqual(close);
      }
    }
    // All three happen.
    expect(Math.min(done.quick, done.close, done.refused)).toBeGreaterThan(500);
  });

  it('equals that of the decoded message if columns have other origins', () => {
    const target = (more: Partial<LoadTarget> = {}): LoadTarget =>
      targetWith({ columns: ELSEWHERE, hash: ['b_a_hash'], key: [], mode: 'append', ...more });
    const ways = [
      bothWays(target(), 't'),
      bothWays(target({ partitionBy: { column: 'seconds', every: 'day' } }), 't'),
      bothWays(target({ partitionBy: { column: 'sent', every: 'day' } }), 't'),
      bothWays(target({ rest: null }), 't'),
      bothWays(target({ key: ['id', 'key'], mode: 'upsert' }), 't'),
      bothWays(target({ schemaDrift: 'add_column' }), 't'),
    ];
    const next = generator(11);
    const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
    const bytesOf = (key: string | null): Buffer | null =>
      key === null ? null : Buffer.from(key, key === '\xff' ? 'latin1' : 'utf8');
    const done = { quick: 0, close: 0, refused: 0 };
    for (let i = 0; i < 6_000; i++) {
      const text = nestedMessage(next);
      const way = i % ways.length;
      const beside = {
        key: pick([null, '{"k": ["ä\\n", 1]}', '{"k": ["ä\\n", 1]}', '7', 'a\tb', '\xff'].map(bytesOf)),
        headers: pick<Message['headers']>([
          [],
          [['trace', Buffer.from('t1')]],
          [
            ['trace', Buffer.from('t1')],
            ['other', null],
            ['trace', Buffer.from([255])],
          ],
        ]),
      };
      // A key that is no JSON refuses each message: `key_doc` goes into it.
      const at = Buffer.from(text);
      if (i % 7 === 0) at[next(at.length)] = next(256);
      const both = ways[way]!(at, 1_767_225_600_123, 41n, i % 4 === 0 ? beside : undefined);
      if (both.close === null) done.refused++;
      else if (both.quick === null) done.close++;
      else done.quick++;
      if (both.quick !== null) {
        const json = way === 3 ? ELSEWHERE_JSON.slice(0, -1) : ELSEWHERE_JSON;
        const [quick, close] = [both.quick, both.close].map((made) => (made === null ? null : cells(made, json)));
        if (!isDeepStrictEqual(quick, close)) expect(quick, text).toEqual(close);
      }
    }
    expect(Math.min(done.quick, done.close, done.refused)).toBeGreaterThan(400);
  });

  it('is the same for texts and names of any length, with any kind of byte at any position', () => {
    const both = bothWays(targetWith({ mode: 'append', key: [], hash: [] }));
    const bytes = [0, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff].map((byte) =>
      Buffer.from([byte]),
    );
    const kinds = [
      ...bytes,
      ...['é', '😀', '\\"', '\\n', '\\u0022', '\\ud83d\\ude00'].map((text) => Buffer.from(text)),
    ];
    let quickly = 0;
    for (let length = 0; length < 12; length++) {
      for (let at = 0; at <= length; at++) {
        const text = [Buffer.from('abcdefghijkl'.slice(0, at)), Buffer.from('mnopqrstuvwx'.slice(at, length))];
        for (const kind of kinds) {
          const odd = Buffer.concat([text[0]!, kind, text[1]!]);
          for (const value of [
            [Buffer.from('{"id":"'), odd, Buffer.from('","n":1}')],
            [Buffer.from('{"n":1,"'), odd, Buffer.from('":1}')],
            [Buffer.from('{"n":2,"'), Buffer.concat(text), Buffer.from('":1}')],
          ].map((parts) => Buffer.concat(parts))) {
            const { quick, close } = both(value);
            if (quick === null) continue;
            quickly++;
            expect(close === null ? null : cells(quick), value.toString('latin1')).toEqual(close && cells(close));
          }
        }
      }
    }
    expect(quickly).toBeGreaterThan(2000);
    for (const length of [380, 384, 385, 400, 5000]) {
      const { quick, close } = both(Buffer.from(`{"id":"${'0123456'.repeat(1000).slice(0, length)}"}`));
      expect(quick).not.toBeNull();
      expect(quick).toEqual(close);
    }
  });

  it('is made from typical messages', () => {
    const both = bothWays(targetWith());
    const { quick, close } = both(
      Buffer.from(
        '{"id": "a\\"b\\\\c\\n\\u00e9\\ud83d\\ude00", "n": 12345678901234567890, "amount": 12.50, "at": ' +
          '1767225600000, "local": "2026-01-01T00:00:00Z", "ok": true, "doc": {"a": [1.0, "x\\"y"], "b": null}, ' +
          '"secret": "s", "hidden": 1, "more": {"deep": [{}, []]}, "größe": "XL"}',
      ),
    );
    expect(quick?.line).toBe(
      close?.line
        .replace('{"a":[1.0,"x', '{"a": [1.0, "x')
        .replace(',"b":null}', ', "b": null}')
        .replace('{"deep":[{},[]]}', '{"deep": [{}, []]}'),
    );
    expect(quick?.key).toBe('a"b\\\\c\\né😀\t12345678901234567890\t');
  });

  it('keeps the text of numbers that stay JSON, and the value of those in columns', () => {
    const both = bothWays(targetWith({ mode: 'append', key: [] }));
    for (const number of [
      '1.10',
      '1E400',
      '-0',
      '-0.0',
      '12345678901234567890',
      '1e3',
      '0.0000001',
      '100',
      '0.10',
      '1.5E-7',
      '-12.50',
      '9007199254740993.0',
    ]) {
      for (const value of [number, `[${number},{"b":${number}}]`]) {
        const { quick, close } = both(Buffer.from(`{"more":${value},"doc":${value}}`));
        expect(
          close?.line.split('\t').filter((_, i) => JSON_CELLS.includes(i)),
          value,
        ).toEqual([value, `{"more":${value}}`]);
        expect(quick?.line, value).toBe(close?.line);
      }
    }
    const { quick, close } = both(Buffer.from('{"n":1e3,"amount":1.50,"more":1.50}'));
    expect(quick).toBeNull();
    expect(close?.line.split('\t').slice(1, 3)).toEqual(['1000', '1.5']);
  });

  it('contains its position and its time', () => {
    const both = bothWays(targetWith({ mode: 'append', key: [] }));
    for (const [timestamp, offset] of [
      [0, 1n],
      [-1, 9n],
      [-62_135_596_800_000, 10n],
      [253_402_300_799_999, 999_999_999n],
      [1_767_225_600_999, 1_000_000_000n],
      [1_767_225_601_000, 4_503_599_627_370_495n],
    ] as const) {
      const { quick, close } = both(Buffer.from('{"id":"a"}'), timestamp, offset);
      expect(quick).toEqual(close);
    }
    const next = generator(11);
    for (let i = 0; i < 3_000; i++) {
      const timestamp = (next(2) === 0 ? -1 : 1) * Math.floor(next(1_000_000) * 10 ** next(8) + next(1_000));
      const offset = BigInt(next(1_000_000)) * 10n ** BigInt(next(10)) + BigInt(next(1_000));
      const { quick, close } = both(Buffer.from('{"id":"a"}'), Math.max(timestamp, -62_135_596_800_000), offset);
      expect(quick).not.toBeNull();
      expect(quick).toEqual(close);
    }
  });

  it('can contain timestamps of every day of the calendar', () => {
    const stored = { input: 'timestamptz', type: 'timestamptz', modifier: -1, element: null, labels: null };
    const columns = targetWith().columns.map((column) =>
      column.name === 'at' ? { ...column, stored: { ...stored, required: false } } : column,
    );
    const both = bothWays(targetWith({ mode: 'append', key: [], columns }));
    for (const year of ['1900', '2000', '2023', '2024'])
      for (let i = 0; i < 12 * 31; i++) {
        const [month, day] = [Math.floor(i / 31) + 1, (i % 31) + 1].map((part) => String(part).padStart(2, '0'));
        const text = `${year}-${month}-${day}T10:20:30.456Z`;
        const { quick, close } = both(Buffer.from(`{"id":"a","at":"${text}"}`));
        expect(quick, text).toEqual(close);
        // The slow way refuses what is no day of the calendar.
        expect(quick === null, text).toBe(new Date(text).getUTCDate() !== Number(day));
      }
  });

  it('keeps a key of several columns complete when its buffer grows within it', () => {
    const both = bothWays(targetWith());
    for (const length of [10, 1000, 1010, 1023, 1024, 2000]) {
      const { quick, close } = both(Buffer.from(`{"id": "${'k'.repeat(length)}", "n": 123456789012345}`));
      expect(quick?.key).toBe(`${'k'.repeat(length)}\t123456789012345\t`);
      expect(quick).toEqual(close);
    }
  });

  it('is not made if new fields may become columns and the message has one', () => {
    const both = bothWays(targetWith({ schemaDrift: 'add_column' }));
    expect(both(Buffer.from('{"id":"a","n":1,"fresh":1}')).quick).toBeNull();
    expect(both(Buffer.from('{"id":"a","n":1,"fresh":null,"hidden":2}')).quick).not.toBeNull();
  });

  it('is not made from very deep nesting', () => {
    const both = bothWays(targetWith());
    expect(both(Buffer.from(`{"id":"a","n":1,"doc":${'['.repeat(64)}${']'.repeat(64)}}`)).quick).not.toBeNull();
    expect(both(Buffer.from(`{"id":"a","n":1,"doc":${'['.repeat(65)}${']'.repeat(65)}}`)).quick).toBeNull();
  });
});
