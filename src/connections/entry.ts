// One connection of connections.yml before its type checks it: brokers (kafka), an object store (s3), a database.
// Its text is rendered by whoever reads it; what each type takes stands beside this file, kafka's in the loader.
import type { Json } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { didYouMean, knownWords } from '../values/close-matches.ts';
import type { SecretPlace } from './secret.ts';
import { isDictionary } from '../values/is-dictionary.ts';

export const CONNECTIONS_FILE = 'connections.yml';

export type Dictionary = { readonly [name: string]: Json };

/** Where a connection, or an option of it, stands in the file; undefined where that is not known. */
export type PlaceOfConnection = (
  name: string,
  option?: string,
) => { readonly line: number; readonly column: number } | undefined;

const EXAMPLE = 'connections:\n  default: { brokers: ["localhost:9092"] }';

/** The options of one connection, and what refuses them. */
export interface ConnectionEntry extends SecretPlace {
  readonly name: string;
  /** `kafka` where none is written. */
  readonly type: string;
  /** Without `type`. */
  readonly options: Dictionary;
  /** @param option the one that is wrong: its line is named */
  readonly refuse: (message: string, hint?: string, option?: string) => never;
}

/** The connections of the file by name. @param data the file's content, rendered or not */
export function connectionsOf(data: Json): Dictionary {
  if (!isDictionary(data)) return {};
  return isDictionary(data['connections']) ? data['connections'] : data;
}

/** The names of the file's connections. @param data the file's content, rendered or not */
export function namesOf(data: Json): string[] {
  return Object.keys(connectionsOf(data));
}

/**
 * One connection of the file.
 * @param data the file's content, rendered
 * @param seen called with each secret that is read, now or later
 * @param folder that the files it names must lie in; null: any
 * @throws `profile` error naming the file, the line of the connection, and the connections that there are
 */
export function connectionEntry(
  data: Json,
  name: string,
  path: string,
  seen: (secret: string) => void = () => undefined,
  placeOf: PlaceOfConnection = () => undefined,
  folder: string | null = null,
): ConnectionEntry {
  const refuse = (message: string, hint?: string, option?: string): never => {
    throw new TsdbtError('profile', message, { path, hint, ...placeOf(name, option) });
  };
  const connections = connectionsOf(data);
  const found = connections[name];
  if (found === undefined) return refuse(`There is no connection '${name}'`, otherNames(connections, name));
  if (!isDictionary(found)) return refuse(`Connection '${name}' must be a dictionary of options`, EXAMPLE);
  const { type: _, ...options } = found;
  return { name, path, folder, type: typeOf(found), options, seen, refuse };
}

/** What there is instead of the connection that is asked for. */
function otherNames(connections: Dictionary, name: string): string {
  const names = Object.keys(connections);
  if (names.length === 0) return EXAMPLE;
  const [first = ''] = names;
  const section = names.length === 1 ? didYouMean(first, ['connections']) : undefined;
  return section === undefined ? `${knownWords('Connections', name, names)}.` : `'${first}' at the top: ${section}`;
}

/** What the connection leads to: without a word a broker. */
export function typeOf({ type = 'kafka' }: Dictionary): string {
  return String(type);
}

/** @throws `profile` error when the connection is of another type @param what `an object store`, for people */
export function expectType(entry: ConnectionEntry, types: readonly string[], what: string): void {
  if (!types.includes(entry.type))
    entry.refuse(
      `Connection '${entry.name}' is of type ${entry.type}, and ${what} is needed`,
      `type: ${types.join(' or ')}.`,
      'type',
    );
}

/** @throws `profile` error naming the first option that is not among these */
export function onlyOptions({ name, options, refuse }: ConnectionEntry, known: readonly string[]): void {
  for (const option of Object.keys(options))
    if (!known.includes(option))
      refuse(
        `Connection '${name}' has the unknown option '${option}'`,
        `${knownWords('Options', option, known)}.`,
        option,
      );
}
