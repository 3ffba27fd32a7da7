// The `exceptions` namespace of templates: raising dbt's errors and warnings under dbt's names and words. Leaves adding
// the node to an error to whoever runs the template.
import { eventOf } from '../events/index.ts';
import { type ErrorKind, TsdbtError } from '../errors.ts';
import type { LogEvent } from '../log.ts';
import {
  type Callable,
  callable,
  getAttribute,
  isTruthy,
  iterate,
  PyDict,
  toText,
  type Value,
} from '../values/index.ts';
import { Namespace } from './namespace.ts';

/** Told of a warning; with `--warn-error` it throws. */
export type Warn = (event: LogEvent) => void;

/** The `exceptions` of a context. */
export function createExceptions(warn: Warn): Namespace {
  const raise = (
    name: string,
    signature: string,
    message: (...args: Value[]) => string,
    kind: ErrorKind = 'compilation',
    code?: string,
  ): [string, Callable] => [
    name,
    callable(name, signature, (...args) => {
      throw new TsdbtError(kind, message(...args), code === undefined ? {} : { code });
    }),
  ];
  return new Namespace(
    () =>
      new Map<string, Value>([
        [
          'warn',
          callable('warn', 'msg, node=None', (msg) => {
            warn(eventOf('JinjaLogWarning', `[WARNING]: ${text(msg)}`, { msg: text(msg) }));
            return '';
          }),
        ],
        [
          'warn_snapshot_timestamp_data_types',
          callable(
            'warn_snapshot_timestamp_data_types',
            'snapshot_time_data_type, updated_at_data_type',
            (snapshotType, updatedType) => {
              warn(
                eventOf(
                  'SnapshotTimestampWarning',
                  `[WARNING]: Data type of snapshot table timestamp columns (${text(snapshotType)}) doesn't ` +
                    `match derived column 'updated_at' (${text(updatedType)}). Please update snapshot config ` +
                    "'updated_at'.",
                  { snapshot_time_data_type: text(snapshotType), updated_at_data_type: text(updatedType) },
                ),
              );
              return null;
            },
          ),
        ],
        raise(
          'missing_config',
          'model, name',
          (model, name) =>
            `Model '${field(model, 'unique_id')}' does not define a required config parameter '${text(name)}'.`,
        ),
        raise('missing_materialization', 'model, adapter_type', (model, type) =>
          missingMaterialization(field(getAttribute(model ?? null, 'config'), 'materialized'), text(type)),
        ),
        raise('missing_relation', 'relation, model=None', (relation) => `Relation ${text(relation)} not found!`),
        raise('raise_ambiguous_alias', 'node_1, node_2, duped_name=None', ambiguousAlias),
        raise('raise_ambiguous_catalog_match', 'unique_id, match_1, match_2', ambiguousCatalogMatch),
        raise(
          'raise_cache_inconsistent',
          'message',
          (message) => `Cache inconsistency detected: ${text(message)}`,
          'internal',
        ),
        raise(
          'raise_dataclass_not_dict',
          'obj',
          (obj) =>
            `The object ("${text(obj)}") was used as a dictionary. This capability has been removed from ` +
            'objects of this type.',
        ),
        raise('raise_compiler_error', 'msg, node=None', text),
        raise('raise_database_error', 'msg, node=None', text, 'database'),
        raise(
          'raise_dep_not_found',
          'node, node_description, required_pkg',
          (_node, description, required) =>
            `Error while parsing ${text(description)}.\nThe required package "${text(required)}" was not ` +
            'found. Is the package installed?\nHint: You may need to run `dbt deps`.',
        ),
        raise('raise_dependency_error', 'msg', text, 'dependency'),
        raise('raise_duplicate_patch_name', 'patch_1, existing_patch_path', duplicatePatch),
        raise('raise_duplicate_resource_name', 'node_1, node_2', duplicateResource),
        raise(
          'raise_invalid_property_yml_version',
          'path, issue',
          (path, issue) =>
            `The yml property file at ${text(path)} is invalid because ${text(issue)}. Please consult the ` +
            'documentation for more information on yml property file syntax:\n\n' +
            'https://docs.getdbt.com/reference/configs-and-properties',
        ),
        raise('raise_not_implemented', 'msg', (msg) => `ERROR: ${text(msg)}`, 'runtime'),
        raise(
          'relation_wrong_type',
          'relation, expected_type, model=None',
          (relation, expected) =>
            `Trying to create ${text(expected)} ${text(relation)}, but it currently exists as a ` +
            `${field(relation, 'type')}. Either drop ${text(relation)} manually, or run dbt with ` +
            '`--full-refresh` and dbt will drop it for you.',
        ),
        raise('raise_contract_error', 'yaml_columns, sql_columns', contractMessage),
        raise(
          'column_type_missing',
          'column_names',
          (names) =>
            'Contracted models require data_type to be defined for each column. Please ensure that the column ' +
            `name and data_type are defined within the YAML configuration for the ${text(names)} column(s).`,
        ),
        raise('raise_fail_fast_error', 'msg, node=None', text, 'failFast'),
      ]),
  );
}

/** dbt's words for a materialization that no package has. */
export function missingMaterialization(materialization: string, adapterType: string): string {
  const searched = adapterType === 'default' ? "'default'" : `'default' and '${adapterType}'`;
  return `No materialization '${materialization}' was found for adapter ${adapterType}! (searched types ${searched})`;
}

function text(value: Value | undefined): string {
  return toText(value ?? null);
}

function field(value: Value | undefined, name: string): string {
  return toText(getAttribute(value ?? null, name));
}

function ambiguousAlias(first: Value, second: Value, duplicate: Value): string {
  const name = isTruthy(duplicate)
    ? text(duplicate)
    : `${field(first, 'database')}.${field(first, 'schema')}.${field(first, 'alias')}`;
  return (
    `dbt found two resources with the database representation "${name}".\ndbt cannot create two resources with ` +
    'identical database representations. ' +
    `To fix this,\nchange the configuration of one of these resources:${place(first)}${place(second)}`
  );
}

function place(node: Value): string {
  return `\n- ${field(node, 'unique_id')} (${field(node, 'original_file_path')})`;
}

function ambiguousCatalogMatch(uniqueId: Value, first: Value, second: Value): string {
  const shown = (match: Value): string =>
    `${field(getAttribute(match, 'metadata'), 'schema')}.${field(getAttribute(match, 'metadata'), 'name')}`;
  return (
    'dbt found two relations in your warehouse with similar database identifiers. dbt\nis unable to determine ' +
    'which of these relations was created by the model ' +
    `"${text(uniqueId)}".\nIn order for dbt to correctly generate the catalog, one of the following relations ` +
    `must be deleted or renamed:\n\n - ${shown(first)}\n - ${shown(second)}`
  );
}

function duplicatePatch(patch: Value, existing: Value): string {
  const name = field(patch, 'name');
  const [path, other] = [field(patch, 'original_file_path'), text(existing)];
  const fix =
    path === other
      ? `remove one of the resource entries for ${name} in this file:\n - ${path}\n`
      : `remove the resource entry for ${name} in one of these files:\n - ${path}\n${other}`;
  return (
    `dbt found two schema.yml entries for the same resource named ${name}. Resources and their associated ` +
    `columns may only be described a single time. To fix this, ${fix}`
  );
}

function duplicateResource(first: Value, second: Value): string {
  const name = field(first, 'name');
  return (
    `dbt found two resources with the name "${name}".\n\nSince these resources have the same name, dbt will be ` +
    'unable to find the correct resource\n' +
    `when looking for ref("${name}").\n\nTo fix this, change the name of one of these ` +
    `resources:${place(first)}${place(second)}`
  );
}

type ContractRow = readonly [name: string, definition: string, contract: string, mismatch: string];

/** dbt's table of what differs between a contract and the columns of a query. */
function contractMessage(yamlColumns: Value, sqlColumns: Value): string {
  const contract = columnsOf(yamlColumns);
  const advice =
    'This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number of ' +
    "columns in your contract match the columns in your model's definition.";
  if (contract.length === 0) {
    return "This model has an enforced contract, and its 'columns' specification is missing";
  }
  const definition = columnsOf(sqlColumns);
  const rows: ContractRow[] = [];
  for (const { name, type } of definition) {
    const same = contract.find((column) => column.name === name);
    if (same === undefined) rows.push([name, type, '', 'missing in contract']);
    else if (same.type !== type) rows.push([name, type, same.type, 'data type mismatch']);
  }
  for (const { name, type } of contract)
    if (!definition.some((column) => column.name === name)) rows.push([name, '', type, 'missing in definition']);
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `${advice}\n\n${asTable(['column_name', 'definition_type', 'contract_type', 'mismatch_reason'], rows)}`;
}

function columnsOf(columns: Value): { name: string; type: string }[] {
  return [...iterate(columns)].map((column) => ({
    name: column instanceof PyDict ? text(column.get('name')) : field(column, 'name'),
    type: column instanceof PyDict ? text(column.get('data_type')) : field(column, 'data_type'),
  }));
}

/** As agate prints a table. */
function asTable(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(names), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
