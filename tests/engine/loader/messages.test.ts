// Tests exact values of messages: a value arrives as it was sent, or the message is a dead letter.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHmac } from 'node:crypto';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { LoadLab } from './load-lab.ts';

describe('a message', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());
  const raw = (...texts: (string | Buffer | null)[]): void => {
    for (const text of texts)
      lab.broker.produce('t', 0, null, { raw: text === null ? null : Buffer.from(text), key: 'k' });
  };

  it('keeps the values of its numbers', async () => {
    const t = lab.target({ id: 'bigint', n: 'numeric', s: 'text', j: 'jsonb', f: 'double precision' });
    raw(
      '{"id": 9007199254740993, "n": 0.12345678901234567890, "j": [1e400, -1.5, 18446744073709551616], "s": 1.5}',
      '{"id": 1e3, "n": 1e400, "f": 1e-320, "s": true}',
      '{"id": 1.0, "n": 1.0, "j": 10000000000000000000000}',
      '{"n": NaN}',
      '{"id": 1e30}',
      '{"f": 1e400}',
    );
    await lab.load(t);
    const rows = await lab.rows(`select id, n::text, s, j::text, f::text from raw.${t.identifier} order by _offset`);
    expect(rows[0]).toEqual([
      '9007199254740993',
      '0.12345678901234567890',
      '1.5',
      `[1${'0'.repeat(400)}, -1.5, 18446744073709551616]`,
      null,
    ]);
    expect([rows[1]![0], rows[1]![1], rows[1]![2]]).toEqual(['1000', `1${'0'.repeat(400)}`, 'true']);
    expect(rows[2]).toEqual(['1', '1', null, '10000000000000000000000', null]);
    expect(await lab.letters(t)).toEqual([
      [3, expect.stringMatching(/^not JSON/)],
      [4, expect.stringMatching(/bigint/)],
      [5, expect.stringMatching(/out of range/)],
    ]);
  });

  it('keeps the text of numbers without a column, in jsonb as far as possible, and in json completely', async () => {
    const numbers = '[1.10, -0, 1E3, 1e-3, 12345678901234567890, 1.5]';
    const t = lab.target({ id: 'integer', doc: 'jsonb', plain: 'json', words: 'text' });
    raw(
      `{"id": 1, "more": ${numbers}, "doc": ${numbers}, "plain": ${numbers}, "words": ${numbers}}`,
      `{"id": 2, "more": 1E400, "plain": 1E400, "words": {"a": 1.10}}`,
      `{"id": 1e0, "more": 1.10, "plain": 1.10}`,
      `{"id": 4, "more": {"a\\u0062": 1.10}}`,
    );
    await lab.load(t);
    const kept = '[1.10, 0, 1000, 0.001, 12345678901234567890, 1.5]';
    const written = numbers.replaceAll(' ', '');
    expect(
      await lab.rows(
        `select id, _rest->>'more', doc::text, plain::text, words from raw.${t.identifier} order by _offset`,
      ),
    ).toEqual([
      ['1', kept, kept, written, written],
      ['2', `1${'0'.repeat(400)}`, null, '1E400', '{"a":1.10}'],
      ['1', '1.10', null, '1.10', null],
      ['4', '{"ab": 1.10}', null, null, null],
    ]);
    const whole = lab.target({ id: 'integer' });
    await lab.rows(`create table raw.${whole.identifier} (id integer, _rest json)`);
    raw(`{"id": 1, "a": 1.10, "b": 1E400, "c": -0}`, `{"id": 1.0, "a": 1.10, "b": 1E400, "c": -0}`);
    await lab.load(whole);
    expect(await lab.rows(`select id, _rest::text from raw.${whole.identifier}`)).toEqual([
      ['1', '{"a":1.10,"b":1E400,"c":-0}'],
      ['1', '{"a":1.10,"b":1E400,"c":-0}'],
    ]);
  });

  it('is a dead letter if the database cannot store its text, but not if the text only looks so', async () => {
    const t = lab.target({ id: 'integer', s: 'text' });
    raw(
      '{"id": 0, "s": "\\\\u0000", "x": "\\\\u0000 \\\\\\\\"}',
      '{"id": 1, "s": "a\\u0000"}',
      '{"id": 2, "x": {"y\\u0000": 1}}',
      '{"id": 3, "s": "\\ud83d"}',
      '{"id": 4, "x": "\\ude00"}',
      '{"id": 5, "s": "\\ud83d\\ude00\\t\\\\N"}',
      Buffer.from([0x7b, 0xff, 0x7d]),
      '[]',
      '"text"',
      '12345678901234567890',
      '',
      `{"id": 11, "x": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      `{"id": 12, "x": 12345678901234567890, "y": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    );
    await lab.load(t);
    expect(await lab.rows(`select id, s, _rest::text from raw.${t.identifier} order by 1`)).toEqual([
      ['0', '\\u0000', '{"x": "\\\\u0000 \\\\\\\\"}'],
      ['5', '😀\t\\N', null],
    ]);
    expect((await lab.letters(t)).map(([offset]) => offset)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('can have any field names', async () => {
    const t = lab.target({ id: 'integer', constructor: 'text', toString: 'text' });
    raw(
      '{"id": 0}',
      '{"id": 1, "constructor": "c", "__proto__": {"a": 1}, "isLosslessNumber": true, "toString": "x", "toJSON": 1}',
      '{"id": 2, "id": 3, "a": 1, "a": 2}',
      '{"id": 4, "id": 5, "big": 12345678901234567890, "a": 1, "a": {"isLosslessNumber": true, "value": "1", ' +
        '"toString": 1}}',
    );
    await lab.load(t);
    expect(
      await lab.rows(`select id, "constructor", "toString", _rest::text from raw.${t.identifier} order by 1`),
    ).toEqual([
      ['0', null, null, null],
      ['1', 'c', 'x', '{"toJSON": 1, "__proto__": {"a": 1}, "isLosslessNumber": true}'],
      ['3', null, null, '{"a": 2}'],
      ['5', null, null, '{"a": {"value": "1", "toString": 1, "isLosslessNumber": true}, "big": 12345678901234567890}'],
    ]);
  });

  it('has the same timestamps everywhere, and unchanged arrays and bytes', async () => {
    const t = lab.target({
      id: 'integer',
      l: 'timestamp',
      z: 'timestamptz',
      d: 'date',
      a: 'text[]',
      n: 'numeric[]',
      b: 'bytea',
    });
    raw(
      '{"id": 0, "l": "2026-05-01T23:30:00.123456+02:00", "z": "2026-05-01 12:00", "d": "2026-05-01", "a": ["x,' +
        '\\"y\\\\", null, "{}"], "n": [[12345678901234567890, 0.5]], "b": "AP8="}',
      '{"id": 1, "l": 1777593600000, "z": "2026-05-01T12:00:00-05:30", "d": 1777593600000, "a": [{"k": ' +
        '12345678901234567890}]}',
      '{"id": 2, "b": "not base64!"}',
      '{"id": 3, "l": 1e300}',
      '{"id": 4, "b": "x"}',
    );
    await lab.load(t);
    expect(
      await lab.rows(
        "select id, l::text, (z at time zone 'UTC')::text, d::text, a::text, n::text, encode(b, 'hex') from " +
          `raw.${t.identifier} order by 1`,
      ),
    ).toEqual([
      [
        '0',
        '2026-05-01 21:30:00.123456',
        '2026-05-01 12:00:00',
        '2026-05-01',
        '{"x,\\"y\\\\",NULL,"{}"}',
        '{{12345678901234567890,0.5}}',
        '00ff',
      ],
      [
        '1',
        '2026-05-01 00:00:00',
        '2026-05-01 17:30:00',
        '2026-05-01',
        '{"{\\"k\\":12345678901234567890}"}',
        null,
        null,
      ],
    ]);
    expect(await lab.letters(t)).toEqual([
      [2, expect.stringContaining('not base64')],
      [3, expect.stringContaining('is outside of the years 1900 to 2200')],
      [4, expect.stringContaining('not base64')],
    ]);
  });

  it('without a value deletes earlier ones, even in the same flush, and is a dead letter without a key', async () => {
    const t = lab.target({ id: 'text', v: 'text' }, { mode: 'upsert', key: ['id'] });
    const send = (key: string | null, value: unknown): void =>
      void lab.broker.produce('t', 0, value, value === null ? { key, raw: null } : { key });
    send('a', { id: 'a', v: '1' });
    send('a', null);
    send('b', null);
    send('b', { id: 'b', v: '2' });
    send('c', null);
    send('d', { id: 'd', v: '3' });
    send('d', null);
    send('d', { id: 'd', v: '4' });
    send('d', null);
    await lab.load(t);
    expect(await lab.rows(`select id, v, _deleted, _offset from raw.${t.identifier} order by 1`)).toEqual([
      ['a', '1', 'true', '1'],
      ['b', '2', 'false', '3'],
      ['c', null, 'true', '4'],
      ['d', '4', 'true', '8'],
    ]);
    const append = lab.target({ id: 'text' });
    send('a', null);
    await lab.load(append);
    expect(await lab.letters(append)).toEqual([[0, 'a tombstone, and the load config names no key']]);
    const keyed = lab.target({ id: 'text' }, { key: ['id'] });
    send('a', null);
    send('a', { id: 'a' });
    await lab.load(keyed);
    expect(await lab.rows(`select id, _deleted from raw.${keyed.identifier}`)).toEqual([['a', 'true']]);
    expect(await lab.letters(keyed)).toEqual([[1, expect.stringContaining('duplicate key')]]);
  });

  it('is dropped if it conflicts with an earlier row, however many flushes apart', async () => {
    const t = lab.target(
      { id: 'integer', u: 'integer' },
      { mode: 'upsert', key: ['id'], flush: { rows: 2000, bytes: 1e7, ageMs: 20 } },
    );
    await lab.sink.prepare(t);
    await lab.rows(`alter table raw.${t.identifier} add unique (u)`);
    for (let id = 0; id < 600; id++) lab.broker.produce('t', 0, { id, u: id === 599 || id === 450 ? 3 : id });
    expect(await lab.load(t)).toMatchObject({ rows: 598, dead: 2 });
    expect((await lab.letters(t)).map(([offset]) => offset)).toEqual([450, 599]);
  });

  it('is loaded with any header, time or trigger', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.prepare(t);
    await lab.rows(
      "create function raw.no() returns trigger language plpgsql as $$ begin if new.id = 1 then raise 'no' " +
        "using errcode = '45001'; end if; return new; end $$; create trigger no before insert on " +
        `raw.${t.identifier} for each row execute function raw.no()`,
    );
    const log = lab.broker.log({ topic: 't', partition: 0 });
    raw('{"id": 1}', '{"id": 2}', 'bad');
    log.messages = log.messages.map((message) => ({
      ...message,
      headers: [
        ['a\0b', null],
        ['twice', Buffer.from('1')],
        ['twice', Buffer.from([0xff])],
      ],
    }));
    expect(await lab.load(t)).toMatchObject({ rows: 1, dead: 2 });
    expect(
      await lab.rows(`select distinct headers::text from tsdbt.dead_letters where target = '${t.uniqueId}'`),
    ).toEqual([['[["a\u2400b", null], ["twice", "MQ=="], ["twice", "/w=="]]']]);
  });

  it('is a dead letter if its new fields cannot be columns, and is replayed if they can', async () => {
    const t = lab.target({ id: 'integer' }, { schemaDrift: 'add_column', rest: null });
    lab.broker.produce('t', 0, { id: 1, ['x'.repeat(64)]: 1 });
    lab.broker.produce('t', 0, Object.fromEntries(Array.from({ length: 1700 }, (_, i) => [`c${i}`, 1])));
    lab.broker.produce('t', 0, { id: 'x', fresh: 1 });
    lab.broker.produce('t', 0, { id: 2 });
    expect(await lab.load(t)).toMatchObject({ rows: 1, dead: 3 });
    await lab.rows(`alter table raw.${t.identifier} drop column fresh, alter id type text`);
    const replayed = await replayLetters({
      sink: lab.sink,
      decoder: jsonDecoder,
      target: { ...t, columns: [{ name: 'id', type: 'text' }] },
      hashKey: 'key',
      loadId: 'again',
      now: Date.now,
    });
    expect(replayed).toEqual({ rows: 1, dead: 2 });
    expect(await lab.rows(`select id, fresh::text, _load_id from raw.${t.identifier} order by 1`)).toEqual([
      ['2', null, 'load-1'],
      ['x', '1', 'again'],
    ]);
  });

  it('that fails again in a replay has one dead letter, with the new reason and the first time', async () => {
    const t = lab.target({ id: 'smallint' });
    for (const id of ['x', 'q', '100000']) lab.broker.produce('t', 0, { id });
    expect(await lab.load(t)).toMatchObject({ rows: 0, dead: 3 });
    const letters = (): Promise<(string | null)[][]> =>
      lab.rows(
        `select "offset"::text, error, failed_at::text, (replayed_at is null)::text from tsdbt.dead_letters where ` +
          `target = '${t.uniqueId}' order by "offset"`,
      );
    const before = await letters();
    await lab.rows(`alter table raw.${t.identifier} alter id type boolean using false`);
    for (const rows of [0, 0])
      expect(
        await replayLetters({
          ...{ sink: lab.sink, decoder: jsonDecoder, hashKey: 'key', loadId: 'again', now: Date.now },
          target: { ...t, columns: [{ name: 'id', type: 'boolean' }] },
        }),
      ).toEqual({ rows, dead: 3 });
    const after = await letters();
    expect(after.map(([offset, , failed, open]) => [offset, failed, open])).toEqual(
      before.map(([offset, , failed]) => [offset, failed, 'true']),
    );
    expect(after.map(([, error]) => error)).not.toEqual(before.map(([, error]) => error));
    await lab.rows(`alter table raw.${t.identifier} alter id type text using id::text`);
    await replayLetters({
      ...{ sink: lab.sink, decoder: jsonDecoder, hashKey: 'key', loadId: 'again', now: Date.now },
      target: { ...t, columns: [{ name: 'id', type: 'text' }] },
    });
    expect((await letters()).map(([offset, , , open]) => [offset, open])).toEqual(
      before.map(([offset]) => [offset, 'false']),
    );
  });

  it('leaves no personal data anywhere in the database', async () => {
    const t = lab.target({ id: 'integer', ip: 'text', n: 'text' }, { hash: ['ip', 'n'], drop: ['mail'] });
    const secret = 'SECRET7x';
    const good = { id: 1, ip: secret, n: 1.5, mail: secret, more: 1 };
    raw(
      JSON.stringify(good),
      `{"id": 2, "big": 12345678901234567890, "ip": "${secret}", "n": 1.50}`,
      `{"ip": "${secret}" bad`,
      `"${secret}`,
      `${secret}`,
      `{"${secret}": x`,
      `{"id": "${secret}", "ip": "${secret}"}`,
      `{"id": 99999999999999, "ip": "${secret}\\u0000", "mail": "${secret}"}`,
    );
    const log = lab.broker.log({ topic: 't', partition: 0 });
    log.messages = log.messages.map((message) => ({
      ...message,
      key: Buffer.from(secret),
      headers: [['user', Buffer.from(secret)]],
    }));
    expect(await lab.load(t)).toMatchObject({ rows: 2, dead: 6 });
    const everything = JSON.stringify([
      await lab.rows(`select t::text from raw.${t.identifier} t`),
      await lab.rows(`select l::text from tsdbt.dead_letters l where target = '${t.uniqueId}'`),
    ]);
    for (const form of [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').slice(0, 10),
    ])
      expect(everything).not.toContain(form);
    const hash = (text: string): string => createHmac('sha256', 'key').update(text).digest('hex');
    expect(await lab.rows(`select ip, n from raw.${t.identifier}`)).toEqual([
      [hash(secret), hash('1.5')],
      [hash(secret), hash('1.5')],
    ]);
  });
});
