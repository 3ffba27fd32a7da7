// Finds the position of a source table's load config in its file, for errors: a manifest contains the file of a source,
// but no line.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, SourceDefinition } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { readFileText } from '../project/read-file.ts';
import { asDictionary, loadYaml, locate } from '../project/yaml.ts';

/** Returns the result of `read`. @throws its error, with the line of the table's load config if it can be found */
export function placed<T>({ packages }: RuntimeConfig, source: SourceDefinition, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.path !== source.original_file_path) throw error;
    const owner = packages.find(({ project_name: name }) => name === source.package_name);
    throw error.with((owner === undefined ? undefined : placeOf(owner.project_root, source)) ?? {});
  }
}

function placeOf(
  root: string,
  source: SourceDefinition,
): { readonly line: number; readonly column: number } | undefined {
  const file = join(root, source.original_file_path);
  if (!existsSync(file)) return undefined;
  const text = readFileText(file);
  const sources = listOf(asDictionary(loadYaml(text, file))?.['sources']);
  for (const [i, entry] of sources.entries()) {
    if (asDictionary(entry)?.['name'] !== source.source_name) continue;
    const tables = listOf(asDictionary(entry)?.['tables']);
    const j = tables.findIndex((table) => asDictionary(table)?.['name'] === source.name);
    if (j === -1) continue;
    const table = ['sources', i, 'tables', j];
    const below = asDictionary(tables[j] ?? null)?.['config'] === undefined ? [] : ['config'];
    return locate(text, [...table, ...below, 'meta', 'tsdbt', 'load']);
  }
  return undefined;
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
