// Stands between a command and Postgres: counts statements of all connections together, and at one of them does what a test asks. It can cut all
// connections, or swallow all that comes, as a broken network does.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** before: the statement is not sent; after: it is sent, its answer swallowed. */
export interface Strike { readonly at: number; readonly when: 'before' | 'after'; readonly act: () => Promise<void> }

export class WireProxy {
  port = 0;
  /** Statements since the last `arm`. */
  count = 0;
  private readonly server: Server;
  private readonly pairs = new Set<{ client: Socket; upstream: Socket; deaf: boolean }>();
  private strike: Strike | null = null;
  private struck: Promise<void> = Promise.resolve();
  private frozen = false;
  private target: () => number;

  private constructor(target: () => number) {
    this.target = target;
    this.server = createServer((client) => this.accept(client));
  }

  static async open(target: () => number): Promise<WireProxy> {
    const proxy = new WireProxy(target);
    await new Promise<void>((resolve) => { proxy.server.listen(0, '127.0.0.1', resolve); });
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
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => { this.server.close(resolve); });
  }

  private accept(client: Socket): void {
    const upstream = connect({ port: this.target(), host: '127.0.0.1' });
    const pair = { client, upstream, deaf: false };
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
    upstream.on('data', (bytes) => { if (!pair.deaf) client.write(bytes); });
    let held = Buffer.alloc(0);
    let greeted = false;
    client.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      for (;;) {
        // A first message has no type; a request for TLS comes before it and is answered by one letter.
        const head = greeted ? 1 : 0;
        if (held.length < head + 4) return;
        const length = head + held.readInt32BE(head);
        if (held.length < length) return;
        const message = held.subarray(0, length);
        held = held.subarray(length);
        if (!greeted) greeted = length > 8;
        else if (message[0] === 0x51 || message[0] === 0x50) {
          const { strike } = this;
          if (strike !== null && strike.at === this.count++) {
            this.strike = null;
            pair.deaf = true;
            if (strike.when === 'after') upstream.write(message);
            client.pause();
            this.struck = strike.act().then(() => {
              pair.deaf = false;
              if (strike.when === 'before') upstream.write(message);
              client.resume();
              client.emit('data', Buffer.alloc(0));
            });
            return;
          }
        }
        upstream.write(message);
      }
    });
  }
}
