// Finds a port on the loopback address for an embedded server.
import { createServer } from 'node:net';

/** @param preferred the previous port, used again if it is free */
export async function freePort(preferred: number | null): Promise<number> {
  const tryPort = (port: number): Promise<number | null> =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(null));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        const address = server.address();
        server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : null));
      });
    });
  return (preferred === null ? null : await tryPort(preferred)) ?? (await tryPort(0)) ?? 0;
}
