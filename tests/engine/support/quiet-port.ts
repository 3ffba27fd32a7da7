// A free port that stays free while nobody listens there: below those that the system gives to outgoing connections and
// to listeners without a port of their own.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const FIRST = 15_000;
const END = 32_000;

export async function quietPort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once('error', () => resolve(false))
        .listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
