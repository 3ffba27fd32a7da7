// Stands between a command and Postgres: counts statements of all connections together, and at one of them does what a
// test asks. It can cut all connections, or swallow all that comes, as a broken network does.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { pause } from './campaign.ts';

/** First bytes of the messages that carry a statement. */
const QUERY = 0x51;
const PARSE = 0x50;

/**
 * before: the statement is sent when the strike is over, if it can be; after: the server has answered it, and its
 * answer comes after the strike, if it can.
 */
export interface Strike {
  readonly at: number;
  readonly when: 'before' | 'after';
  readonly act: () => Promise<void>;
}

export class WireProxy {
  port = 0;
  /** Statements since the last `arm`. */
  count = 0;
  /** Whether the strike of the last `arm` has come. */
  hit = false;
  private readonly server: Server;
  private readonly pairs = new Set<{ client: Socket; upstream: Socket }>();
  private strike: Strike | null = null;
  private struck: Promise<void> = Promise.resolve();
  private frozen = false;
  private released: (() => void)[] = [];
  private target: () => number;

  private constructor(target: () => number) {
    this.target = target;
    this.server = createServer((client) => this.accept(client));
  }

  static async open(target: () => number): Promise<WireProxy> {
    const proxy = new WireProxy(target);
    await new Promise<void>((resolve) => {
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    proxy.port = (proxy.server.address() as AddressInfo).port;
    return proxy;
  }

  /** From now on connections go to another port. */
  redirect(target: () => number): void {
    this.target = target;
  }

  /** Counts anew. @returns what waits until the strike, if it came, has done its work */
  arm(strike: Strike | null): () => Promise<void> {
    this.count = 0;
    this.hit = false;
    this.strike = strike;
    this.struck = Promise.resolve();
    return () => this.struck;
  }

  /** Breaks all connections off. */
  cut(): void {
    for (const { client, upstream } of this.pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
    this.pairs.clear();
    this.released = [];
  }

  /** Nothing gets through, nor is anything refused, until `thaw`. */
  freeze(): void {
    this.frozen = true;
    for (const { client, upstream } of this.pairs) {
      client.pause();
      upstream.pause();
    }
  }

  thaw(): void {
    this.frozen = false;
    for (const { client, upstream } of this.pairs) {
      client.resume();
      upstream.resume();
    }
    for (const release of this.released.splice(0)) release();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private accept(client: Socket): void {
    const upstream = connect({ port: this.target(), host: '127.0.0.1' });
    const pair = { client, upstream };
    let kept: Buffer[] | null = null;
    this.pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        this.pairs.delete(pair);
      });
      if (this.frozen) socket.pause();
    }
    let answered = (): void => undefined;
    upstream.on('data', (bytes) => {
      answered();
      if (kept === null) client.write(bytes);
      else kept.push(bytes);
    });
    let held = Buffer.alloc(0);
    let greeted = false;
    const take = (bytes: Buffer): void => {
      held = Buffer.concat([held, bytes]);
      let struck: Strike | null = null;
      for (;;) {
        // A first message has no type; a request for TLS comes before it and is answered by one letter.
        const head = greeted ? 1 : 0;
        if (held.length < head + 4) break;
        const length = head + held.readInt32BE(head);
        if (held.length < length) break;
        const message = held.subarray(0, length);
        if (!greeted) greeted = length > 8;
        else if (struck === null && (message[0] === QUERY || message[0] === PARSE)) {
          const { strike, count } = this;
          if (strike?.at === count) {
            this.strike = null;
            this.hit = true;
            struck = strike;
            if (strike.when === 'before') break;
          }
          this.count++;
        }
        held = held.subarray(length);
        upstream.write(message);
      }
      if (struck === null) return;
      const { when, act } = struck;
      client.pause();
      if (when === 'after') kept = [];
      // A statement that waits for a lock is not answered: the strike comes all the same.
      const ready =
        when === 'before'
          ? Promise.resolve()
          : Promise.race([
              new Promise<void>((resolve) => {
                answered = resolve;
              }),
              pause(1000),
            ]);
      this.struck = ready.then(act).then(() => {
        const release = (): void => {
          for (const bytes of kept ?? []) client.write(bytes);
          kept = null;
          client.resume();
          take(Buffer.alloc(0));
        };
        if (this.frozen) this.released.push(release);
        else release();
      });
    };
    client.on('data', take);
  }
}
