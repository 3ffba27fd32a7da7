// Reads catalogs.yml, dbt's list of catalogs that tables are written through, and checks it as dbt does. No adapter
// here has an integration, so a file that names a catalog always ends in an error, as in dbt with these adapters.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import type { Logger } from '../log.ts';
import { pyRepr } from '../values/python-text.ts';
import { targetDictionary } from './profile.ts';
import { readFileText } from './read-file.ts';
import { type RenderYamlText, renderFrom, renderTree } from './renderer.ts';
import { checkShape, closed, dict, isDict, optionalText, problemText, shapes, text } from './schema-check.ts';
import { loadYaml } from './yaml.ts';

const CATALOGS_FILE = 'catalogs.yml';

const CATALOG = closed(['name'], {
  name: text,
  active_write_integration: optionalText,
  write_integrations: shapes(
    closed(['name', 'catalog_type'], {
      name: text,
      catalog_type: text,
      catalog_name: optionalText,
      table_format: optionalText,
      external_volume: optionalText,
      file_format: optionalText,
      catalog_database: optionalText,
      adapter_properties: dict,
    }),
  ),
});
/** Keys of a catalog under the flag `use_catalogs_v2`; all are required. */
const SECOND_FORM = ['name', 'type', 'table_format', 'config'];
const TABLE_FORMATS = ['default', 'iceberg'];

/**
 * Checks the project's catalogs.yml. Does nothing if the file or a catalog in it is missing.
 * @param renderer creates the renderer of the file's templates, which may read DBT_ENV_SECRET_ variables
 * @throws TsdbtError with dbt's message: the file is malformed, or the adapter has no such catalog
 */
export function checkCatalogs(config: RuntimeConfig, renderer: () => RenderYamlText, logger: Logger): void {
  const path = join(config.project.project_root, CATALOGS_FILE);
  if (!existsSync(path)) return;
  const file = readCatalogs(path, config.project.project_name);
  const second = config.flags['use_catalogs_v2'] === true;
  const scope = {
    target: targetDictionary(config.profile),
    vars: config.cli_vars,
    requireVars: true,
    env: config.env,
    secrets: true,
  };
  const render = renderFrom(path, renderer());
  const entries = catalogList(file, second).map((entry) => renderTree(entry, scope, render));
  if (second) {
    checkSecondForm(entries);
    if (entries.length === 0) return;
    note(
      logger,
      'catalogs.yml v2 schema validation is experimental, not officially supported yet, and its spec is liable to ' +
        'change. See https://github.com/dbt-labs/dbt-core/discussions/12723',
      { level: 'warn' },
    );
    throw errorOf('catalogsUnsupported', { adapter: config.profile.credentials.type });
  }
  const types = entries.map((entry) => activeType(entry));
  if (types[0] !== undefined) throw errorOf('catalogTypeUnsupported', { type: types[0] });
}

function readCatalogs(path: string, project: string): Json {
  let file: Json;
  try {
    file = loadYaml(readFileText(path), null);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    throw errorOf('propertiesNotRead', { package: project, path: CATALOGS_FILE, why: indented(error.message) });
  }
  if (file === null || (isDict(file) && Object.keys(file).length === 0)) {
    const why = `The file at ${path} is empty`;
    throw errorOf('propertiesNotRead', { package: project, path: CATALOGS_FILE, why });
  }
  return file;
}

const indented = (message: string): string => message.replaceAll('\n', '\n  ');

/** The entries below `catalogs`. */
function catalogList(file: Json, second: boolean): readonly Json[] {
  if (!isDict(file)) throw malformed(`${CATALOGS_FILE} must be a mapping at the top level`);
  if (second) {
    if ('iceberg_catalogs' in file) throw malformed(`v2 ${CATALOGS_FILE} uses 'catalogs', not 'iceberg_catalogs'`);
    const unknown = Object.keys(file).filter((key) => key !== 'catalogs');
    if (unknown.length > 0) {
      throw malformed(
        `Unknown top-level keys in ${CATALOGS_FILE}: ${pyRepr(unknown.sort())}. Only 'catalogs' is allowed`,
      );
    }
  }
  const list = file['catalogs'] ?? [];
  if (!Array.isArray(list)) throw malformed(`'catalogs' in ${CATALOGS_FILE} must be a list, got ${pyRepr(list)}`);
  return list;
}

/** The type of the integration that a catalog writes through. @throws when the catalog is malformed */
function activeType(entry: Json): string {
  const problem = checkShape(entry, CATALOG);
  if (problem !== undefined) {
    const { hint } = problem;
    throw malformed(`A catalog of ${CATALOGS_FILE} is not valid ${problemText(problem)}`, hint);
  }
  const catalog = entry as {
    name: string;
    active_write_integration?: string | null;
    write_integrations?: { name: string; catalog_type: string }[];
  };
  const integrations = catalog.write_integrations ?? [];
  const names = integrations.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw malformed(
      `Catalog '${catalog.name}' cannot have multiple 'write_integrations' with the same name: '${twice}'.`,
    );
  }
  const active = catalog.active_write_integration || (names.length === 1 ? names[0]! : undefined);
  const own = `Catalog '${catalog.name}' must specify an 'active_write_integration'`;
  if (active === undefined) {
    throw malformed(
      names.length === 0
        ? `Catalog '${catalog.name}' has no 'write_integrations': name one, with its 'catalog_type'.`
        : `${own} when multiple 'write_integrations' are provided.`,
    );
  }
  const found = integrations.find(({ name }) => name === active);
  if (found === undefined) {
    throw malformed(`${own} from its set of defined 'write_integrations': ${pyRepr(names)}. Got: '${active}'.`);
  }
  return found.catalog_type;
}

/** Checks entries in the form of the flag `use_catalogs_v2`. */
function checkSecondForm(entries: readonly Json[]): void {
  const seen = new Set<string>();
  for (const entry of entries) {
    if (!isDict(entry))
      throw malformed(`Each entry in ${CATALOGS_FILE} 'catalogs' must be a mapping, got ${pyRepr(entry)}`);
    const unknown = Object.keys(entry).filter((key) => !SECOND_FORM.includes(key));
    if (unknown.length > 0) {
      throw malformed(
        `Unknown keys in catalog entry: ${pyRepr(unknown.sort())}. Allowed keys: ${pyRepr([...SECOND_FORM].sort())}`,
      );
    }
    const missing = SECOND_FORM.filter((key) => !(key in entry));
    if (missing.length > 0) throw malformed(`Missing required keys in catalog entry: ${pyRepr(missing)}`);
    const { name, table_format: format, config } = entry;
    if (typeof name !== 'string' || name.trim() === '') throw malformed('catalogs[].name must be a non-empty string');
    if (typeof format !== 'string' || !TABLE_FORMATS.includes(format.toLowerCase())) {
      throw malformed(`Invalid table_format ${pyRepr(format)}. Must be one of ${pyRepr(TABLE_FORMATS)}`);
    }
    if (!isDict(config)) throw malformed(`Catalog '${name}' config must be a mapping, got ${pyRepr(config)}`);
    for (const [platform, block] of Object.entries(config)) {
      if (block !== null && !isDict(block)) throw malformed(`Catalog '${name}' config.${platform} must be a mapping`);
    }
    if (seen.has(name.trim())) throw malformed(`Duplicate catalog name '${name.trim()}' in ${CATALOGS_FILE}`);
    seen.add(name.trim());
  }
}

function malformed(why: string, hint?: string): TsdbtError {
  return errorOf('badCatalogsFile', { why }, hint === undefined ? {} : { hint });
}
