// Reads connections.yml, next to profiles.yml or in the project, and renders it like profiles.yml.
// src/connections/ validates it.
import type { Profile, RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { type LoadConnection, loadConnection } from '../connections/kafka-connection.ts';
import { catalogConnection, type LakeConnection } from '../connections/catalog.ts';
import { connectionsFile, connectionsPath, renderConnection } from '../connections/connections-file.ts';
import { CONNECTION } from '../connections/connection-types.ts';
import { databaseConnection } from '../connections/database.ts';
import {
  type ConnectionEntry,
  connectionEntry,
  connectionsOf,
  namesOf,
  type PlaceOfConnection,
  refuseWritten,
} from '../connections/entry.ts';
import { storeConnection } from '../connections/store.ts';
import type { Json } from '../contracts/node.ts';
import type { ObjectStore } from '../object-store/store.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import { type CommandSession, now } from './command-session.ts';

/** Returns the file and the names of its connections; null if it does not exist. @throws if it is not YAML */
export function connectionNames(config: RuntimeConfig): { readonly path: string; readonly names: string[] } | null {
  const file = connectionsFile(config);
  return file === null ? null : { path: file.path, names: namesOf(file.data) };
}

interface Rendered {
  readonly path: string;
  readonly folder: string | null;
  readonly data: Json;
  readonly placeOf: PlaceOfConnection;
  readonly seen: (secret: string) => void;
}

/** Returns the file's content with secrets inserted. @throws `profile` error */
function render(session: CommandSession, config: RuntimeConfig, name: string | null): Rendered {
  const { templateEnv: env, logger, invocation } = session;
  const file = connectionsFile(config);
  if (file === null)
    throw errorOf('noConnectionsFile', { connection: name ?? 'default', path: connectionsPath(config) });
  const { path, folder, data: written, placeOf } = file;
  refuseWritten(CONNECTION, connectionsOf(written), path, placeOf);
  const data = renderConnection(written, path, config, createYamlRenderer({ env, logger, invocation, now }));
  return { path, folder, data, placeOf, seen: (each) => session.secrets.add(each) };
}

function entryOf(session: CommandSession, config: RuntimeConfig, name: string): ConnectionEntry {
  const { path, folder, data, seen, placeOf } = render(session, config, name);
  return connectionEntry(data, name, path, seen, placeOf, folder);
}

/**
 * Returns a broker by name, or the only one, with secrets inserted and registered for masking. @throws `profile` error
 */
export function readConnection(session: CommandSession, config: RuntimeConfig, name: string | null): LoadConnection {
  const { path, folder, data, seen, placeOf } = render(session, config, name);
  return loadConnection(data, name, path, seen, placeOf, folder);
}

/** Returns the type of a connection. @throws `profile` error if the name does not exist */
export function connectionType(session: CommandSession, config: RuntimeConfig, name: string): string {
  return entryOf(session, config, name).type;
}

/** Returns an object store by name, without connecting. @throws `profile` error */
export async function readStore(session: CommandSession, config: RuntimeConfig, name: string): Promise<ObjectStore> {
  const settings = storeConnection(entryOf(session, config, name));
  return (await import('../object-store/s3-store.ts')).s3Store(settings);
}

/** Returns an Iceberg catalog and its object store by name, without connecting. @throws `profile` error */
export function readCatalog(session: CommandSession, config: RuntimeConfig, name: string): LakeConnection {
  return catalogConnection(entryOf(session, config, name));
}

/** Returns another database by name, as the profile of its adapter. @throws `profile` error */
export function readDatabase(session: CommandSession, config: RuntimeConfig, name: string): Profile {
  return databaseConnection(entryOf(session, config, name));
}
