// What libpq, and so dbt, takes from the environment if the profile does not set it: PGSSLMODE and related variables,
// ~/.postgresql, this machine's socket. The driver itself reads PGPASSWORD, PGOPTIONS and ~/.pgpass.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TsdbtError } from '../../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Socket folders of Debian and of Postgres itself. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

export interface TlsSettings {
  readonly sslmode: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  readonly sslrootcert: string | null;
}

/**
 * Completes the profile's TLS settings. Empty text counts as unset, as in libpq.
 * @see https://www.postgresql.org/docs/current/libpq-envars.html
 */
export function completeTls(profile: TlsSettings, env: Environment): TlsSettings {
  const home = env['HOME'] ?? env['USERPROFILE'];
  const file = (said: string | null, variable: string, name: string): string | null => {
    const chosen = said || env[variable];
    if (chosen) return chosen;
    const usual = home ? join(home, '.postgresql', name) : null;
    return usual !== null && existsSync(usual) ? usual : null;
  };
  return {
    sslmode: profile.sslmode || env['PGSSLMODE'] || (env['PGREQUIRESSL'] === '1' ? 'require' : null),
    sslcert: file(profile.sslcert, 'PGSSLCERT', 'postgresql.crt'),
    sslkey: file(profile.sslkey, 'PGSSLKEY', 'postgresql.key'),
    sslrootcert: file(profile.sslrootcert, 'PGSSLROOTCERT', 'root.crt'),
  };
}

/** One server of a list. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

const ATTRIBUTES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionAttributes = (typeof ATTRIBUTES)[number];

/** Returns the servers to try in order, as libpq parses lists: one port for all hosts, or one per host. */
export function placesOf(host: string | null, port: string | null): ServerPlace[] {
  const hosts = (host ?? '').split(',');
  const ports = (port ?? '').split(',');
  if (ports.length > 1 && ports.length !== hosts.length)
    throw new TsdbtError('profile', `could not match ${ports.length} port numbers to ${hosts.length} hosts`, {
      hint: `Give one port for all hosts, or one for each: host is "${host ?? ''}", port is "${port ?? ''}".`,
    });
  return hosts.map((name, index) => {
    const number = Number((ports.length > 1 ? ports[index] : ports[0])?.trim() || 5432);
    return { host: name.trim() || defaultHost(number), port: number };
  });
}

/** @throws for a value of `target_session_attrs` that libpq does not accept */
export function attributesOf(value: string | undefined): SessionAttributes {
  const found = value ? ATTRIBUTES.find((one) => one === value) : 'any';
  if (found === undefined)
    throw new TsdbtError('profile', `invalid target_session_attrs value: "${value}"`, {
      hint: `Expected one of ${ATTRIBUTES.join(', ')}.`,
    });
  return found;
}

/** Hosts that do not get PGPASSWORD, because a cloned repository names them: those on other machines. */
export function hostsWithoutPassword(places: readonly ServerPlace[], env: Environment): string[] {
  if (!env['PGPASSWORD']) return [];
  return places.map(({ host }) => host).filter((host) => !/^(?:\/.*|localhost|127\.[\d.]+|::1)$/i.test(host));
}

/** @param path the file that names the hosts */
export function passwordNotSent(hosts: readonly string[], path: string): string {
  return (
    `PGPASSWORD is not sent to ${hosts.join(', ')}: the server is named by ${path}, a file of the project. ` +
    `To send it, write password: "{{ env_var('PGPASSWORD') }}" in that file.`
  );
}

/**
 * A host that the profile leaves empty: this machine's socket, otherwise localhost. PGHOST is ignored, as in dbt's use
 * of libpq.
 */
function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(join(folder, `.s.PGSQL.${port}`))) || 'localhost';
}

/** The server options for PGTZ, after those of PGOPTIONS. Null: none. */
export function serverOptions(env: Environment): string | null {
  const zone = env['PGTZ'];
  return zone
    ? [env['PGOPTIONS'], `-c TimeZone=${zone.replace(/[\\ ]/g, '\\$&')}`].filter(Boolean).join(' ')
    : env['PGOPTIONS'] || null;
}
