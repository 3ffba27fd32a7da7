// Reads the SLAs of a project's nodes, with the line of the key in `meta.tsdbt.sla` for errors. Finds no line for
// values from templates, dbt_project.yml or a model's own config.
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { ParsedProject } from '../index.ts';
import { readFileText } from '../project/read-file.ts';
import { loadYaml, locate } from '../project/yaml.ts';
import type { Promised } from '../serve/promises/promise.ts';
import { nodePromises, type PlaceOfSla } from '../serve/promises/read-promises.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** Returns the SLAs of a project's nodes. @throws `validation` error, with file and line, for an invalid one */
export function promisesOfNodes(parsed: ParsedProject): Promised[] {
  // Most projects have no SLAs; finding that out must not decode all of a large manifest.
  if (!parsed.kept.hasKey('sla')) return [];
  return nodePromises(parsed.manifest, placeOfSla(parsed.config.project.project_root));
}

/** @param root folder of the project */
function placeOfSla(root: string): PlaceOfSla {
  return (node, keys) => {
    const path = node.patch_path?.replace(/^[^:]*:\/\//, '') ?? node.original_file_path;
    if (!/\.ya?ml$/.test(path)) return undefined;
    try {
      const text = readFileText(join(root, path));
      const file = loadYaml(text, path);
      for (const meta of metasOf(file, node)) {
        const below = [...meta, 'tsdbt', 'sla'];
        if (at(file, below) !== undefined) return locate(text, [...below, ...keys]);
      }
      return undefined;
    } catch {
      // The files of a package are elsewhere; its errors have no line.
      return undefined;
    }
  };
}

type Path = readonly (string | number)[];

/** The places where a node's `meta` can be. */
function metasOf(file: Json, { name, resource_type: type }: { name: string; resource_type: string }): Path[] {
  const section = `${type}s`;
  const entries = itemsOf(at(file, [section]));
  if (type !== 'source') {
    const index = entries.findIndex((entry) => isDictionary(entry) && entry['name'] === name);
    return index < 0 ? [] : both([section, index]);
  }
  return entries.flatMap((entry, index) => {
    const tables = itemsOf(isDictionary(entry) ? entry['tables'] : undefined);
    const table = tables.findIndex((each) => isDictionary(each) && each['name'] === name);
    return table < 0 ? [] : [...both([section, index, 'tables', table]), ...both([section, index])];
  });
}

const both = (path: Path): Path[] => [
  [...path, 'meta'],
  [...path, 'config', 'meta'],
];

function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function at(value: Json | undefined, path: Path): Json | undefined {
  let found = value;
  for (const key of path)
    found = typeof key === 'number' ? itemsOf(found)[key] : isDictionary(found) ? found[key] : undefined;
  return found;
}
