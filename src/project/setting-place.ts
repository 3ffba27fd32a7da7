// Finds where a setting below `meta.tsdbt` is written in a properties file, for errors. A value from a template, from
// dbt_project.yml or from a model's own config has no position.
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { Project } from '../contracts/project.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { readFileText } from './read-file.ts';
import { loadYaml, locate } from './yaml.ts';

type Keys = readonly (string | number)[];

/** The fields of a node or source that are needed to find its settings. */
export interface SettingOwner {
  readonly resource_type: string;
  readonly name: string;
  readonly source_name?: string;
  readonly original_file_path: string;
  readonly patch_path?: string | null;
}

/** Which setting it is. */
export interface SettingKeys {
  /** Below `meta.tsdbt`: `['load', 'flush', 'rows']`. */
  readonly keys: Keys;
  /** The column whose `meta` contains it. */
  readonly column?: string | undefined;
}

export interface SettingPlace {
  readonly line: number;
  readonly column: number;
  readonly lineText: string | undefined;
}

/** The properties file with the settings of a node, or the node's own file. */
export function settingsFile({ patch_path: patch, original_file_path: own }: SettingOwner): string {
  return patch?.replace(/^[^:]*:\/\//, '') ?? own;
}

/**
 * Finds a setting, or the innermost setting around it that is written in the file.
 * @param read returns the text of the properties file
 * @returns undefined if it cannot be read, or does not contain the setting
 */
export function placeInFile(
  read: () => string,
  path: string,
  owner: SettingOwner,
  setting: SettingKeys,
): SettingPlace | undefined {
  try {
    const text = read();
    const file = loadYaml(text, path);
    const metas = entriesOf(file, owner, setting.column).flatMap((entry) => [
      [...entry, 'meta', 'tsdbt'],
      [...entry, 'config', 'meta', 'tsdbt'],
    ]);
    for (let depth = setting.keys.length; depth > 0; depth--) {
      for (const meta of metas) {
        const keys = [...meta, ...setting.keys.slice(0, depth)];
        const place = valueAt(file, keys) === undefined ? undefined : locate(text, keys);
        if (place !== undefined) return { ...place, lineText: text.split('\n')[place.line - 1] };
      }
    }
  } catch {
    // The error without a position is more useful than an error of the search.
  }
  return undefined;
}

/** The same, in the file of the project or package that contains the node. */
export function placeInProject(
  packages: readonly Pick<Project, 'project_name' | 'project_root'>[],
  owner: SettingOwner & { readonly package_name: string },
  setting: SettingKeys,
): SettingPlace | undefined {
  const path = settingsFile(owner);
  const [patched = owner.package_name] = owner.patch_path?.split('://') ?? [];
  const root = packages.find(({ project_name: name }) => name === patched)?.project_root;
  if (root === undefined || !/\.ya?ml$/.test(path)) return undefined;
  return placeInFile(() => readFileText(join(root, path)), path, owner, setting);
}

/** Finds a key of a node or of one of its columns in a properties file; undefined if the file does not contain it. */
export function columnPlace(
  text: string,
  path: string,
  owner: SettingOwner,
  keys: Keys,
  column?: string,
): SettingPlace | undefined {
  try {
    const file = loadYaml(text, path);
    const [entry] = entriesOf(file, owner, undefined);
    const around = entry === undefined || column === undefined ? entry : itemNamed(file, [...entry, 'columns'], column);
    const place = around === undefined ? undefined : locate(text, [...around, ...keys]);
    return place === undefined ? undefined : { ...place, lineText: text.split('\n')[place.line - 1]?.trimEnd() };
  } catch {
    return undefined;
  }
}

function itemNamed(file: Json, keys: Keys, name: string): Keys | undefined {
  const index = itemsOf(valueAt(file, keys)).findIndex((entry) => isDictionary(entry) && entry['name'] === name);
  return index < 0 ? undefined : [...keys, index];
}

/** The entries that can contain the settings, most specific first. */
function entriesOf(file: Json, owner: SettingOwner, column: string | undefined): Keys[] {
  const named = (keys: Keys, name: string): Keys[] => {
    const found = itemNamed(file, keys, name);
    return found === undefined ? [] : [found];
  };
  if (owner.resource_type !== 'source') return named([`${owner.resource_type}s`], owner.name);
  return itemsOf(valueAt(file, ['sources'])).flatMap((entry, index) => {
    if (!isDictionary(entry) || entry['name'] !== owner.source_name) return [];
    const source = ['sources', index];
    return named([...source, 'tables'], owner.name).flatMap((table) => [
      ...(column === undefined ? [] : named([...table, 'columns'], column)),
      table,
      source,
    ]);
  });
}

function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function valueAt(value: Json, keys: Keys): Json | undefined {
  let found: Json | undefined = value;
  for (const key of keys)
    found = typeof key === 'number' ? itemsOf(found)[key] : isDictionary(found) ? found[key] : undefined;
  return found;
}
