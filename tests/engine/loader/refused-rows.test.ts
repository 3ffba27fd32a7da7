// Tests rejected rows: exactly they become dead letters in a bounded number of transactions, and too many of them stop
// the table before any is written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresSink } from '../../../src/loader/postgres/sink.ts';
import type { Flush, Flushed } from '../../../src/loader/sink.ts';
import { LoadLab, upTo } from './load-lab.ts';

describe('a rejected row', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  /** How many transactions the work begins. */
  const transactions = async (work: () => Promise<void>): Promise<number> => {
    const { adapter } = lab;
    const session = adapter.session.bind(adapter);
    let begun = 0;
    adapter.session = (options) => {
      const made = session(options);
      const begin = made.begin.bind(made);
      made.begin = () => {
        begun++;
        return begin();
      };
      return made;
    };
    try {
      await work();
    } finally {
      adapter.session = session;
    }
    return begun;
  };

  it('is found while it is encoded if its type is wrong, even among valid messages', async () => {
    const columns = {
      id: 'integer',
      at: 'timestamptz',
      u: 'uuid',
      ok: 'boolean',
      name: 'varchar(3)',
      sum: 'numeric(5,2)',
      more: 'jsonb',
      tags: 'integer[]',
    };
    const t = lab.target(columns, { flush: { rows: 5000, bytes: 1e8, ageMs: 60_000 } });
    await lab.sink.prepare(t);
    await lab.rows(`alter table raw.${t.identifier} alter column name set not null`);
    const bad: readonly [object | string, string][] = [
      [{ id: 'x' }, "column 'id': invalid input syntax for type integer"],
      [{ id: 2147483648 }, "column 'id': value is out of range for type integer"],
      [{ id: 1.5 }, "column 'id': invalid input syntax for type integer"],
      [{ at: '2026-02-30T00:00:00Z' }, "column 'at': date/time field value out of range"],
      [{ at: '0000-01-01' }, "column 'at': date/time field value out of range"],
      [{ at: 'no time' }, "column 'at': invalid input syntax for type timestamp with time zone"],
      [{ u: 'x' }, "column 'u': invalid input syntax for type uuid"],
      [{ ok: 2 }, "column 'ok': invalid input syntax for type boolean"],
      [{ name: 'abcd' }, "column 'name': value too long for type character varying(3)"],
      [{ name: null }, "column 'name': null value, and the column takes none"],
      [{ sum: 1000 }, "column 'sum': numeric field overflow"],
      [{ sum: '999.995' }, "column 'sum': numeric field overflow"],
      [
        '{"name": "a", "more": {"x": "\\ud800"}}',
        "column 'more': a text holds half a surrogate pair, which is no character",
      ],
      ['{"name": "a", "rest": "\\udc00"}', 'a text holds half a surrogate pair, which is no character'],
      ['{"name": "a", "more": {"x": "\\u0000"}}', 'a text holds \\u0000, which the database cannot keep'],
      [{ tags: [1, 'x'] }, "column 'tags': invalid input syntax for type integer"],
      [{ tags: 'x' }, "column 'tags': malformed array literal"],
    ];
    const good = [
      {
        name: 'abc',
        id: -2147483648,
        at: '2026-12-31T23:59:60Z',
        u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        ok: 'yes',
        sum: 999.99,
        more: { x: '😀' },
        tags: [1, null],
      },
      { name: 'äöü', at: 'infinity', sum: '1e2', id: ' 7 ' },
      { name: 'ab      ', at: '2026-01-01T24:00:00' },
    ];
    for (const value of good) lab.broker.produce('t', 0, value);
    for (const [value] of bad)
      lab.broker.produce('t', 0, null, {
        raw: Buffer.from(typeof value === 'string' ? value : JSON.stringify({ name: 'a', ...value })),
      });
    let flushes = 0;
    const sink = new (class extends PostgresSink {
      override async flush(flush: Flush): Promise<Flushed> {
        flushes++;
        expect(flush.dead.length).toBe(bad.length);
        return super.flush(flush);
      }
    })(lab.adapter, lab.sealer, Date.now);
    expect(await lab.load(t, { sink })).toEqual({ rows: good.length, dead: bad.length, stopped: [] });
    expect(flushes).toBe(1);
    expect(await lab.letters(t)).toEqual(bad.map(([, reason], i) => [good.length + i, reason]));
  });

  it.each(['append', 'upsert'] as const)(
    'is found if constraints or triggers reject it, even at the commit: %s',
    async (mode) => {
      const t = lab.target(
        { id: 'bigint', v: 'text', k: 'integer' },
        mode === 'append'
          ? { flush: { rows: 400, bytes: 1e8, ageMs: 50 } }
          : { mode, key: ['id'], flush: { rows: 400, bytes: 1e8, ageMs: 50 } },
      );
      await lab.sink.prepare(t);
      await lab.rows(
        `create table raw.k_${t.identifier} (k integer primary key); insert into raw.k_${t.identifier} values ` +
          `(1);
create function raw.f_${t.identifier}() returns trigger language plpgsql as $$ begin if new.v = 'angry' ` +
          `then raise exception 'no % here', new.v; end if; return new; end $$;
alter table raw.${t.identifier} add constraint no_x check (v <> 'x'), add foreign key (k) references ` +
          `raw.k_${t.identifier} deferrable initially deferred;
create trigger angry before insert on raw.${t.identifier} for each row execute function ` +
          `raw.f_${t.identifier}()`,
      );
      const reason = (i: number): [object, string] | null =>
        i % 17 === 3
          ? [{ v: 'x' }, 'violates check constraint "no_x"']
          : i % 19 === 5
            ? [{ v: 'angry' }, 'no angry here']
            : i % 23 === 7
              ? [{ k: 2 }, 'violates foreign key constraint']
              : null;
      for (const i of upTo(1000)) lab.broker.produce('t', 0, { id: i, v: 'ok', k: 1, ...reason(i)?.[0] });
      const dead = upTo(1000).filter((i) => reason(i) !== null);
      expect(await lab.load({ ...t, maxDead: null })).toEqual({
        rows: 1000 - dead.length,
        dead: dead.length,
        stopped: [],
      });
      expect(await lab.ids(t)).toEqual(upTo(1000).filter((i) => reason(i) === null));
      expect(await lab.letters(t)).toEqual(dead.map((i) => [i, expect.stringContaining(reason(i)![1])]));
      expect(
        await lab.rows(
          `select loaded_rows, dead_rows, next_offset from tsdbt.load_offsets where target = '${t.uniqueId}'`,
        ),
      ).toEqual([[String(1000 - dead.length), String(dead.length), '1000']]);
    },
  );

  it('is found whatever the columns are called', async () => {
    const names = ['n', 'size', 'block', 'lowest', 'highest', 'detail', 'found', 'refused', 'starts', 't', 'excluded'];
    for (const more of [{}, { mode: 'upsert', key: ['n'] } as const]) {
      const t = lab.target(Object.fromEntries(names.map((name) => [name, 'integer'])), more);
      await lab.sink.prepare(t);
      await lab.rows(`alter table raw.${t.identifier} add constraint small check (size < 2)`);
      for (const n of upTo(3)) lab.broker.produce('t', 0, Object.fromEntries(names.map((name) => [name, n])));
      expect(await lab.load(t)).toEqual({ rows: 2, dead: 1, stopped: [] });
      expect(await lab.letters(t)).toEqual([[2, expect.stringContaining('violates check constraint "small"')]]);
      expect((await lab.rows(`select highest from raw.${t.identifier} order by n`)).flat()).toEqual(['0', '1']);
    }
  });

  // TSDBT_REFUSED=100000: the long form.
  const many = Number(process.env['TSDBT_REFUSED'] ?? 10_000);
  it('in ten of many thousands costs only a few transactions', async () => {
    const t = lab.target({ id: 'bigint' }, { maxDead: null, flush: { rows: many / 2, bytes: 1e9, ageMs: 60_000 } });
    lab.broker.batch = 10_000;
    await lab.sink.prepare(t);
    await lab.rows(`alter table raw.${t.identifier} add check (id % 10 <> 3)`);
    for (const id of upTo(many)) lab.broker.produce('t', 0, { id });
    const began = performance.now();
    const begun = await transactions(async () =>
      expect(await lab.load(t)).toEqual({ rows: many * 0.9, dead: many / 10, stopped: [] }),
    );
    const seconds = (performance.now() - began) / 1000;
    if (process.env['TSDBT_REFUSED'] !== undefined)
      process.stderr.write(`${many / 10} refused of ${many}: ${seconds.toFixed(1)} s, ${begun} transactions\n`);
    expect(await lab.rows(`select count(*), count(distinct id) from raw.${t.identifier}`)).toEqual([
      [String(many * 0.9), String(many * 0.9)],
    ]);
    expect(begun).toBeGreaterThan(2);
    expect(begun).toBeLessThan(60);
  });

  it('stops the table if there are too many: none is written, and the next load stops there, too', async () => {
    const t = lab.target({ id: 'integer' }, { maxDead: 20, flush: { rows: 1000, bytes: 1e8, ageMs: 60_000 } });
    for (const id of upTo(300)) lab.broker.produce('t', 0, { id });
    for (const i of upTo(15)) lab.broker.produce('t', 0, { id: `once ${i}` });
    expect(await lab.load(t)).toEqual({ rows: 300, dead: 15, stopped: [] });
    for (const i of upTo(50)) lab.broker.produce('t', 0, { id: i % 5 === 0 ? 1e12 : `bad ${i}` });
    const state = async (): Promise<unknown> => [
      await lab.rows(
        `select next_offset, loaded_rows, dead_rows from tsdbt.load_offsets where target = '${t.uniqueId}'`,
      ),
      (await lab.letters(t)).length,
    ];
    for (let again = 0; again < 3; again++) {
      await expect(lab.load(t)).rejects.toThrow(
        new RegExp(
          String.raw`Loading raw\.t\d+ stopped: 21 of the last 10000 messages cannot become rows, more than max_d` +
            String.raw`ead \(20\)\. The commonest reason, 19 times: column 'id': invalid input syntax for type inte` +
            String.raw`ger\. Nothing is lost: the table is at t/0 offset 315`,
        ),
      );
      expect(await state()).toEqual([[['315', '300', '15']], 15]);
    }
    // A higher limit goes on from there.
    expect(await lab.load({ ...t, maxDead: 500 })).toEqual({ rows: 0, dead: 50, stopped: [] });
  });

  it('stops the table even if only the database rejects it', async () => {
    const t = lab.target(
      { id: 'integer' },
      { maxDead: 20, mode: 'upsert', key: ['id'], flush: { rows: 1000, bytes: 1e8, ageMs: 60_000 } },
    );
    await lab.sink.prepare(t);
    await lab.rows(`alter table raw.${t.identifier} add constraint small check (id < 100)`);
    for (const id of upTo(5000)) lab.broker.produce('t', 0, { id });
    await expect(lab.load(t)).rejects.toThrow(
      new RegExp(
        String.raw`21 of the last 10000 messages.*The commonest reason, 21 times: new row for relation "t\d+" vio` +
          'lates check constraint "small".*t/0 offset 0',
      ),
    );
    expect(await lab.ids(t)).toEqual([]);
    expect(await lab.letters(t)).toEqual([]);
  });

  it('does not stop the table if there are few among many', async () => {
    const t = lab.target({ id: 'integer' }, { flush: { rows: 3000, bytes: 1e8, ageMs: 60_000 } });
    lab.broker.batch = 1000;
    for (const i of upTo(30_000)) lab.broker.produce('t', 0, { id: i % 101 === 0 ? 'x' : i });
    expect((await lab.load(t)).dead).toBe(298);
  });
});
