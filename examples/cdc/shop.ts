// The shop's Postgres and what happens in it: users come, act, order and change their minds; rows are inserted,
// changed, moved to another key and deleted, alone and in transactions. The same shop for the same seed, but for the
// ids.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { randomBelow } from '../random-below.ts';

const NAMES = ['session_start', 'page_view', 'page_view', 'page_view', 'add_to_cart', 'purchase', 'session_end'];
const COUNTRIES = ['DE', 'FR', 'NL', 'US'];
const PLANS = ['free', 'free', 'pro', 'enterprise'];
const STATUS = ['new', 'paid', 'paid', 'refunded', 'cancelled'];
const DAY_MS = 86_400_000;

/** One statement with its values. */
type Change = readonly [sql: string, ...values: unknown[]];

export class Shop {
  readonly #client: pg.Client;
  readonly #now: () => number;
  readonly #below = randomBelow(20260302);
  #users = 0;
  #orders = 0;
  /** How many changes there were. */
  changes = 0;

  constructor(client: pg.Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** Makes the tables and first rows. @param dir the example */
  async open(dir: string, users: number, events: number): Promise<void> {
    await this.#client.query(readFileSync(join(dir, 'shop.sql'), 'utf8'));
    await this.#client.query('begin');
    for (let i = 0; i < users; i++) await this.#run(this.#newUser());
    for (let i = 0; i < events; i++) await this.#run(this.#newEvent());
    for (let i = 0; i < users; i++) await this.#run(this.#newOrder());
    await this.#client.query('commit');
  }

  /** Makes changes, each alone or a few in a transaction; one in five transactions is rolled back. */
  async act(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const size = Math.min(left, this.#below(3) === 0 ? 1 + this.#below(6) : 1);
      left -= size;
      if (size > 1) await this.#client.query('begin');
      for (let i = 0; i < size; i++) await this.#run(this.#change());
      if (size > 1) await this.#client.query(this.#below(5) === 0 ? 'rollback' : 'commit');
    }
  }

  /** A user with an event of the same name, to be looked for by it. */
  async mark(user: string): Promise<void> {
    await this.#run([
      'with u as (insert into app.users (user_id, email, country, plan) values ($1, $2, $3, $4)) ' +
        'insert into app.events (user_id, event_name, occurred_at) values ($1, $5, $6)',
      ...[user, `${user}@example.com`, 'DE', 'free', user, new Date(this.#now())],
    ]);
  }

  /** A column more, and one less. */
  async alter(): Promise<void> {
    await this.#client.query("alter table app.events add column channel text default 'web'");
    await this.#client.query('alter table app.users drop column phone');
  }

  async #run([sql, ...values]: Change): Promise<void> {
    await this.#client.query(sql, values);
    this.changes += 1;
  }

  #pick<T>(list: readonly T[]): T {
    const [first, ...rest] = list.slice(this.#below(list.length));
    return first ?? this.#pick(rest);
  }

  #user(): string {
    return `u${String(1 + this.#below(this.#users)).padStart(5, '0')}`;
  }

  /** A moment of the last three days. */
  #moment(): Date {
    return new Date(this.#now() - this.#below(3 * DAY_MS));
  }

  /** Any row but those of `mark`, as a condition. */
  #some(table: 'users' | 'events' | 'orders', key: string): string {
    return (
      `${key} = (select ${key} from app.${table} where user_id like 'u%' ` +
      `order by md5(${key}::text || '${this.#below(1e6)}') limit 1)`
    );
  }

  #newUser(): Change {
    const user = `u${String(++this.#users).padStart(5, '0')}`;
    const { country, plan } = { country: this.#pick(COUNTRIES), plan: this.#pick(PLANS) };
    return [
      'insert into app.users (user_id, email, country, plan, created_at) values ($1, $2, $3, $4, $5)',
      ...[user, `${user}@example.com`, country, plan, new Date(this.#now() - this.#below(60 * DAY_MS))],
    ];
  }

  #newEvent(): Change {
    return [
      'insert into app.events (user_id, event_name, occurred_at, properties) values ($1, $2, $3, $4)',
      ...[this.#user(), this.#pick(NAMES), this.#moment(), `{"path": "/p/${this.#below(50)}", "ms": 1.50}`],
    ];
  }

  #newOrder(): Change {
    return [
      'insert into app.orders (order_id, user_id, status, amount, ordered_at) values ($1, $2, $3, $4, $5)',
      ...[++this.#orders, this.#user(), 'new', (this.#below(50_000) / 100).toFixed(2), this.#moment()],
    ];
  }

  #change(): Change {
    const dice = this.#below(100);
    if (dice < 3) return this.#newUser();
    if (dice < 60) return this.#newEvent();
    const event = this.#some('events', 'event_id');
    if (dice < 66) return [`update app.events set event_name = $1 where ${event}`, this.#pick(NAMES)];
    if (dice < 70) return [`update app.events set occurred_at = $1 where ${event}`, this.#moment()];
    if (dice < 73) return [`update app.events set user_id = $1 where ${event}`, this.#user()];
    if (dice < 77) return [`update app.events set event_id = gen_random_uuid() where ${event}`];
    if (dice < 85) return [`delete from app.events where ${event}`];
    if (dice < 90) return this.#newOrder();
    const order = this.#some('orders', 'order_id');
    if (dice < 95) return [`update app.orders set status = $1 where ${order}`, this.#pick(STATUS)];
    if (dice < 96) return [`delete from app.orders where ${order}`];
    const user = this.#some('users', 'user_id');
    if (dice < 99) return [`update app.users set plan = $1 where ${user}`, this.#pick(PLANS)];
    return [`delete from app.users where ${user}`];
  }
}
