// The value of --port, checked.
import { errorOf } from '../error-table.ts';

/** @throws `usage` error: no server has such a port */
export function portOf(given: unknown): number {
  const port = Number(given);
  if (port >= 0 && port <= 65_535) return port;
  throw errorOf('badOptionValue', { option: '--port', why: `${port} is not a port, 0 to 65535.` });
}

/** Names of `--allowed-hosts`. @throws `usage` error: an address of all interfaces would let every name in */
export function allowedHosts(given: unknown): string[] {
  const names = Array.isArray(given) ? given.map(String) : [];
  for (const name of names)
    if (!/^(?!0\.0\.0\.0$)[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name))
      throw errorOf('badOptionValue', { option: '--allowed-hosts', why: `'${name}' is not the name of a host.` });
  return names;
}
