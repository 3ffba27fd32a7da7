// Names that a selection may take, as the last command that made the graph left them: what shells offer behind
// --select. No project is parsed, so that a tab costs the start of the program.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { readFileText } from '../project/read-file.ts';
import { asDictionary, loadYaml } from '../project/yaml.ts';

/** Types whose name alone selects them. */
const BY_NAME: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot', 'analysis', 'function']);
/** Types that are selected by their method: `source:raw.events`. */
const BY_METHOD: ReadonlySet<string> = new Set(['source', 'exposure', 'metric', 'semantic_model', 'saved_query']);
/** What a shell can take as one word and runs nothing. */
const PLAIN = /^[\p{L}\p{N}_.:@-]+$/u;

/** @param folder of the project, or one below it @returns names in order; none where nothing was parsed yet */
export function nodeNames(folder: string, env: Readonly<Record<string, string | undefined>>): string[] {
  try {
    const root = projectAt(resolve(folder));
    return root === null ? [] : namesOf(idsIn(targetOf(root, env)));
  } catch {
    // A file that cannot be read is no matter of a tab.
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

/** Unique ids: of the graph's summary, which is short, else of the manifest. */
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
