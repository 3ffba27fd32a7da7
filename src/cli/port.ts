// Validates --port and --allowed-hosts.
import { errorOf } from '../error-table.ts';

/** @throws `usage` error for an invalid port */
export function portOf(given: unknown): number {
  const port = Number(given);
  if (port >= 0 && port <= 65_535) return port;
  throw errorOf('badOptionValue', { option: '--port', why: `${port} is not a port, 0 to 65535.` });
}

/**
 * Parses the names of `--allowed-hosts`. @throws `usage` error for the address of all interfaces, which would accept
 * any name
 */
export function allowedHosts(given: unknown): string[] {
  const names = Array.isArray(given) ? given.map(String) : [];
  for (const name of names)
    if (!/^(?!0\.0\.0\.0$)[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name))
      throw errorOf('badOptionValue', { option: '--allowed-hosts', why: `'${name}' is not the name of a host.` });
  return names;
}
