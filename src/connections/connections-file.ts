// Where connections.yml stands, what is written in it, and its text rendered as profiles.yml is. What a connection
// means is left to who opens it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { targetDictionary } from '../project/profile.ts';
import { readFileText } from '../project/read-file.ts';
import { type RenderYamlText, renderTree } from '../project/renderer.ts';
import { loadYaml } from '../project/yaml.ts';
import { CONNECTIONS_FILE, connectionsOf } from './entry.ts';

/** The place of the file: beside profiles.yml, or else in the project, where it would be when there is none. */
export function connectionsPath(config: RuntimeConfig): string {
  const root = config.project.project_root;
  const beside = [config.profile.profiles_dir ?? root, root].map((folder) => join(folder, CONNECTIONS_FILE));
  return beside.find(existsSync) ?? join(root, CONNECTIONS_FILE);
}

/** The connections as they are written, not rendered; null: there is no file. @throws when it is no YAML */
export function writtenConnections(
  config: RuntimeConfig,
): { readonly path: string; readonly connections: { readonly [name: string]: Json } } | null {
  const path = connectionsPath(config);
  return existsSync(path) ? { path, connections: connectionsOf(loadYaml(readFileText(path), path)) } : null;
}

/** One connection, with what its templates write. @param written of `writtenConnections` */
export function renderConnection(
  written: Json,
  config: RuntimeConfig,
  env: Readonly<Record<string, string | undefined>>,
  render: RenderYamlText,
): Json {
  const target = targetDictionary(config.profile);
  return renderTree(written, { target, vars: config.cli_vars, requireVars: true, env, secrets: true }, render);
}
