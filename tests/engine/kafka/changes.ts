// A table that is changed at random, for Debezium to read: rows of many types come, change, move to another key and go,
// alone and in transactions, some rolled back. The same changes for the same seed.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Running } from '../support/program.ts';
import type { KafkaConnect } from './kafka-connect.ts';

export const TABLES = `create schema shop;
create table shop.items (
  id bigint primary key, name text not null, price numeric(20, 4), at timestamptz not null, due date,
  local_at timestamp, detail jsonb, weight double precision, code uuid, raw bytea, long_text text, remark text
);
alter table shop.items alter column long_text set storage external;
create table shop.stock (place text, item bigint, count int not null, primary key (place, item));`;

const KEYS = 60;

export class Changes {
  readonly #client: pg.Client;
  #state = 77;
  made = 0;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** xorshift32 */
  #below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** From 1 to the limit, or from 0 where one of a million is meant. */
  #digits(limit: number, width: number): string {
    return String((width === 2 ? 1 : 0) + this.#below(limit)).padStart(width, '0');
  }

  async make(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const size = this.#below(3) === 0 ? 1 + this.#below(8) : 1;
      left -= size;
      await this.#client.query('begin');
      for (let i = 0; i < size; i++) {
        await this.#client.query(...this.#change());
        this.made += 1;
      }
      await this.#client.query(size > 1 && this.#below(5) === 0 ? 'rollback' : 'commit');
    }
  }

  #change(): [sql: string, values: unknown[]] {
    const [id, dice] = [1 + this.#below(KEYS), this.#below(100)];
    const place = `w${this.#below(4)}`;
    if (dice < 35)
      return [
        `insert into shop.items (id, name, price, at, due, local_at, detail, weight, code, raw, long_text)
         values ($1, $2, $3, $4, $5, $6, $7, $8, gen_random_uuid(), $9, $10)
         on conflict (id) do update set name = excluded.name, at = excluded.at, long_text = excluded.long_text`,
        [
          id,
          this.#below(3) === 0 ? `tab\t"quoted" \\ ü\n${dice}` : `item ${this.#below(1000)}`,
          this.#below(5) === 0 ? null : `${this.#below(1e9)}.${String(this.#below(10_000)).padStart(4, '0')}`,
          `2026-03-${this.#digits(28, 2)} 01:02:03.${this.#digits(1e6, 6)}+02`,
          this.#below(4) === 0 ? null : `20${10 + this.#below(80)}-02-28`,
          `1999-12-31 23:59:59.${String(this.#below(1e6)).padStart(6, '0')}`,
          this.#below(6) === 0 ? null : `{"n": 12345678901234567890, "f": 1.10, "k": ${dice}}`,
          this.#below(7) === 0 ? null : this.#below(1e6) / 7,
          Buffer.from([0, 255, dice]),
          'long'.repeat(this.#below(2) === 0 ? 1200 : 3),
        ],
      ];
    // The long text is not in the log of these.
    if (dice < 55) return ['update shop.items set price = coalesce(price, 0) + 0.0001, due = null where id = $1', [id]];
    if (dice < 62) return ['update shop.items set long_text = null, detail = null where id = $1', [id]];
    if (dice < 72)
      return [
        // With another key a long text that is not in the log would be in no message: such tables need REPLICA
        // IDENTITY FULL.
        `update shop.items set id = $2 where id = $1 and coalesce(length(long_text), 0) < 1000
         and not exists (select from shop.items where id = $2)`,
        [id, 1 + this.#below(KEYS)],
      ];
    if (dice < 80) return ['delete from shop.items where id = $1', [id]];
    if (dice < 92)
      return [
        `insert into shop.stock values ($1, $2, $3) on conflict (place, item) do update set count = excluded.count`,
        [place, id, dice],
      ];
    if (dice < 95)
      return [
        `update shop.stock s set place = 'moved' where place = $1 and item = $2
         and not exists (select from shop.stock o where o.place = 'moved' and o.item = s.item)`,
        [place, id],
      ];
    return ['delete from shop.stock where item = $1', [id]];
  }
}

/** A column more and one less; the new one is filled for half of the rows. */
const ALTERATIONS = [
  'alter table shop.items add column channel text',
  "update shop.items set channel = 'app' where id % 2 = 0",
  'alter table shop.items drop column remark',
];
const KILLS = ['load', 'connect', 'load'];

/**
 * Makes changes for some seconds, a column more and one less among them, while the loader and Debezium are killed in
 * turns; then the last one: `('last', 0, 1)` in `shop.stock`.
 * @param load starts a loader, by a name
 * @returns the loader that runs
 */
export async function disturbedChanges(
  client: pg.Client,
  changes: Changes,
  seconds: number,
  { connect, load }: { readonly connect: KafkaConnect; readonly load: (name: string) => Running },
): Promise<Running> {
  let running = load('at-0');
  await connect.snapshotNoted();
  const began = Date.now();
  const length = seconds * 1000;
  for (let altered = false, killed = 0; Date.now() - began < length; await pause(20)) {
    await changes.make(20);
    if (!altered && Date.now() - began > length / 3) {
      for (const sql of ALTERATIONS) await client.query(sql);
      altered = true;
    }
    if (Date.now() - began < ((killed + 1) * length) / (KILLS.length + 1)) continue;
    if (KILLS[killed++] === 'connect') {
      await connect.down();
      await connect.up();
    } else {
      running.child.kill('SIGKILL');
      await running.ended;
      running = load(`at-${killed % 2}`);
    }
  }
  await client.query("insert into shop.stock values ('last', 0, 1)");
  return running;
}
