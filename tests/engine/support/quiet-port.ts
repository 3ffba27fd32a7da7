// Finds a free port that stays free: below the ephemeral range, which the system uses for outgoing connections and for
// listeners on port 0.
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
