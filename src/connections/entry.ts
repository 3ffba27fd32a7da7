// Finds one connection of connections.yml and reads its settings. The settings of each type are in files of their own.
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { type Keys, readSetting, type SectionContext, sentence, type Setting } from '../settings/setting.ts';
import { didYouMean, knownWords } from '../values/close-matches.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { namedFiles } from './named-files.ts';

export const CONNECTIONS_FILE = 'connections.yml';

export type Dictionary = { readonly [name: string]: Json };

/** The place of a connection, or of a key below it, in the file; undefined where that is not known. */
export type PlaceOfConnection = (
  name: string,
  keys?: Keys,
) => { readonly line: number; readonly column: number } | undefined;

const EXAMPLE = 'connections:\n  default: { brokers: ["localhost:9092"] }';

export interface ConnectionEntry {
  readonly name: string;
  readonly path: string;
  /** `kafka` where none is written. */
  readonly type: string;
  /** Without `type`. */
  readonly options: Dictionary;
  readonly context: SectionContext;
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
  const refuse: SectionContext['refuse'] = ({ keys, message, hint }) => {
    throw new TsdbtError('profile', sentence(message), { path, hint, ...placeOf(name, keys) });
  };
  const connections = connectionsOf(data);
  const found = connections[name];
  if (found === undefined)
    return refuse({ keys: [], message: `There is no connection '${name}'`, hint: otherNames(connections, name) });
  if (!isDictionary(found))
    return refuse({ keys: [], message: `connection '${name}' must be a dictionary`, hint: EXAMPLE });
  const { type: _, ...options } = found;
  return { name, path, type: typeOf(found), options, context: { refuse, seen, file: namedFiles(path, folder) } };
}

/** Advice when there is no connection of a name: the connections that there are. */
function otherNames(connections: Dictionary, name: string): string {
  const names = Object.keys(connections);
  if (names.length === 0) return EXAMPLE;
  const [first = ''] = names;
  const section = names.length === 1 ? didYouMean(first, ['connections']) : undefined;
  return section === undefined ? `${knownWords('Connections', name, names)}.` : `'${first}' at the top: ${section}`;
}

/** The type of a connection; without one it is a broker. */
export function typeOf({ type = 'kafka' }: Dictionary): string {
  return String(type);
}

/**
 * The settings of a connection.
 * @param what they are for, for people: `an object store`
 * @throws `profile` error with file, line, connection and key
 */
export function readConnection<T>(
  entry: ConnectionEntry,
  types: readonly string[],
  what: string,
  setting: Setting<T>,
): T {
  const { name, type, options, context } = entry;
  if (!types.includes(type))
    context.refuse({
      keys: ['type'],
      message: `connection '${name}' is of type ${type}, and ${what} is needed`,
      hint: `type: ${types.join(' or ')}.`,
    });
  return readSetting(setting, options, context, `connection '${name}'`);
}

/**
 * Refuses secrets that are written in the file instead of coming from the environment.
 * @param data a connection by its name, not rendered @throws `profile` error with the key
 */
export function refuseWritten(setting: Setting, data: Dictionary, path: string, placeOf?: PlaceOfConnection): void {
  for (const [name, value] of Object.entries(data)) {
    const [keys] = setting.written?.(value, []) ?? [];
    if (keys !== undefined)
      throw errorOf('writtenSecret', { secret: [name, ...keys].join('.') }, { path, ...placeOf?.(name, keys) });
  }
}
