// Transactions of an application on some tables, for tests: inserts, updates, deletes, changes of keys, and some with
// many rows, from several sessions at once.
import type { SourceServer } from './source-server.ts';
import { seeded } from '../../support/seeded.ts';

/** A table that the workload changes. */
export function ordersTable(name: string): string {
  return `create table ${name} (id bigint primary key, total numeric(20, 4), note text, at timestamptz)`;
}

const KEYS = 400;

export class Workload {
  readonly #source: SourceServer;
  readonly #random: () => number;
  readonly #tables: readonly string[];
  #running: Promise<unknown> | null = null;
  #stopped = false;
  #next = 1_000_000;
  /** Number of committed transactions. */
  committed = 0;

  constructor(source: SourceServer, seed: number, tables: readonly string[] = ['orders']) {
    this.#source = source;
    this.#tables = tables;
    this.#random = seeded(seed);
  }

  start(sessions = 2): void {
    this.#stopped = false;
    this.#running = Promise.all(Array.from({ length: sessions }, () => this.#session()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #session(): Promise<void> {
    const client = this.#source.login();
    await client.connect();
    while (!this.#stopped) {
      const statements = Array.from({ length: 1 + this.#below(4) }, () => this.#statement());
      try {
        await client.query(`begin; ${statements.join('; ')}; ${this.#below(8) === 0 ? 'rollback' : 'commit'}`);
        this.committed++;
      } catch {
        // Two sessions wanted the same key.
        await client.query('rollback');
      }
      await new Promise((resolve) => setTimeout(resolve, this.#below(30)));
    }
    await client.end();
  }

  #statement(): string {
    const id = this.#below(KEYS);
    const total = this.#below(1e6) / 100;
    const table = this.#tables[this.#below(this.#tables.length)];
    switch (this.#below(12)) {
      case 0:
      case 1:
      case 2:
        return `delete from ${table} where id = ${id}`;
      case 3:
        return `update ${table} set id = ${this.#next++} where id = ${id}`;
      case 4: {
        const from = (this.#next += 300);
        return (
          `insert into ${table} select i, ${total}, repeat('x', 200), now() from ` +
          `generate_series(${from - 300}, ${from - 1}) as i`
        );
      }
      case 5:
        return (
          `delete from ${table} where id between 1000000 and ` +
          `${1_000_000 + this.#below(this.#next - 1_000_000 + 1)} and random() < 0.2`
        );
      case 6:
        return `update ${table} set total = total + 1 where id < ${id}`;
      default:
        return (
          `insert into ${table} values (${id}, ${total}, 'n${total}', clock_timestamp()) on conflict (id) do ` +
          `update set ` +
          'total = excluded.total, note = excluded.note, at = excluded.at'
        );
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
