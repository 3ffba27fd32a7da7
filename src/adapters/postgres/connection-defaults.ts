// What libpq, and so dbt, takes from the environment where the profile says nothing: PGSSLMODE and its kin,
// ~/.postgresql, the socket of this machine. PGPASSWORD, PGOPTIONS and ~/.pgpass are read by the driver itself.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Debian and where Postgres itself puts the server's socket. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

export interface TlsSettings {
  readonly sslmode: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  readonly sslrootcert: string | null;
}

/**
 * The profile's TLS settings, completed. An empty text counts as nothing, as in libpq.
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

/** A host that the profile leaves empty: this machine's socket, else localhost. PGHOST has no say, as in libpq. */
export function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(join(folder, `.s.PGSQL.${port}`))) || 'localhost';
}

/** What PGTZ asks for, as the server's command line; PGOPTIONS in front of it. Null: nothing is asked. */
export function serverOptions(env: Environment): string | null {
  const zone = env['PGTZ'];
  return zone
    ? [env['PGOPTIONS'], `-c TimeZone=${zone.replace(/[\\ ]/g, '\\$&')}`].filter(Boolean).join(' ')
    : env['PGOPTIONS'] || null;
}
