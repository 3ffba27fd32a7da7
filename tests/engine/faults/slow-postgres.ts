// A Postgres whose answers to some statements arrive late: the server is asked at once, and what it says is held back.
// Knows of the wire protocol where a statement begins, nothing else.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const SSL_REQUEST = 80877103;

export class SlowPostgres {
  /** Told of each statement; its answer is held back until the promise is fulfilled. */
  hold: (sql: string) => Promise<unknown> | undefined = () => undefined;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(host: string, port: number) {
    this.server = createServer((client) => this.serve(client, connect(port, host)));
  }

  static async open(host: string, port: number): Promise<SlowPostgres> {
    const proxy = new SlowPostgres(host, port);
    await new Promise<void>((resolve) => {
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private serve(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('close', () => server.destroy());
    server.on('close', () => client.end());
    let left: Buffer = Buffer.alloc(0);
    let started = false;
    let held: Promise<unknown> = Promise.resolve();
    client.on('data', (chunk: Buffer) => {
      server.write(chunk);
      left = Buffer.concat([left, chunk]);
      for (;;) {
        const head = started ? 1 : 0;
        if (left.length < head + 4) return;
        const end = head + left.readInt32BE(head);
        if (left.length < end) return;
        if (!started) started = left.readInt32BE(4) !== SSL_REQUEST;
        else if (left[0] === 0x51) held = Promise.all([held, this.hold(left.toString('utf8', 5, end - 1))]);
        left = left.subarray(end);
      }
    });
    // In order, whatever is held back.
    let last: Promise<void> = Promise.resolve();
    server.on('data', (chunk: Buffer) => {
      const before = held;
      last = last.then(async () => {
        await before;
        client.write(chunk);
      });
    });
  }
}
