// Compares the loader's check of a value with Postgres: nothing valid may be rejected, and little invalid may pass.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnCheck, isOrdinaryMoment } from '../../../src/loader/formats/values/column-check.ts';
import { storedTypes } from '../../../src/loader/postgres/existing-table.ts';
import { LoadLab } from './load-lab.ts';

const NUMBERS = [
  '0',
  '-0',
  '1',
  '+1',
  ' 7 ',
  '\t7\n',
  '',
  ' ',
  '-',
  '+',
  '.',
  '1.',
  '.5',
  '1.5',
  '-1.5',
  '1e3',
  '1E3',
  '1e-3',
  '1e400',
  '-1e400',
  '1e-400',
  '0e999',
  '1e39',
  '1e-46',
  '3.4028235e38',
  '3.5e38',
  '127',
  '32767',
  '32768',
  '-32768',
  '-32769',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999999999',
  'NaN',
  'nan',
  'Infinity',
  '-Infinity',
  'inf',
  '+inf',
  '0x1F',
  '0b11',
  '0o17',
  '1_000',
  '_1',
  '1__0',
  'abc',
  '12abc',
  '1 2',
  '1,5',
  'null',
  'true',
  '{"a": 1}',
  '٣',
  '999.994',
  '999.995',
  '999.99',
  '1000',
  '99999.9',
  '0.001',
  '0.0049',
  '1e2',
  '12e-2',
  '123456e-4',
  '00012',
  '000999.999',
  '-999.995',
  '1e-1001',
  '0.000000000000000000000000000001',
  '9'.repeat(40),
];
const MOMENTS = [
  '2026-01-31',
  '2026-02-29',
  '2024-02-29',
  '1900-02-29',
  '2000-02-29',
  '2026-04-31',
  '2026-13-01',
  '2026-00-10',
  '2026-01-00',
  '0000-01-01',
  '0001-01-01',
  '0001-01-01 BC',
  '0000-01-01 BC',
  '4713-01-01 BC',
  '4714-11-24 BC',
  '4715-01-01 BC',
  '2026-01-01T24:00:00',
  '2026-01-01T24:00:01',
  '2026-01-01T24:01:00',
  '2026-01-01T25:00:00',
  '2026-01-01T23:59:60',
  '2026-01-01T23:59:61',
  '2026-01-01T23:60:00',
  '2026-12-31T23:59:60Z',
  '2026-01-01T10:00',
  '2026-01-01 10:00:00.123456789',
  '2026-01-01T10:00:00.Z',
  '2026-01-01T10:00:00Z',
  '2026-01-01T10:00:00z',
  '2026-01-01T10:00:00+02',
  '2026-01-01T10:00:00+02:30',
  '2026-01-01T10:00:00+0230',
  '2026-01-01T10:00:00-15:59',
  '2026-01-01T10:00:00+25:00',
  '2026-01-01T10:00:00+16:00',
  '2026-01-01T10:00:00 UTC',
  '2026-01-01T10:00:00 Europe/Berlin',
  '2026-01-01 10:00:00 PM',
  'infinity',
  '-infinity',
  'Infinity',
  'epoch',
  'now',
  'today',
  'tomorrow',
  'allballs',
  'no time',
  '',
  ' ',
  'null',
  '20260101',
  '2026.01.01',
  '2026/01/01',
  '01/02/2026',
  'Jan 1 2026',
  '1 January 2026',
  '2026-Jan-01',
  '2026-1-1',
  '2026-001',
  '10000-01-01',
  '294276-12-31',
  '294277-01-01',
  '5874897-12-31',
  '+010000-01-01T00:00:00.000Z',
  '-000001-01-01T00:00:00.000Z',
  '2026-01-01T',
  'T10:00:00',
  '10:00:00',
  '2026-01-01T10:00:00,5',
  '2026-01-01T10:00:00.5.5',
  '2026-01-01x',
  '1700000000',
  '1700000000000',
  '2026-W01-1',
  'J2451187',
  '{}',
  'today 10:00',
  '26-01-01',
  '99999-01-01',
  '2026-01-01T1:02:03',
  '2026-01-01T10:0:00',
  '2026-01-01T10:00:0',
];
const TEXTS = [
  '',
  ' ',
  'a',
  'abcd',
  'abcde',
  'abcdef',
  'abcd ',
  'abcd      ',
  'abcd  x',
  'äöüß',
  'äöüßé',
  '😀😀😀😀',
  '😀😀😀😀😀',
  '     ',
];
const BOOLEANS = [
  't',
  'T',
  'true',
  'TRUE',
  'tru',
  'tr',
  'f',
  'false',
  'yes',
  'y',
  'no',
  'n',
  'on',
  'of',
  'off',
  'o',
  '1',
  '0',
  '2',
  '01',
  '',
  ' ',
  ' true ',
  'truex',
  'null',
  'ja',
  '-1',
  '1.0',
];
const UUIDS = [
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
  '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  'a0eebc999c0b4ef8bb6d6bb9bd380a11',
  'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
  'a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11',
  'a0eeb-c999c0b4ef8bb6d6bb9bd380a11',
  ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1',
  'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '',
  'null',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-',
];
const ADDRESSES = [
  '10.0.0.1',
  '10.0.0.1/8',
  '10.0.0.0/8',
  '256.0.0.1',
  '10.0.0',
  '::1',
  '::ffff:1.2.3.4',
  'fe80::1%eth0',
  'localhost',
  '',
  'a',
  '10/8',
];
const ARRAYS = [
  '{}',
  '{1,2}',
  '{"1","2"}',
  '{"1",NULL}',
  '{"x"}',
  '{"1","x"}',
  '{{"1"},{"2"}}',
  '{{"1"},{"2","3"}}',
  '1,2',
  '',
  '[1]',
  '[0:1]={1,2}',
  '{"1"',
  '{"99999999999"}',
  '{"a\\"b"}',
  ' {"1"} ',
  'null',
];
const WORDS = ['new', 'done', 'New', ' new', 'other', ''];
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  smallint: NUMBERS,
  integer: NUMBERS,
  bigint: NUMBERS,
  numeric: NUMBERS,
  'numeric(5,2)': NUMBERS,
  'numeric(3)': NUMBERS,
  'numeric(2,2)': NUMBERS,
  real: NUMBERS,
  'double precision': NUMBERS,
  oid: NUMBERS,
  money: NUMBERS,
  date: MOMENTS,
  timestamp: MOMENTS,
  timestamptz: MOMENTS,
  'timestamp(3)': MOMENTS,
  time: MOMENTS,
  interval: MOMENTS,
  'varchar(4)': TEXTS,
  'char(4)': TEXTS,
  varchar: TEXTS,
  text: TEXTS,
  'bit(3)': ['101', '10', 'x'],
  boolean: BOOLEANS,
  uuid: UUIDS,
  inet: ADDRESSES,
  cidr: ADDRESSES,
  'integer[]': ARRAYS,
  'text[]': ARRAYS,
  'numeric(5,2)[]': ARRAYS,
  'varchar(1)[]': ARRAYS,
  'raw.state': WORDS,
  'raw.state[]': ['{}', '{"new"}', '{"other"}'],
  'raw.small': NUMBERS,
};

describe('the check of column values', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  it('gives the same answer as Postgres, and leaves doubtful values to it', async () => {
    const types = Object.keys(COLUMNS);
    const target = lab.target({});
    const session = lab.adapter.session({ name: 'test' });
    await session.begin();
    await session.execute(
      "create schema if not exists raw; create type raw.state as enum ('new', 'done'); create domain raw.small " +
        `as smallint check (value < 100);
create table raw.${target.identifier} (${types.map((type, i) => `c${i} ${type}`).join(', ')})`,
    );
    const stored = await storedTypes(session, target);
    const [wrongly, through]: [string[], string[]] = [[], []];
    for (const [i, type] of types.entries()) {
      const check = columnCheck(stored.get(`c${i}`));
      for (const text of COLUMNS[type]!) {
        const refused = await session.attempt(
          `insert into raw.${target.identifier} (c${i}) select x::${stored.get(`c${i}`)!.input} from (select ` +
            `'${text.replaceAll("'", "''")}'::text as x) as t`,
        );
        const said = check.text?.(text) ?? null;
        if (said !== null && refused === null) wrongly.push(`${type}: ${JSON.stringify(text)}: ${said}`);
        if (said === null && refused !== null && check.text !== null) through.push(`${type}: ${JSON.stringify(text)}`);
      }
    }
    await session.rollback();
    await session.release();
    expect(wrongly).toEqual([]);
    // Spellings of which servers differ, arrays that are not ours, a domain's own rule, addresses, and what only a
    // whole parser of dates knows.
    expect(
      through.filter(
        (each) =>
          !new RegExp(
            String.raw`_|\[\]: |^raw\.small|^(inet|cidr): |^uuid: "\{|^(date|timestamp|timestamptz` +
              String.raw`|timestamp\(3\)): |^numeric\(2,2\): "0[xbo]`,
          ).test(each),
      ),
    ).toEqual([]);
    expect(through.filter((each) => /\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d)?Z?"$/.test(each))).toEqual([]);
  });

  it('treats as ordinary the timestamps that need no check', () => {
    const ordinary = MOMENTS.filter((text) => isOrdinaryMoment(Buffer.from(text), 0, Buffer.byteLength(text)));
    expect(ordinary).toEqual([
      '2026-01-31',
      '2024-02-29',
      '2000-02-29',
      '0001-01-01',
      '2026-01-01T10:00:00.123456789'.replace('T', ' '),
      '2026-01-01T10:00:00.Z',
      '2026-01-01T10:00:00Z',
    ]);
  });

  it('knows the days of ordinary timestamps from the calendar', () => {
    const isDay = (text: string): boolean => {
      const time = Date.parse(`${text}T00:00:00Z`);
      return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
    };
    const two = (number: number): string => String(number).padStart(2, '0');
    for (const year of [1, 4, 100, 400, 1900, 1999, 2000, 2023, 2024, 2100, 9999])
      for (let month = 0; month <= 13; month++)
        for (let day = 0; day <= 32; day++) {
          const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
          expect([text, isOrdinaryMoment(Buffer.from(text), 0, text.length)]).toEqual([text, isDay(text)]);
        }
  });
});
