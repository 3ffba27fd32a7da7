// Reads connections.yml, beside profiles.yml or else in the project, and renders it like profiles.yml.
// src/loader/connections.ts validates it.
import { existsSync } from 'node:fs';
import type { Profile, RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { catalogConnection, type LakeConnection } from '../connections/catalog.ts';
import { connectionsPath } from '../connections/connections-file.ts';
import { databaseConnection } from '../connections/database.ts';
import { connectionEntry, namesOf } from '../connections/entry.ts';
import { storeConnection } from '../connections/store.ts';
import type { Json } from '../contracts/node.ts';
import { type LoadConnection, loadConnection, writtenSecrets } from '../loader/connections.ts';
import type { ObjectStore } from '../object-store/store.ts';
import { targetDictionary } from '../project/profile.ts';
import { renderTree } from '../project/renderer.ts';
import { loadYaml } from '../project/yaml.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import { type CommandSession, now } from './command-session.ts';
import { readFileText } from '../project/read-file.ts';

/** The file and the names of its connections; null: there is none. @throws when it is no YAML */
export function connectionNames(config: RuntimeConfig): { readonly path: string; readonly names: string[] } | null {
  const path = connectionsPath(config);
  return existsSync(path) ? { path, names: namesOf(loadYaml(readFileText(path), path)) } : null;
}

/** The file's content with secrets inserted. @throws `profile` error */
function render(
  session: CommandSession,
  config: RuntimeConfig,
  name: string | null,
): { readonly path: string; readonly data: Json; readonly seen: (secret: string) => void } {
  const { env, logger, invocation } = session;
  const path = connectionsPath(config);
  if (!existsSync(path)) throw errorOf('noConnectionsFile', { connection: name ?? 'default', path });
  const renderText = createYamlRenderer({ env, logger, invocation, now });
  const written = loadYaml(readFileText(path), path);
  const [secret] = writtenSecrets(written);
  if (secret !== undefined) throw errorOf('writtenSecret', { secret }, { path });
  const data = renderTree(
    written,
    { target: targetDictionary(config.profile), vars: config.cli_vars, requireVars: true, env, secrets: true },
    renderText,
  );
  return { path, data, seen: (each) => session.secrets.add(each) };
}

/** A broker by name, or the only one, with secrets inserted and registered for masking. @throws `profile` error */
export function readConnection(session: CommandSession, config: RuntimeConfig, name: string | null): LoadConnection {
  const { path, data, seen } = render(session, config, name);
  return loadConnection(data, name, path, seen);
}

/** The type of a connection. @throws `profile` error when there is none of this name */
export function connectionType(session: CommandSession, config: RuntimeConfig, name: string): string {
  const { path, data, seen } = render(session, config, name);
  return connectionEntry(data, name, path, seen).type;
}

/** An object store by name; it is not asked yet. @throws `profile` error */
export async function readStore(session: CommandSession, config: RuntimeConfig, name: string): Promise<ObjectStore> {
  const { path, data, seen } = render(session, config, name);
  const settings = storeConnection(connectionEntry(data, name, path, seen));
  return (await import('../object-store/s3-store.ts')).s3Store(settings);
}

/** An Iceberg catalog and its object store by name; they are not asked yet. @throws `profile` error */
export function readCatalog(session: CommandSession, config: RuntimeConfig, name: string): LakeConnection {
  const { path, data, seen } = render(session, config, name);
  return catalogConnection(connectionEntry(data, name, path, seen));
}

/** Another database by name, as the profile of its adapter. @throws `profile` error */
export function readDatabase(session: CommandSession, config: RuntimeConfig, name: string): Profile {
  const { path, data, seen } = render(session, config, name);
  return databaseConnection(connectionEntry(data, name, path, seen));
}
