// A replication slot in one process, and the stream of the tables that share it.
//
// The slot is confirmed only while every table that shares it reads the stream, and at most to the lowest of their
// positions. A table that starts later than the others reads a temporary copy of the slot until it meets them.
import { InOrder } from '../../../in-order.ts';
import { LogStream, type TableFeed } from './log-stream.ts';
import { PLAIN_TEXTS } from './replication-feed.ts';
import type { ReplicationSource } from './replication-source.ts';

/** How long the first table waits for the others of this process. */
const GATHER_MS = 1000;
/** A table that is this close to the stream stops it for a moment, to meet it. */
const NEAR_BYTES = 1024n * 1024n;

export class SharedSlot {
  readonly #names: ReadonlySet<string>;
  readonly #loaded: ReadonlySet<string>;
  #stream: LogStream | null = null;
  #starting = false;
  /** Tables that are ready, each with its source, before there is a stream; and when the first one was. */
  readonly #ready = new Map<TableFeed, ReplicationSource>();
  #timer: NodeJS.Timeout | null = null;
  /** Tables that will be ready later. */
  readonly #absent = new Set<string>();
  readonly #settled = new Map<string, bigint>();
  /** Makes publication and slots, which several tables would make at once. */
  readonly making = new InOrder();

  /**
   * @param names of every table that shares the slot
   * @param loaded those of them that this process loads
   */
  constructor(names: ReadonlySet<string>, loaded: ReadonlySet<string> = names) {
    this.#names = names;
    this.#loaded = loaded;
  }

  get isShared(): boolean {
    return this.#names.size > 1;
  }

  /** The table is not ready for a while; the others do not wait for it. */
  absent(name: string): void {
    this.#absent.add(name);
    this.#startIfReady();
  }

  /** @returns false if there is a stream, which may have passed the table's position */
  join(table: TableFeed, source: ReplicationSource): boolean {
    this.#absent.delete(table.name);
    if (this.#stream !== null) return false;
    this.#ready.set(table, source);
    this.#startSoon();
    this.#startIfReady();
    return true;
  }

  /**
   * Moves a table that has read everything up to a clean point from its own stream to the common one.
   * @returns the stream that it reads from now on; null: none, and it joins anew
   */
  meet(table: TableFeed, own: LogStream, clean: bigint): LogStream | null {
    const stream = this.#stream;
    if (stream === null) {
      own.close();
      return null;
    }
    if (stream.place > clean) {
      if (stream.place - clean > NEAR_BYTES) return own;
      stream.hold();
      own.ask();
      return own;
    }
    own.remove(table);
    own.close();
    table.reader.resume();
    stream.add(table);
    stream.release();
    return stream;
  }

  leave(table: TableFeed): void {
    this.#ready.delete(table);
    this.#stream?.remove(table);
    if (this.#stream?.isEmpty !== true) return;
    this.#stream.close();
    this.#stream = null;
  }

  /** A table's position will not be before this one again. */
  settle(name: string, position: bigint): void {
    this.#settled.set(name, position);
    const reading = this.#stream?.names;
    if (reading === undefined) return;
    let lowest = position;
    for (const each of this.#names) {
      const settled = this.#settled.get(each);
      if (settled === undefined || !reading.has(each)) return;
      if (settled < lowest) lowest = settled;
    }
    this.#stream?.confirm(lowest);
  }

  #startSoon(): void {
    this.#timer ??= setTimeout(() => void this.#start(), GATHER_MS).unref();
  }

  #startIfReady(): void {
    if (this.#ready.size === 0) return;
    const ready = new Set([...this.#ready.keys()].map(({ name }) => name));
    if ([...this.#loaded].every((name) => ready.has(name) || this.#absent.has(name))) void this.#start();
  }

  async #start(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [source] = this.#ready.values();
    if (this.#starting || source === undefined) return;
    this.#starting = true;
    try {
      const state = await source.slot();
      const client = await (await source.adapter()).replication(PLAIN_TEXTS);
      const tables = [...this.#ready.keys()];
      this.#ready.clear();
      const stream = new LogStream(client, tables, {
        slot: source.config.slot,
        publication: source.publication,
        confirmed: state?.confirmed ?? 0n,
        sharing: this.#names.size,
        explain: (error) => source.inUse(error, state?.reader ?? null),
        ended: () => {
          if (this.#stream === stream) this.#stream = null;
        },
      });
      this.#stream = stream;
      // Every table may have left meanwhile.
      if (stream.isEmpty) {
        this.#stream = null;
        stream.close();
      }
    } catch (error) {
      for (const table of this.#ready.keys()) table.fail(error);
      this.#ready.clear();
    } finally {
      this.#starting = false;
      if (this.#ready.size > 0 && this.#stream === null) this.#startSoon();
    }
  }
}
