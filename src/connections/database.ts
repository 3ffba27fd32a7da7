// A connection to another database: the keys of a target in profiles.yml, by its type. The adapters connect.
import type { Profile } from '../contracts/project.ts';
import { checkCredentials } from '../project/profile.ts';
import { allSpecs } from '../adapters/credentials.ts';
import { type ConnectionEntry, expectType } from './entry.ts';
import { secretOf } from './secret.ts';

/** Connections that one command opens to such a database at once. */
const CONNECTIONS = 2;

/**
 * The connection as the profile that an adapter is made of. `schema` need not be given.
 * @throws `profile` error naming file, connection and option
 */
export function databaseConnection(entry: ConnectionEntry): Profile {
  const { name, path, type, options, refuse } = entry;
  const types = allSpecs().map((spec) => spec.type);
  expectType(entry, types, 'a database');
  const { password_file: file, threads = CONNECTIONS, ...given } = options;
  const secret = secretOf({ ...options, password: options['password'] ?? options['pass'] ?? null }, 'password', entry);
  const fields = { schema: 'public', ...given, ...(file === undefined ? {} : { password: secret?.() ?? '' }) };
  const credentials = checkCredentials(type, fields, (message, hint) =>
    refuse(`Connection '${name}': ${message.replace(/^.*\n\s*/, '')}`, hint),
  );
  return {
    profile_name: path,
    target_name: name,
    threads: typeof threads === 'number' ? threads : CONNECTIONS,
    credentials,
    profiles_dir: null,
  };
}
