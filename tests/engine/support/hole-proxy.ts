// A proxy that simulates a dead router: it forwards to a server, and from a chosen moment drops traffic without closing
// connections.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Which traffic is dropped: none; that of the current connections, or only the answers to them; that of all
 * connections, later ones included.
 */
export type Swallowed = 'nothing' | 'old' | 'answers' | 'all';

/** Limit for waits that never end; the error shows what was sent. */
const LIMIT_MS = 200_000;

interface Pair {
  readonly client: Socket;
  readonly server: Socket | null;
  requests: boolean;
  answers: boolean;
}

export class HoleProxy {
  private readonly listener: Server;
  private readonly target: { readonly host: string; readonly port: number } | null;
  private readonly pairs: Pair[] = [];
  private swallowsNew = false;
  /** Number of connections so far. */
  connects = 0;
  /** Data that clients have sent so far, as text. */
  sent = '';

  private constructor(target: HoleProxy['target']) {
    this.target = target;
    this.listener = createServer((client) => this.take(client));
  }

  /** @param target null: every connection is accepted and never answered. @param port 0: any free one */
  static async open(target: { readonly host: string; readonly port: number } | null, port = 0): Promise<HoleProxy> {
    const proxy = new HoleProxy(target);
    await new Promise<void>((resolve) => {
      proxy.listener.listen(port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  swallow(what: Swallowed): void {
    this.swallowsNew = what === 'all';
    for (const pair of this.pairs) {
      pair.requests = what === 'all' || what === 'old';
      pair.answers = what !== 'nothing';
    }
  }

  /** Polls until the condition holds. */
  async until(done: () => boolean): Promise<void> {
    for (
      const end = Date.now() + LIMIT_MS;
      !done();
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      })
    ) {
      if (Date.now() > end) throw new Error(`waited in vain; sent was: ${this.sent.slice(-2000)}`);
    }
  }

  async close(): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server?.destroy();
    }
    await new Promise((resolve) => {
      this.listener.close(resolve);
    });
  }

  private take(client: Socket): void {
    this.connects++;
    const server = this.target === null || this.swallowsNew ? null : connect(this.target);
    const pair: Pair = { client, server, requests: server === null, answers: server === null };
    this.pairs.push(pair);
    client
      .on('error', () => undefined)
      .on('data', (data) => {
        this.sent += data.toString('latin1');
        if (!pair.requests) server?.write(data);
      });
    client.on('close', () => {
      if (!pair.requests) server?.destroy();
    });
    server
      ?.on('error', () => undefined)
      .on('data', (data) => {
        if (!pair.answers) client.write(data);
      });
    server?.on('close', () => {
      if (!pair.answers) client.destroy();
    });
  }
}
