// The value of --port, checked.
import { errorOf } from '../error-table.ts';

/** @throws `usage` error: no server has such a port */
export function portOf(given: unknown): number {
  const port = Number(given);
  if (port >= 0 && port <= 65_535) return port;
  throw errorOf('badOptionValue', { option: '--port', why: `${port} is not a port, 0 to 65535.` });
}
