// Moves the attributes of a properties file entry to dbt's current places. node-patches.ts interprets the entry.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { isDict, type Shape } from '../../project/schema-check.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from '../read/yaml-entries.ts';

/** The entry with attributes in dbt's current places: `meta`, `docs` … under config, `tests` as `data_tests`. */
export function normalizedEntry<T>(entry: YamlEntry, shape: Shape<T>): T {
  const { data, key } = entry;
  const withPlace: YamlDict = {
    ...data,
    original_file_path: entry.yaml.file.original_file_path,
    yaml_key: key,
    package_name: entry.yaml.project.project_name,
  };
  const checked = checkEntry(entry, withPlace, shape);
  for (const attribute of ['meta', 'docs', 'group', 'contract', 'access']) moveToConfig(entry, withPlace, attribute);
  renameTests(entry, withPlace);
  const { columns, versions } = withPlace;
  if (Array.isArray(columns)) withPlace['columns'] = columns.map((column) => renamedTests(entry, column));
  if (Array.isArray(versions)) {
    withPlace['versions'] = versions.map((version) => {
      const renamed = renamedTests(entry, version);
      return isDict(renamed) && Array.isArray(renamed['columns'])
        ? { ...renamed, columns: renamed['columns'].map((column) => renamedTests(entry, column)) }
        : renamed;
    });
  }
  return checked;
}

function moveToConfig(entry: YamlEntry, data: YamlDict, attribute: string): void {
  const value = data[attribute];
  if (value === undefined) return;
  const config = isDict(data['config']) ? data['config'] : {};
  if (attribute in config) {
    throw errorOf(
      'keyInConfigToo',
      { path: entry.yaml.file.original_file_path, key: attribute },
      { path: entry.yaml.file.original_file_path },
    );
  }
  data['config'] = { ...config, [attribute]: value };
  delete data[attribute];
}

function renamedTests(entry: YamlEntry, data: Json): Json {
  if (!isDict(data)) return data;
  const tests = data['tests'];
  if (tests === undefined || tests === null || (Array.isArray(tests) && tests.length === 0)) return data;
  const copy = { ...data };
  renameTests(entry, copy);
  return copy;
}

function renameTests(entry: YamlEntry, data: YamlDict): void {
  const tests = data['tests'];
  if (tests === undefined || tests === null || (Array.isArray(tests) && tests.length === 0)) return;
  if ('data_tests' in data)
    throw entryError(entry, data, "at path []: Invalid test config: cannot have both 'tests' and 'data_tests' defined");
  data['data_tests'] = tests;
  delete data['tests'];
}
