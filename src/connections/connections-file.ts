// Where connections.yml stands, what is written in it, and its text rendered as profiles.yml is. What a connection
// means is left to who opens it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { checkWithin, folderOfNamedFiles } from '../project/outside-paths.ts';
import { targetDictionary } from '../project/profile.ts';
import { readFileText } from '../project/read-file.ts';
import { renderFrom, type RenderYamlText, renderTree } from '../project/renderer.ts';
import { loadYaml, locate } from '../project/yaml.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { CONNECTIONS_FILE, connectionsOf, type Dictionary, type PlaceOfConnection } from './entry.ts';

/** The place of the file: beside profiles.yml, or else in the project, where it would be when there is none. */
export function connectionsPath(config: RuntimeConfig): string {
  const root = config.project.project_root;
  const beside = [config.profile.profiles_dir ?? root, root].map((folder) => join(folder, CONNECTIONS_FILE));
  return beside.find(existsSync) ?? join(root, CONNECTIONS_FILE);
}

/** What is written in connections.yml, not rendered. */
export interface ConnectionsFile {
  readonly path: string;
  /** Folder that the files it names must lie in; null: any. */
  readonly folder: string | null;
  readonly data: Json;
  readonly placeOf: PlaceOfConnection;
}

/** The file; null: there is none. @throws {TsdbtError} it is no YAML, no dictionary, or says something twice */
export function connectionsFile(config: RuntimeConfig): ConnectionsFile | null {
  const path = connectionsPath(config);
  if (!existsSync(path)) return null;
  const folder = folderOfNamedFiles(path, config);
  if (folder !== null) checkWithin(path, folder, 'Link');
  const text = readFileText(path);
  const data = loadYaml(text, path, {
    onDuplicateKey: (_description, { key, line, column }) => {
      throw new TsdbtError('profile', `'${key}' is written twice`, { path, line, column });
    },
  });
  if (data !== null && !isDictionary(data))
    throw new TsdbtError('profile', 'connections.yml must hold names with their connections', {
      path,
      line: 1,
      hint: 'connections:\n  default: { brokers: ["localhost:9092"] }',
    });
  const above = isDictionary(data?.['connections']) ? ['connections'] : [];
  return {
    path,
    folder,
    data,
    placeOf: (name, keys = []) => locate(text, [...above, name, ...keys]),
  };
}

/** The connections as they are written, not rendered; null: there is no file. @throws as `connectionsFile` does */
export function writtenConnections(
  config: RuntimeConfig,
): (Omit<ConnectionsFile, 'data'> & { readonly connections: Dictionary }) | null {
  const file = connectionsFile(config);
  return file === null ? null : { ...file, connections: connectionsOf(file.data) };
}

/** One connection, with what its templates write. @param written of `writtenConnections` */
export function renderConnection(written: Json, path: string, config: RuntimeConfig, render: RenderYamlText): Json {
  const target = targetDictionary(config.profile);
  const scope = { target, vars: config.cli_vars, requireVars: true, env: config.env, secrets: true };
  return renderTree(written, scope, renderFrom(path, render));
}
