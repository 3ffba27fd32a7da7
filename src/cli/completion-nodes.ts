// Names that a selection accepts, from the graph written by the last command, offered by shells after --select. No
// project is parsed, so that completion costs only the start of the program.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { readFileText } from '../project/read-file.ts';
import { asDictionary, loadYaml } from '../project/yaml.ts';

/** Resource types that are selected by name alone. */
const BY_NAME: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot', 'analysis', 'function']);
/** Resource types that are selected by a method: `source:raw.events`. */
const BY_METHOD: ReadonlySet<string> = new Set(['source', 'exposure', 'metric', 'semantic_model', 'saved_query']);
/** Names that are safe as a single shell word. */
const PLAIN = /^[\p{L}\p{N}_.:@-]+$/u;

/** @param folder of the project, or inside it @returns names in order; empty if nothing was parsed yet */
export function nodeNames(folder: string, env: Readonly<Record<string, string | undefined>>): string[] {
  try {
    const root = projectAt(resolve(folder));
    return root === null ? [] : namesOf(idsIn(targetOf(root, env)));
  } catch {
    // Completion ignores a file that cannot be read.
    return [];
  }
}

function projectAt(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'dbt_project.yml'))) return at;
    if (dirname(at) === at) return null;
  }
}

function targetOf(root: string, env: Readonly<Record<string, string | undefined>>): string {
  const file = join(root, 'dbt_project.yml');
  const written = asDictionary(loadYaml(readFileText(file), file))?.['target-path'];
  const path = env['DBT_ENGINE_TARGET_PATH'] ?? env['DBT_TARGET_PATH'] ?? written;
  return resolve(root, typeof path === 'string' && path !== '' ? path : 'target');
}

/** unique_ids from the short summary of the graph, otherwise from the manifest. */
function idsIn(target: string): readonly string[] {
  const dictionary = (name: string): { readonly [key: string]: Json } | undefined => {
    const path = join(target, name);
    const data: Json = existsSync(path) ? JSON.parse(readFileText(path)) : null;
    return asDictionary(data);
  };
  const summary = asDictionary(dictionary('graph_summary.json')?.['linked'] ?? null);
  if (summary !== undefined) return Object.values(summary).map((node) => String(asDictionary(node)?.['name']));
  return Object.keys(asDictionary(dictionary('manifest.json')?.['parent_map'] ?? null) ?? {});
}

function namesOf(ids: readonly string[]): string[] {
  const names = ids.flatMap((id) => {
    const [type = '', , ...name] = id.split('.');
    if (BY_NAME.has(type)) return [name.join('.')];
    return BY_METHOD.has(type) ? [`${type}:${name.join('.')}`] : [];
  });
  return [...new Set(names)].filter((name) => PLAIN.test(name)).sort();
}
