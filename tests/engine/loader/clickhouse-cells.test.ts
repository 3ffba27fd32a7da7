// Compares random JSON values, written as the loader's text and by the server's JSONEachRow: both are equal, or the
// loader makes a dead letter where the server rejects or changes the value.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { ClickHouseSession } from '../../../src/adapters/clickhouse/session.ts';
import { CELL_SETTINGS, canWrite, columnFormat } from '../../../src/loader/clickhouse/cells.ts';
import { jsonDecoder, PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { FastPath } from '../../../src/loader/formats/rows/json-row-path.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../../src/loader/formats/rows/row-buffer.ts';
import { RowEncoder } from '../../../src/loader/formats/rows/row-encoder.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';
import { loadTargetOf } from '../support/load-target.ts';

const SCHEMA = 'loaded_cells';
const SETTINGS = Object.entries(CELL_SETTINGS)
  .map(([name, value]) => `${name} = ${value}`)
  .join(', ');
const PLACE = Buffer.from('\tt\t0\t');

/** The cell of a value in both ways, as bytes without its row: null where the fast path leaves it, or it is refused. */
function bothWays(type: string): (json: string) => { quick: string | null; close: string | null; why: string } {
  const format = columnFormat(type, false);
  const target = loadTargetOf('t', { columns: [{ name: 'x', type, format }], rest: null });
  const encoder = new RowEncoder(target, { columns: target.columns, hashKey: null, loadId: 'l' });
  const path = new FastPath(encoder.plan);
  return (json) => {
    const value = Buffer.from(`{"x":${json}}`);
    const records = recordsOf([{ offset: 1n, timestamp: 0, key: null, value, headers: [] }]);
    const rows = new RowBuffer(16);
    rows.from(records, 't', 0);
    const quick = path.add(records, 0, rows, PLACE, Buffer.from('')) ? rows.line(0) : null;
    const cell = (line: string): string => line.slice(0, line.indexOf('\t'));
    try {
      const { line } = encoder.encode(records.message(0), jsonDecoder.decode(value) as never, 't', 0, '');
      return { quick: quick === null ? null : cell(quick), close: cell(line), why: '' };
    } catch (error) {
      if (!(error instanceof PoisonMessage)) throw error;
      return { quick: quick === null ? null : cell(quick), close: null, why: error.message };
    }
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

const next = generator(Number(process.env['TSDBT_CELL_SEED'] ?? 20_260_412));
const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
const digits = (most: number): string => Array.from({ length: 1 + next(most) }, () => String(next(10))).join('');
const whole = (most: number): string => `${pick(['', '-'])}${digits(most).replace(/^0+(?=\d)/, '')}`;
const text = (): string =>
  Array.from({ length: next(8) }, () =>
    pick(['a', 'é', '😀', '\t', '\n', '\\', "'", '"', '\0', '\b', '\v', '\\N', ' ', ',', ']']),
  ).join('');
const two = (n: number): string => String(n).padStart(2, '0');
const YEARS = [1899, 1900, 1925, 1969, 1970, 1999, 2026, 2105, 2106, 2149, 2150, 2299, 2300];
const day = (): string => `${pick(YEARS)}-${two(1 + next(12))}-${two(1 + next(31))}`;
const moment = (): string =>
  `${day()}${pick(['T', ' '])}${two(next(24))}:${two(next(60))}:${two(next(60))}` +
  `${pick(['', '', `.${digits(9)}`])}${pick(['Z', 'Z', '', '+02:00', '-1130', '+05'])}`;
const uuid = (): string =>
  [8, 4, 4, 4, 12]
    .map((n) => Array.from({ length: n }, () => pick([...'0123456789abcdefABCDEF'])).join(''))
    .join(pick(['-', '-', '']));
const decimal = (): string => `${whole(12)}${pick(['', `.${digits(8)}`, `.${digits(4)}e${next(6) - 3}`])}`;
const address = (): string =>
  pick(['1.2.3.4', '255.255.255.255', '256.1.1.1', '::1', 'fe80::1:2', '::ffff:1.2.3.4', 'zz', '1.2.3', '']);
const any = (): string =>
  pick([
    () => JSON.stringify(text()),
    () => whole(5),
    () => 'true',
    () => 'null',
    () => '[1]',
    () => '{"a":1}',
    () => '1.5',
  ])();
const string = (value: string): string => JSON.stringify(value);

/** A type and what its values look like in JSON. */
const KINDS: readonly { type: string; json: () => string }[] = [
  ...['8', '16', '32', '64', '128', '256'].flatMap((bits) =>
    ['Int', 'UInt'].map((name) => ({
      type: `${name}${bits}`,
      json: () => pick([() => whole(Math.ceil(Number(bits) / 3)), () => string(whole(4)), any])(),
    })),
  ),
  { type: 'Nullable(Int32)', json: () => pick([() => whole(9), () => 'null'])() },
  {
    type: 'Float64',
    json: () => pick([decimal, () => `${whole(18)}.${digits(18)}e${next(320)}`, () => '"nan"', any])(),
  },
  { type: 'Float32', json: () => pick([() => whole(4), () => `${whole(3)}.5`, () => `1e${next(60)}`, any])() },
  { type: 'Decimal(10, 2)', json: () => pick([decimal, () => string(decimal()), any])() },
  { type: 'Decimal(38, 10)', json: decimal },
  { type: 'Decimal(76, 20)', json: () => `${whole(60)}.${digits(25)}` },
  { type: 'Decimal(5, 5)', json: () => `0.${digits(7)}` },
  { type: 'Bool', json: () => pick(['true', 'false', '1', '0', '2', '"true"', '"x"', 'null', '[]']) },
  { type: 'String', json: () => pick([() => string(text()), any])() },
  { type: 'LowCardinality(Nullable(String))', json: () => pick([() => string(text()), () => 'null'])() },
  { type: 'FixedString(6)', json: () => string(text().replaceAll('\0', '')) },
  { type: 'UUID', json: () => pick([() => string(uuid()), () => string(uuid().slice(1)), any])() },
  {
    type: "Enum8('a' = 1, 'b\\'c' = 2, '\\\\t' = 3)",
    json: () => pick(['"a"', '"b\'c"', '"\\\\t"', '1', '2', '9', '"x"', 'null']),
  },
  { type: 'IPv4', json: () => string(address()) },
  { type: 'IPv6', json: () => string(address()) },
  { type: 'Date', json: () => string(day()) },
  { type: 'Date32', json: () => string(day()) },
  { type: "DateTime('UTC')", json: () => string(moment()) },
  { type: "DateTime('Europe/Berlin')", json: () => string(moment()) },
  ...[0, 3, 6, 9].map((scale) => ({ type: `DateTime64(${scale}, 'UTC')`, json: () => string(moment()) })),
  { type: "Nullable(DateTime64(3, 'Asia/Kolkata'))", json: () => pick([() => string(moment()), () => 'null'])() },
  { type: 'Array(UInt8)', json: () => `[${Array.from({ length: next(4) }, () => whole(3)).join(',')}]` },
  { type: 'Array(Array(String))', json: () => `[[${string(text())}],[],[${string(text())},${string(text())}]]` },
  {
    type: 'Array(Nullable(Decimal(9, 3)))',
    json: () => `[${pick(['null,', ''])}${whole(6)}.${digits(3)}]`,
  },
  { type: "Array(DateTime64(3, 'UTC'))", json: () => `[${string(moment())}]` },
  { type: 'Map(String, Int64)', json: () => `{${string(`k${text()}`)}:${whole(18)},"z":1}` },
  { type: 'Map(UInt16, Array(String))', json: () => `{"${next(70_000)}":[${string(text())}]}` },
  {
    type: 'Tuple(a UInt8, `b c` Nullable(String))',
    json: () => `{"b c":${pick([string(text()), 'null'])},"a":${whole(3)}}`,
  },
  { type: 'Tuple(UUID, Bool)', json: () => `[${string(uuid())},${pick(['true', 'false'])}]` },
  { type: 'Array(Tuple(n Int32, s String))', json: () => `[{"n":${whole(9)},"s":${string(text())}}]` },
  {
    type: 'JSON',
    json: () => pick([() => `{"a":${whole(9)},"b":{"c":[${string(text().replaceAll('\0', ''))}]}}`, any])(),
  },
];

/** What the loader takes though the server's JSON does not, or reads as something else. */
function taken(type: string, json: string): boolean {
  const value: unknown = JSON.parse(json);
  // Whole numbers in any spelling; moments in days; a moment without a zone is UTC.
  return (
    (/Int/.test(type) && /^[["]?-?[\d.]+(?:[eE][+-]?\d+)?[\]"]?$/.test(json)) ||
    (/Int/.test(type) && /-0\b/.test(json)) ||
    typeof value === 'boolean' ||
    (/^Enum/.test(type) && typeof value === 'number') ||
    (/^Bool$/.test(type) && (typeof value === 'string' || typeof value === 'number')) ||
    (/^(?:String|LowC|Fixed|JSON)/.test(type) && typeof value === 'object') ||
    (/Float|Decimal/.test(type) && typeof value === 'string')
  );
}

/** Are the whole numbers that the server keeps those that were written? They go round beyond a type's range. */
function isWritten(type: string, json: string, kept: string): boolean {
  const plain = json.replace(/\\u[\da-f]{4}/g, '');
  if (!/Int/.test(type) || /\d[.eE]/.test(plain)) return true;
  const numbers = (of: string): string => (of.match(/-?\d+/g) ?? []).map(BigInt).join();
  return numbers(plain) === numbers(kept.replace(/\\0/g, ''));
}

describe.skipIf(clickhouseMissing !== null)("the loader's cells for ClickHouse", () => {
  let adapter: ClickHouseAdapter;
  let session: ClickHouseSession;
  beforeAll(async () => {
    adapter = clickhouseAdapter(SCHEMA);
    const opened = adapter.session({ name: 'test' });
    if (!(opened instanceof ClickHouseSession)) throw new Error('no session of ClickHouse');
    session = opened;
    await session.execute(`create database if not exists ${SCHEMA}`);
  });
  afterAll(async () => {
    await session?.release();
    await adapter?.close();
  });

  const read = async (sql: string): Promise<Map<string, string | null>> => {
    const { table } = await session.execute(sql, { fetch: true });
    return new Map(
      table.rows.map((row) => [String(row.values[0]), row.values[1] === null ? null : String(row.values[1])]),
    );
  };

  it.each(KINDS.map((kind) => [kind.type, kind] as const))(
    'of %s contain what the server reads from JSON',
    async (type, { json }) => {
      const values = Array.from({ length: Number(process.env['TSDBT_CELL_VALUES'] ?? 200) }, json);
      const cellsOf = bothWays(type);
      const made = values.map((value) => cellsOf(value));
      for (const name of ['quick', 'close', 'theirs']) {
        await session.execute(`drop table if exists ${SCHEMA}.${name}`);
        await session.execute(`create table ${SCHEMA}.${name} (id UInt32, x ${type}) engine = Memory`);
      }
      for (const way of ['quick', 'close'] as const) {
        const lines = made.flatMap((cells, i) => (cells[way] === null ? [] : [`${i}\t${cells[way]}\n`]));
        await session.insert(`insert into ${SCHEMA}.${way} settings ${SETTINGS} format TabSeparated`, [
          Buffer.from(lines.join('')),
        ]);
      }
      // One at a time: some errors end the whole INSERT.
      const all = values.map((value, i) => `{"id":${i},"x":${value}}\n`);
      const theirs = async (from: number, to: number): Promise<void> => {
        try {
          await session.insert(
            `insert into ${SCHEMA}.theirs settings date_time_input_format = 'best_effort', ` +
              'precise_float_parsing = 1, ' +
              'input_format_null_as_default = 0, input_format_force_null_for_omitted_fields = 1 format JSONEachRow',
            [Buffer.from(all.slice(from, to).join(''))],
          );
        } catch {
          if (to - from === 1) return;
          await theirs(from, (from + to) >> 1);
          await theirs((from + to) >> 1, to);
        }
      };
      await theirs(0, all.length);
      const kept = {
        quick: await read(`select id, toString(x) from ${SCHEMA}.quick`),
        close: await read(`select id, toString(x) from ${SCHEMA}.close`),
        theirs: await read(`select id, toString(x) from ${SCHEMA}.theirs`),
      };
      const differences: unknown[] = [];
      for (const [i, value] of values.entries()) {
        const id = String(i);
        // A null is told from what is not there.
        const [ours, other] = [kept.close, kept.theirs].map((of) => (of.has(id) ? (of.get(id) ?? 'null') : undefined));
        const note = (what: string): void =>
          void differences.push({
            what,
            value,
            cell: made[i]?.close,
            quick: kept.quick.get(id),
            ours,
            other,
            why: made[i]?.why,
          });
        if (kept.quick.has(id) && (kept.quick.get(id) ?? 'null') !== ours) note('the fast path holds another value');
        if (made[i]?.close !== null && ours === undefined) note('lost');
        if (ours === undefined) {
          // The server takes null for 0 and a number for a moment; a value that it changes is refused here.
          const changed =
            other === undefined ||
            !isWritten(type, value, other) ||
            OUTSIDE.test(value) ||
            !whatItIs(type, value, other);
          if (!changed) note('refused here alone');
        } else if (other === undefined) {
          if (!taken(type, value)) note('taken here alone');
        } else if (ours !== other && !spelt(type, value, ours, other)) note('another value');
      }
      expect(differences.slice(0, 5)).toEqual([]);
    },
  );

  /** Years that a type may not hold, and days that do not exist: the server takes the nearest. */
  const OUTSIDE = /"(?:1[89]\d\d|2\d\d\d)-\d\d-\d\d/;
  /** A text that is no date, UUID or number may be read up to where it ends. */
  function whatItIs(type: string, value: string, other: string): boolean {
    if (value === 'null') return false;
    if (/Float/.test(type)) return !/inf|^0$/.test(other);
    return true;
  }
  /** The same value in the server's and the loader's way. */
  function spelt(type: string, value: string, ours: string, other: string): boolean {
    if (/Date/.test(type) && !/Z"|[+-]\d\d:?\d*"/.test(value)) return /Berlin|Kolkata/.test(type);
    return /^(?:String|Low|Fixed)/.test(type) && !value.startsWith('"') ? ours !== '' && other !== '' : false;
  }

  it('exclude types that the loader cannot write', () => {
    for (const type of [
      'AggregateFunction(sum, UInt8)',
      'Variant(UInt8, String)',
      'Dynamic',
      'Point',
      'IntervalDay',
      'Array(Dynamic)',
    ])
      expect(canWrite(type)).toBe(false);
    for (const { type } of KINDS) expect(canWrite(type)).toBe(true);
  });
});
