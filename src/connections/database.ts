// A connection to another database: the keys of a target in profiles.yml, by its type. The adapters connect.
import { allSpecs, type CredentialsSpec } from '../adapters/credentials.ts';
import type { Json } from '../contracts/node.ts';
import type { Credentials, Profile } from '../contracts/project.ts';
import { checkCredentials } from '../project/profile.ts';
import { secret, secretFile, text, whole } from '../settings/kinds.ts';
import type { JsonSchema, Setting } from '../settings/setting.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { type ConnectionEntry, readConnection } from './entry.ts';

/** Connections that one command opens to such a database at once. */
const CONNECTIONS = 2;

const JSON_TYPES = new Map([['integers', 'integer']]);

/** The keys of a target, but `schema` need not be given, and the password may come from a file. */
export function databaseSetting(spec: CredentialsSpec): Setting<{ credentials: Credentials; threads: number }> {
  const secrets = Object.entries({ password: 'password', ...spec.aliases }).filter(([, name]) => name === 'password');
  const keys = secrets.map(([key]) => key);
  return {
    expects: `the keys of a target of type ${spec.type}`,
    type: 'dictionary',
    schema: () => ({
      type: 'object',
      additionalProperties: false,
      properties: {
        ...Object.fromEntries(
          Object.entries(spec.fields).map(([name, { type }]): [string, JsonSchema] => [
            name,
            {
              type: [...new Set([type, 'string', 'null'].flat().map((each) => JSON_TYPES.get(each) ?? each))],
            },
          ]),
        ),
        ...Object.fromEntries(Object.keys(spec.aliases).map((alias) => [alias, {}])),
        ...Object.fromEntries(keys.map((key) => [key, secret.schema()])),
        password_file: text.schema(),
        threads: whole(1).schema(),
      },
    }),
    written: (value, at) =>
      isDictionary(value)
        ? keys.flatMap((key) => (value[key] === undefined ? [] : (secret.written?.(value[key], [...at, key]) ?? [])))
        : [],
    read: (value, place) => {
      const options: { [key: string]: Json } = isDictionary(value) ? { ...value } : {};
      const { password_file: file, threads = CONNECTIONS, ...given } = options;
      const key = keys.find((each) => given[each] != null);
      if (file != null && key !== undefined)
        place.at('password_file').refuse(`${place.label} has '${key}' and 'password_file'`, 'Remove one of them.');
      if (key !== undefined) given[key] = secret.read(given[key] ?? null, place.at(key))();
      if (file != null) given['password'] = secretFile.read(file, place.at('password_file'))();
      const credentials = checkCredentials(spec.type, { schema: 'public', ...given }, (message, hint) =>
        place.refuse(`${place.label}: ${message.replace(/^.*\n\s*/, '')}`, hint),
      );
      return { credentials, threads: whole(1).read(threads, place.at('threads')) };
    },
  };
}

/**
 * The connection as the profile that an adapter is made of.
 * @throws `profile` error naming file, connection and option
 */
export function databaseConnection(entry: ConnectionEntry): Profile {
  const { name, path, type } = entry;
  const specs = allSpecs();
  const [first] = specs;
  const spec = specs.find((each) => each.type === type) ?? first;
  const types = specs.map((each) => each.type);
  const read = spec && readConnection(entry, types, 'a database', databaseSetting(spec));
  if (read === undefined) throw new TypeError('there is no adapter');
  return { profile_name: path, target_name: name, ...read, profiles_dir: null };
}
