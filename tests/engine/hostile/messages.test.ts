// Messages of a hostile producer become rows or dead letters. None of them stops the loader or a replay.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeDecoder } from '../../../src/loader/formats/debezium/debezium-decoder.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { ClickHouseLab } from '../loader/clickhouse-lab.ts';
import { LoadLab } from '../loader/load-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

/** Names of new fields: reserved by a database, spelled as SQL, not a text, or too long. */
const FIELDS = [
  ...['ctid', 'tableoid', '_row_exists', '_block_number', "'; drop table t", 'a"`\\\n', 'a\0b', '\ud800'],
  ...['x'.repeat(64), '__proto__', '{x:String}'],
];
const many = (count: number): string =>
  JSON.stringify({
    ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`.padStart(30, 'é'), i])),
    ...{ id: 1, texts: [], json: '' },
  });
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

type Lab = LoadLab | ClickHouseLab;

const replay = (lab: Lab, target: LoadTarget): ReturnType<typeof replayLetters> =>
  replayLetters({
    ...{ sink: lab.sink, decoder: jsonDecoder, target, hashKey: null, loadId: 'replay', now: Date.now },
  });

/** JSON of values that few types accept: objects, lists, large numbers, texts that are spelled as names or queries. */
const ODD_VALUES = [
  ...['{}', '{"valueOf":1,"toString":1}', '[[{}]]', '[]', '1e400', '-0', `1${'0'.repeat(400)}`, '"a.b.c"', '"1.x"'],
  ...['"nowhere"', '"a & | b"', '"a:1x"', '"$.["', '"\\u0000"', '"=r/x"', `"${'x'.repeat(100)}"`, 'true', '""'],
];

interface Types {
  readonly id: string;
  readonly texts: string;
  readonly json: string;
  /** Types whose values are not only numbers, texts and times. */
  readonly odd: readonly string[];
}

function cases(open: () => Lab, types: Types): void {
  const produce = (...messages: readonly string[]): void => {
    for (const text of messages) open().broker.produce('t', 0, null, { raw: Buffer.from(text) });
  };
  const more = { texts: types.texts, json: types.json };
  const last = '{"id":7,"texts":[],"json":""}';

  it.each(['texts', 'json', 'rest'])('that are nested without end do not stop the loader: %s', async (name) => {
    const lab = open();
    const target = lab.target({ id: types.id, ...more }, { maxDead: null });
    produce(`{"id":1,"${name}":${nested(100_000)}}`, `{"id":1,"${name}":[1.0,${nested(5000)}]}`, last);
    const { rows, dead } = await lab.load(target);
    expect(rows + dead).toBe(3);
    expect(await lab.ids(target)).toContain(7);
  });

  it.each(types.odd)('with odd values for columns of type %s do not stop the loader', async (type) => {
    const lab = open();
    const target = lab.target({ id: types.id, odd: type }, { maxDead: null });
    produce(...ODD_VALUES.map((value) => `{"id":1,"odd":${value}}`), '{"id":7}');
    const { rows, dead } = await lab.load(target);
    expect(rows + dead).toBe(ODD_VALUES.length + 1);
    expect(await lab.ids(target)).toContain(7);
  });

  it('with fields that cannot become columns do not stop the loader', async () => {
    const lab = open();
    const target = lab.target({ id: types.id, ...more }, { maxDead: null, schemaDrift: 'add_column' });
    const messages = FIELDS.map((name) => JSON.stringify({ id: 1, texts: [], json: '', [name]: 'x' }));
    produce(...messages, many(100_000), many(1500), '{"id":1,"texts":[],"json":"","one more":1}', last);
    const { rows, dead } = await lab.load(target);
    expect(rows + dead).toBe(messages.length + 4);
    expect(await lab.ids(target)).toContain(7);
    for (const [, error] of await lab.letters(target)) expect(error.length).toBeLessThan(1000);
  }, 240_000);

  it('that are large are replayed in parts', async () => {
    const lab = open();
    const target = lab.target({ id: types.id }, { maxDead: null });
    produce(...[1, 2, 3, 4, 5].map((id) => `no JSON ${id} ${'x'.repeat(10_000_000)}`), '{"id":9}');
    await lab.load(target);
    const upTo = await lab.sink.newestLetter(target);
    expect(await lab.sink.letters(target, { after: '0', upTo, limit: 5000 })).toHaveLength(2);
    expect(await replay(lab, target)).toEqual({ rows: 0, dead: 5 });
  }, 240_000);

  it('of changes whose source is not text, or whose schema is unknown, do not stop the loader', async () => {
    const lab = open();
    const changes = { deletes: 'soft', keeps: false, truncate: 'ignore' } as const;
    const read = { decimals: 'precise', times: 'adaptive', binary: 'bytes' } as const;
    const target = lab.target(
      { id: types.id },
      { ...{ format: 'debezium', mode: 'upsert', key: ['id'], changes: { ...changes, ...read } }, maxDead: null },
    );
    const change = (id: number, connector: string, name: string): string =>
      `{"after":{"id":${id}},"source":{"connector":${connector},"name":${name},"lsn":${id},"ts_ms":1},"op":"c"}`;
    const [named, app] = ['"postgresql"', '"app"'];
    const hostile = [
      ...['[]', '{}', '["postgresql"]', '""', '"a\\nb"', `"${'x'.repeat(300)}"`].flatMap((odd) => [
        change(1, odd, app),
        change(1, named, odd),
      ]),
      ...['\0\0\0\0\x07after', '\0', change(1, named, app).replace('"op"', '"op":"d","op"')],
    ];
    const all = [change(3, named, app), ...hostile, change(7, named, app)];
    for (const [i, text] of all.entries())
      open().broker.produce('t', 0, null, { key: `{"id":${i === 0 ? 3 : 7}}`, raw: Buffer.from(text) });
    const { rows, dead } = await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    expect([rows, dead]).toEqual([3, hostile.length - 1]);
    expect(await lab.ids(target)).toContain(7);
  });

  it('with fields that cannot become columns do not stop a replay', async () => {
    const lab = open();
    const target = lab.target({ id: types.id, ...more }, { maxDead: null, schemaDrift: 'dead_letter' });
    const messages = FIELDS.map((name) => JSON.stringify({ id: 1, texts: [], json: '', [name]: 'x' }));
    produce(...messages, many(2000), '{"id":8,"texts":[],"json":"","fine":1}');
    await lab.load(target);
    const { rows, dead } = await replay(lab, { ...target, schemaDrift: 'add_column' });
    expect(rows + dead).toBeGreaterThan(FIELDS.length - 5);
    expect(await lab.ids(target)).toContain(8);
  }, 240_000);
}

describe('messages of a hostile producer on Postgres', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());
  cases(() => lab, {
    ...{ id: 'bigint', texts: 'text[]', json: 'jsonb' },
    odd: ['tsvector', 'tsquery', 'jsonpath', 'regclass', 'regnamespace', 'aclitem', 'xml', 'numeric[]'],
  });
});

describe.skipIf(clickhouseMissing !== null)('messages of a hostile producer on ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('hostile_messages');
  });
  afterAll(async () => lab?.close());
  cases(() => lab, {
    ...{ id: 'Int64', texts: 'Array(String)', json: 'String' },
    odd: ['Nullable(Bool)', 'Nullable(UUID)', "Nullable(Enum8('a' = 1))", 'Map(String, Bool)', 'JSON'],
  });
});
