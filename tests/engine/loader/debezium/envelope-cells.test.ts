// The row made from the bytes of an envelope against the one made of the decoded change: every recorded message, with
// and without a schema, and thousands of random ones.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../../src/loader/brokers/broker.ts';
import { Change, Halt } from '../../../../src/loader/formats/row-change.ts';
import { columnFormat } from '../../../../src/loader/clickhouse/cells.ts';
import type { StoredType } from '../../../../src/loader/formats/values/column-check.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { type NewestChange, SnapshotFloors } from '../../../../src/loader/formats/debezium/snapshot-floors.ts';
import { PoisonMessage } from '../../../../src/loader/formats/message-decoder.ts';
import { recordsOf } from '../../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../../src/loader/formats/rows/row-buffer.ts';
import { parseJson } from '../../../../src/loader/formats/values/lossless-json.ts';
import type { LoadColumn, LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { RowEncoder } from '../../../../src/loader/formats/rows/row-encoder.ts';
import { loadTargetOf } from '../../support/load-target.ts';
import { CHANGES, ENVELOPE, FIELDS, wrapped } from './connect-schema.ts';
import { recorded } from './envelopes.ts';

const READABLE = { decimals: 'string', times: 'isostring', binary: 'hex' } as const;
const LOADED_AT = '2026-01-02T03:04:05.678Z';

const stored = (type: string, modifier = -1, required = false): StoredType => ({
  input: type,
  type,
  modifier,
  element: null,
  labels: null,
  required,
});
const ORDERS: readonly LoadColumn[] = [
  { name: 'id', type: 'bigint' },
  { name: 'customer', type: 'uuid' },
  { name: 'status', type: 'text' },
  { name: 'total', type: 'numeric(12,2)' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'due', type: 'date' },
  { name: 'local_ts', type: 'timestamp' },
  { name: 'lines', type: 'jsonb' },
  { name: 'tags', type: 'text[]' },
  { name: 'processing_ts', type: 'timestamptz' },
];
const CHECKED: readonly LoadColumn[] = [
  { name: 'id', type: 'bigint', stored: stored('int8', -1, true) },
  { name: 'customer', type: 'uuid', stored: stored('uuid', -1, true) },
  { name: 'status', type: 'varchar(4)', stored: stored('varchar', 8) },
  { name: 'total', type: 'numeric(6,2)', stored: stored('numeric', ((6 << 16) | 2) + 4) },
  { name: 'created_at', type: 'timestamptz', stored: stored('timestamptz') },
  { name: 'due', type: 'date', stored: stored('date') },
  { name: 'local_ts', type: 'timestamp', stored: stored('timestamp') },
  { name: 'note', type: 'text' },
  { name: 'extra', type: 'float8', stored: stored('float8') },
];
const HOUSE: readonly LoadColumn[] = Object.entries({
  id: 'Int64',
  customer: 'UUID',
  status: 'LowCardinality(String)',
  total: 'Nullable(Decimal(12, 2))',
  created_at: "DateTime64(6, 'UTC')",
  due: 'Nullable(Date32)',
  local_ts: "Nullable(DateTime64(6, 'UTC'))",
  lines: 'String',
  note: 'Nullable(String)',
}).map(([name, type]) => ({ name, type, format: columnFormat(type, false) }));

function targetOf(columns: readonly LoadColumn[], more: Partial<LoadTarget> = {}): LoadTarget {
  return loadTargetOf('orders', {
    format: 'debezium',
    mode: 'upsert',
    key: ['id'],
    columns,
    changes: CHANGES,
    ...more,
  });
}
const TARGETS: Readonly<Record<string, LoadTarget>> = {
  'Postgres, unchecked': targetOf(ORDERS),
  'Postgres, checked': targetOf(CHECKED, { rest: null }),
  'Postgres, readable': targetOf(ORDERS, { changes: { ...CHANGES, ...READABLE } }),
  'Postgres, hashed and cut': targetOf(
    [
      ...ORDERS.slice(0, 4),
      { name: 'at', type: 'timestamptz', origin: { part: 'timestamp' } },
      { name: 'created_at', type: 'timestamptz' },
    ],
    { hash: ['status'], drop: ['note', 'big'] },
  ),
  'Postgres, append by day': targetOf(ORDERS, {
    mode: 'append',
    key: [],
    partitionBy: { column: 'created_at', every: 'day' },
  }),
  'Postgres, topic in the key': targetOf([{ name: 't', type: 'text', origin: { part: 'topic' } }, ...ORDERS], {
    key: ['t', 'id'],
  }),
  'Postgres, drift': targetOf(ORDERS, { schemaDrift: 'add_column' }),
  ClickHouse: targetOf(HOUSE, { changes: { ...CHANGES, keeps: false }, rest: null }),
  'ClickHouse, topic in the key': targetOf(
    [
      ...HOUSE,
      { name: 't', type: 'LowCardinality(String)', origin: { part: 'topic' }, format: columnFormat('String', false) },
    ],
    { key: ['t', 'id'], changes: { ...CHANGES, keeps: false }, rest: null },
  ),
  'ClickHouse, readable': targetOf(HOUSE, { changes: { ...CHANGES, ...READABLE, keeps: false } }),
};

interface Made {
  readonly cells: readonly unknown[];
  readonly key: string;
  readonly days: readonly number[];
  readonly tombstones: number;
}

const SPELT = new Set(['customer', 'created_at', 'due', 'local_ts', 'total']);

/** Makes rows of messages in both ways, each with what it knows of the messages before. */
function bothWays(
  target: LoadTarget,
  known: NewestChange | null = null,
): (message: Message) => { quick: Made | null; close: Made | null } {
  const decoder = changeDecoder(null, target, Date.now);
  const encoder = new RowEncoder(target, { columns: target.columns, hashKey: 'key', loadId: 'load\t1' });
  const [floors, others] = [new SnapshotFloors(target), new SnapshotFloors(target)];
  if (known !== null) for (const each of [floors, others]) each.of({ topic: 't', partition: 3 }).knownChange(known);
  const path = decoder.path?.(encoder.plan, floors);
  const place = encoder.place('t', 3);
  const house = target.columns.some(({ format }) => format !== undefined);
  const made = (rows: RowBuffer): Made => ({
    cells: rows
      .line(0)
      .split('\t')
      .map((cell, i) => {
        const column = target.columns[i];
        if (cell !== '\\N' && (i === target.columns.length || /^json/.test(column?.type ?? '')) && target.rest !== null)
          return parseJson(
            cell.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' })[c] ?? c),
          );
        // ClickHouse reads both.
        return house && SPELT.has(column?.name ?? '') ? canonical(cell) : cell;
      }),
    key: rows.keys.toString('utf8', 0, rows.keyEnd),
    days: [...rows.times()].map((time) => Math.floor(time / 86_400_000)),
    tombstones: rows.tombstones,
  });
  return (message) => {
    const records = recordsOf([
      { ...message, offset: message.offset - 1n, key: Buffer.from('{"id":'), value: Buffer.from('{"op":"') },
      message,
      { ...message, offset: message.offset + 1n, key: Buffer.from('7}'), value: Buffer.from('"}') },
    ]);
    const buffer = (): RowBuffer => {
      const rows = new RowBuffer(16);
      rows.from(records, 't', 3);
      return rows;
    };
    const quickly = buffer();
    const quick =
      message.value !== null && path?.add(records, 1, quickly, place, Buffer.from(LOADED_AT)) === true
        ? made(quickly)
        : null;
    if (quick === null && quickly.length + quickly.end + quickly.tombstones > 0) throw new Error('a row was begun');
    const closely = buffer();
    try {
      const change = decoder.message?.(records.message(1));
      if (!(change instanceof Change)) return { quick, close: null };
      if (target.schemaDrift !== 'ignore' && encoder.drift(change.record).length > 0) return { quick, close: null };
      const ranked = others.ranked({ topic: 't', partition: 3 }, change);
      if (quick === null) floors.ranked({ topic: 't', partition: 3 }, change);
      const {
        line,
        key,
        partitionTime,
        tombstone,
        change: placed,
      } = encoder.encode(records.message(1), ranked, 't', 3, LOADED_AT);
      closely.add(1, line, key, tombstone, placed);
      if (partitionTime !== null) closely.addTime(partitionTime);
      return { quick, close: made(closely) };
    } catch (error) {
      if (!(error instanceof PoisonMessage) && !(error instanceof Halt)) throw error;
      return { quick, close: null };
    }
  };
}

/** A moment, a decimal or a UUID without what says nothing. */
function canonical(cell: string): string {
  if (/^[\da-fA-F-]{36}$/.test(cell)) return cell.toLowerCase();
  const bare = cell
    .replace(' ', 'T')
    .replace(/Z$/, '')
    .replace(/T00:00:00(?:\.0+)?$/, '');
  return /\.\d*$/.test(bare) ? bare.replace(/\.?0+$/, '') : bare;
}

/** How the key comes: as the value does, without a schema, or as its only value, plain or as JSON. */
const KEYS = ['alike', 'bare', 'plain'] as const;

function keyed(key: string | null, schema: boolean, how: (typeof KEYS)[number]): string | null {
  if (key === null || how === 'bare') return key;
  if (how === 'alike') return schema ? wrapped(key, [FIELDS[0]]) : key;
  const found = /^\{"id":(-?\d+)\}$/.exec(key)?.[1];
  return found ?? key;
}

const withSchema = (value: string): string => wrapped(value, ENVELOPE);

function messageOf(offset: number, key: string | null, value: string | null): Message {
  return {
    offset: BigInt(offset),
    timestamp: offset % 7 === 0 ? null : 1_767_225_600_123 + offset,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: [],
  };
}

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe.each(Object.entries(TARGETS))('directly made rows of envelopes: %s', (name, target) => {
  const ways = [false, true].flatMap((schema) => KEYS.map((how) => ({ schema, how })));
  it.each(ways)('equal those of every recorded change, with a schema: $schema, keys: $how', ({ schema, how }) => {
    const counts = { quick: 0, close: 0 };
    for (const file of ['debezium-default', 'debezium-readable'] as const) {
      const add = bothWays(target);
      for (const [i, { key, value, topic }] of recorded(file).entries()) {
        const wide = /\.wide$/.test(topic);
        const fields = wide ? [FIELDS[0]] : FIELDS;
        const { quick, close } = add(
          messageOf(
            i + 1,
            keyed(key, schema, how),
            value !== null && schema ? wrapped(value, [{ field: 'after', type: 'struct', fields }]) : value,
          ),
        );
        if (quick !== null) expect(quick).toEqual(close);
        if (quick !== null) counts.quick++;
        if (close !== null) counts.close++;
      }
    }
    // Changes that lack columns, or of which another table is made, go the slow way.
    expect(counts.close).toBeGreaterThan(10);
    expect(counts.quick / counts.close, `${name}: ${JSON.stringify(counts)}`).toBeGreaterThan(0.3);
  });

  it('equal those of random changes, including invalid ones', () => {
    const counts = { quick: 0, close: 0, refused: 0 };
    for (const schema of [false, true]) {
      const below = generator(schema ? 7 : 11);
      const add = bothWays(target);
      add(messageOf(1, '{"id":0}', envelopeOf('r', `{"id":0,${ROW}}`, 5)));
      for (let i = 2; i < 1500; i++) {
        const [key, value] = randomChange(below, i);
        const plain = schema && below(12) > 0;
        const { quick, close } = add(
          messageOf(i, key !== null && plain ? wrapped(key, [FIELDS[0]]) : key, plain ? withSchema(value) : value),
        );
        if (quick !== null && !isDeepStrictEqual(quick, close)) expect(quick, value).toEqual(close);
        if (close === null) counts.refused++;
        else counts.close++;
        if (quick !== null) counts.quick++;
      }
    }
    expect(counts.refused).toBeGreaterThan(50);
    expect(counts.quick / counts.close, JSON.stringify(counts)).toBeGreaterThan(0.25);
  });
});

describe('a source whose positions start again', () => {
  type Told = readonly [op: string, lsn: number, second: number, committed: number | null];
  /** How each change is taken; a stop ends it. */
  const taken = (target: LoadTarget, changes: readonly Told[], known: NewestChange | null = null): string[] => {
    const add = bothWays(target, known);
    const how: string[] = [];
    for (const [i, [op, lsn, second, committed]] of [['r', 100, 0, null] as const, ...changes].entries()) {
      const sequence = JSON.stringify(JSON.stringify([committed === null ? null : String(committed), String(lsn)]));
      const text = envelopeOf(op, `{"id":0,${ROW}}`, lsn, `,"sequence":${sequence}`).replace(
        '"ts_us":1795333052492943',
        `"ts_us":${1_795_333_052_492_943 + second * 1e6}`,
      );
      const { quick, close } = add(messageOf(i + 1, '{"id":0}', text));
      if (quick !== null) expect(quick).toEqual(close);
      if (i > 0) how.push(quick !== null ? 'quick' : close !== null ? 'close' : 'stop');
    }
    return how;
  };
  const house = targetOf(HOUSE, { changes: { ...CHANGES, keeps: false }, rest: null });

  it.each<[string, readonly Told[], string[]]>([
    [
      'goes on in order',
      [
        ['u', 200, 10, 150],
        ['d', 300, 20, 210],
        ['c', 310, 20, 210],
      ],
      ['quick', 'quick', 'quick'],
    ],
    [
      'goes on with a transaction that took longer',
      [
        ['u', 200, 10, 150],
        ['u', 180, 20, 210],
      ],
      ['quick', 'quick'],
    ],
    [
      'goes on where changes come again',
      [
        ['u', 200, 10, 150],
        ['u', 180, 5, 150],
        ['u', 200, 10, 150],
        ['u', 300, 20, 210],
      ],
      ['quick', 'quick', 'quick', 'quick'],
    ],
    [
      'goes on with times that are alike',
      [
        ['u', 200, 10, 150],
        ['u', 180, 11, 150],
      ],
      ['quick', 'quick'],
    ],
    [
      'goes on where nothing says what was committed',
      [
        ['u', 200, 10, 150],
        ['u', 180, 20, null],
      ],
      ['quick', 'close'],
    ],
    [
      'goes on behind its snapshot',
      [
        ['u', 90, 10, 80],
        ['u', 95, 20, 92],
        ['u', 110, 30, 96],
      ],
      ['quick', 'quick', 'quick'],
    ],
    [
      'goes on with a snapshot',
      [
        ['u', 200, 10, 150],
        ['r', 180, 20, null],
      ],
      ['quick', 'quick'],
    ],
    [
      'stops',
      [
        ['u', 200, 10, 150],
        ['u', 120, 20, 110],
      ],
      ['quick', 'stop'],
    ],
    [
      'stops behind the first transaction of a new slot, though changes come fast',
      [
        ['u', 200, 10, 150],
        ['u', 120, 20, null],
        ['u', 125, 20.5, 122],
      ],
      ['quick', 'close', 'stop'],
    ],
    [
      'stops behind the snapshot of a new slot, though changes come fast',
      [
        ['u', 200, 10, 150],
        ['r', 120, 20, null],
        ['u', 125, 20.5, 122],
      ],
      ['quick', 'quick', 'stop'],
    ],
  ])('is handled as expected: %s', (_, changes, expected) => {
    expect(taken(house, changes)).toEqual(expected);
  });

  it('stops even for what is in the table, unless the table is queried or keeps all', () => {
    const known = { position: 200n, micros: 1_795_333_052_492_943 + 1e7, source: 'app' };
    const late: readonly Told[] = [['u', 120, 20, 110]];
    expect(taken(house, late, known)).toEqual(['stop']);
    expect(taken({ ...house, mode: 'append' }, late, known)).toEqual(['quick']);
    expect(taken(targetOf(ORDERS), late, known)).toEqual(['quick']);
  });
});

describe.each([
  ['text', 'text', undefined],
  ['varchar', 'varchar(20)', undefined],
  ['bigint', 'bigint', undefined],
  ['String', 'String', columnFormat('String', false)],
  ['LowCardinality(String)', 'LowCardinality(String)', columnFormat('LowCardinality(String)', false)],
  ['Int64', 'Int64', columnFormat('Int64', false)],
])('keys that are not objects, of a column of %s,', (_, type, format) => {
  const columns = [{ name: 'id', type, ...(format === undefined ? {} : { format }) }];
  const written = ['1.1', '1.10', '1e5', '100000', '-0', '0', ' 7', '7', '007', 'null', 'true', 'a-b', '"1.10"', '"a"'];

  it('make the same rows in both ways, and texts stay distinct', () => {
    const add = bothWays(targetOf(columns));
    add(messageOf(1, '1', envelopeOf('r', '{"id":1}', 5)));
    const [keys, quickly] = [new Set<string>(), new Set<string>()];
    for (const [i, key] of written.entries())
      for (const after of ['{}', `{"id":${JSON.stringify(key)}}`, `{"id":${key}}`]) {
        const { quick, close } = add(messageOf(i + 2, key, envelopeOf('u', after, 10 + i)));
        if (quick !== null) expect(quick, key).toEqual(close);
        if (quick !== null) quickly.add(key);
        if (close !== null) keys.add(close.key);
      }
    expect(quickly.size).toBeGreaterThan(2);
    // "1.10" is quoted here, and bare.
    if (!/int/i.test(type)) expect(keys.size).toBe(written.length - 1);
  });
});

const ROW = [
  '"customer":"00000000-0000-0000-0000-000000000001","status":"new","total":"BAE="',
  '"created_at":"2026-03-01T08:00:00.123456Z","due":20545,"local_ts":1772359200500000',
  '"lines":"{}","tags":[],"note":null',
].join(',');

function envelopeOf(op: string, after: string, lsn: number | string, more = ''): string {
  return (
    `{"before":null,"after":${after},"source":{"version":"3.3.0.Final","connector":"postgresql","name":"app",` +
    `"ts_ms":1795333052492,"ts_us":1795333052492943,"lsn":${lsn}${more}},"transaction":null,"op":"${op}","ts_ms":1}`
  );
}

/** Values of each field, in JSON: ordinary ones first, then odd and wrong ones. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  customer: ['"00000000-0000-0000-0000-0000000000aF"', '"{00000000000000000000000000000001}"', '"nobody"', '1', 'null'],
  status: [
    '"new"',
    '"paid"',
    '"a\\tb\\n\\\\"',
    '"größe"',
    '"\\u00e9\\ud83d\\ude00"',
    '"longer"',
    'true',
    '1.50',
    '"\\u0000"',
  ],
  total: [
    '"BAE="',
    '"8A=="',
    '"AA=="',
    '"fwEC"',
    '"gAAAAAAA"',
    '"f////////w=="',
    '"AAAAAAAAAAAB"',
    'null',
    '10.25',
    '"10.25"',
    '"-3"',
    '"NAN"',
    '"POSITIVE_INFINITY"',
    '"B*E="',
    '""',
    '"BAE"',
    '{"scale":3,"value":"BAE="}',
    '1e3',
    '12345678901234567890.5',
  ],
  created_at: [
    '"2026-03-01T08:00:00.123456Z"',
    '"2026-03-31T08:00:00Z"',
    '"0000-01-01T00:00:00Z"',
    '"-0043-03-15T12:00:00Z"',
    '"12026-03-01T08:00:00Z"',
    '"infinity"',
    '"1850-01-01T00:00:00Z"',
    '1772359200500000',
    '1772359200500',
    '"2026-02-30T00:00:00Z"',
    '"9223372036825200000"',
    'null',
    '"2026-03-01T08:00:00+02:00"',
    '"now"',
  ],
  due: [
    '20545',
    '-1',
    '0',
    '-719162',
    '-719163',
    '2932896',
    '2932897',
    '-2147472692',
    '"2026-04-02Z"',
    '"2026-04-02"',
    '99999',
    '1.5',
    'true',
    'null',
  ],
  local_ts: [
    '1772359200500000',
    '-1',
    '0',
    '999999',
    '-62135596800000000',
    '9007199254740993',
    '9223372036825200000',
    '"2026-03-01T10:00:00.5Z"',
    '"2026-03-01T10:00:00.5"',
    '253402300800000000',
    '1.0',
    'null',
    'false',
  ],
  lines: ['"{\\"f\\": 1.10}"', '"null"', '"{"', '{"a":"b\\\\c"}', '[1, 2]', 'null', '"[]"'],
  tags: ['["t1","x,y"]', '[]', '[null]', '["__debezium_unavailable_value"]', 'null'],
  note: [
    '"note"',
    '"a \\"b\\" \\\\ c"',
    '"__debezium_unavailable_value"',
    '"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="',
    '"\\u005f_debezium_unavailable_value"',
    '{"__debezium_unavailable_value":1}',
    '12.50',
    '-0',
    'null',
  ],
  extra: ['1.5', '1e400', '"NaN"', '0.1', '{"deep":[1,{"x":"\\n"}]}', 'null'],
  big: ['"large"', 'null'],
  at: ['"field of a column\'s name"'],
};

/** A key and an envelope: mostly ordinary ones. */
function randomChange(below: (limit: number) => number, i: number): [key: string | null, value: string] {
  const odd = (one: number): boolean => below(one) === 0;
  const of = (name: string): string => {
    const values = VALUES[name] ?? ['null'];
    return values[odd(5) ? below(values.length) : Math.min(below(3), values.length - 1)] ?? 'null';
  };
  const id = odd(15) ? (['"x"', 'null', '9007199254740993', '1.0', '"1"', '-5'][below(6)] ?? '1') : String(below(50));
  const rowId = odd(25) ? String(below(50)) : id;
  const names = Object.keys(VALUES).filter((name) =>
    name === 'extra' || name === 'big' || name === 'at' ? odd(8) : !odd(40),
  );
  const blank = odd(20) ? ' ' : '';
  const members = names.map((name) => `${blank}"${name}":${blank}${of(name)}`);
  if (odd(30)) members.push(`"status":${of('status')}`);
  if (!odd(30)) members.unshift(`"id":${rowId}`);
  const op = odd(4) ? (['d', 'd', 'r', 't', 'm', 'x'][below(6)] ?? 'd') : odd(2) ? 'c' : 'u';
  const after = op === 'd' || odd(60) ? 'null' : `{${members.join(',')}}`;
  const lsn = odd(50)
    ? (['null', '"7"', '99999999999999999999', '9007199254740993'][below(4)] ?? 'null')
    : 100 + i - below(50);
  const more = odd(40) ? (['"ts_us":null', '"ts_us":"1795333052492943"', '"name":"app"'][below(3)] ?? '') : '';
  const value = envelopeOf(op, after, lsn, more === '' ? '' : `,${more}`);
  const key = odd(25)
    ? ([null, '{}', `{"id":${id},"other":1}`, `{"other":${id}}`, `${id}`, ` {"id" : ${id}} `][below(6)] ?? null)
    : `{"id":${id}}`;
  if (odd(60)) return [key, value.slice(0, -1 - below(20))];
  return [key, odd(40) ? ` ${value}\n` : value];
}
