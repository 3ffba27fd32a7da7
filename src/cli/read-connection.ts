// Reads connections.yml, beside profiles.yml or else in the project, and renders it like profiles.yml.
// src/loader/connections.ts validates it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import {
  CONNECTIONS_FILE,
  type LoadConnection,
  loadConnection,
  namesOf,
  writtenSecrets,
} from '../loader/connections.ts';
import { targetDictionary } from '../project/profile.ts';
import { renderTree } from '../project/renderer.ts';
import { loadYaml } from '../project/yaml.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import { type CommandSession, now } from './command-session.ts';
import { readFileText } from '../project/read-file.ts';

/** The place of the file: beside profiles.yml, or else in the project, where it would be when there is none. */
function connectionsPath(config: RuntimeConfig): string {
  const root = config.project.project_root;
  const beside = [config.profile.profiles_dir ?? root, root].map((folder) => join(folder, CONNECTIONS_FILE));
  return beside.find(existsSync) ?? join(root, CONNECTIONS_FILE);
}

/** The file and the names of its connections; null: there is none. @throws when it is no YAML */
export function connectionNames(config: RuntimeConfig): { readonly path: string; readonly names: string[] } | null {
  const path = connectionsPath(config);
  return existsSync(path) ? { path, names: namesOf(loadYaml(readFileText(path), path)) } : null;
}

/** A connection by name, or the only one, with secrets inserted and registered for masking. @throws `profile` error */
export function readConnection(session: CommandSession, config: RuntimeConfig, name: string | null): LoadConnection {
  const { env, logger, invocation } = session;
  const path = connectionsPath(config);
  if (!existsSync(path)) throw errorOf('noConnectionsFile', { connection: name ?? 'default', path });
  const render = createYamlRenderer({ env, logger, invocation, now });
  const written = loadYaml(readFileText(path), path);
  const [secret] = writtenSecrets(written);
  if (secret !== undefined) throw errorOf('writtenSecret', { secret }, { path });
  const data = renderTree(
    written,
    { target: targetDictionary(config.profile), vars: config.cli_vars, requireVars: true, env, secrets: true },
    render,
  );
  return loadConnection(data, name, path, (secret) => session.secrets.add(secret));
}
