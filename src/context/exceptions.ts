// The `exceptions` namespace of templates: raises dbt's errors and warnings with dbt's names and messages. The code
// that runs the template adds the node.
import { eventOf } from '../events/index.ts';
import { errorOf } from '../error-table.ts';
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

/** Receives warnings; throws with `--warn-error`. */
export type Warn = (event: LogEvent) => void;

/** Creates the `exceptions` of a context. */
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
  const raiseError = (name: string, signature: string, error: (...args: Value[]) => TsdbtError): [string, Callable] => [
    name,
    callable(name, signature, (...args) => {
      throw error(...args);
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
        raiseError('missing_config', 'model, name', (model, name) =>
          errorOf('configMissing', { model: field(model, 'unique_id'), key: text(name) }),
        ),
        raiseError('missing_materialization', 'model, adapter_type', (model, type) =>
          materializationMissing(field(getAttribute(model ?? null, 'config'), 'materialized'), text(type)),
        ),
        raiseError('missing_relation', 'relation, model=None', (relation) =>
          errorOf('relationMissing', { relation: text(relation) }),
        ),
        raise('raise_ambiguous_alias', 'node_1, node_2, duped_name=None', ambiguousAlias),
        raise('raise_ambiguous_catalog_match', 'unique_id, match_1, match_2', ambiguousCatalogMatch),
        raiseError('raise_cache_inconsistent', 'message', (message) =>
          errorOf('cacheInconsistent', { message: text(message) }),
        ),
        raiseError('raise_dataclass_not_dict', 'obj', (obj) => errorOf('objectNoDictionary', { object: text(obj) })),
        raise('raise_compiler_error', 'msg, node=None', text),
        raise('raise_database_error', 'msg, node=None', text, 'database'),
        raiseError('raise_dep_not_found', 'node, node_description, required_pkg', (_node, description, required) =>
          errorOf('packageMissing', { node: text(description), package: text(required) }),
        ),
        raise('raise_dependency_error', 'msg', text, 'dependency'),
        raise('raise_duplicate_patch_name', 'patch_1, existing_patch_path', duplicatePatch),
        raise('raise_duplicate_resource_name', 'node_1, node_2', duplicateResource),
        raiseError('raise_invalid_property_yml_version', 'path, issue', (path, issue) =>
          errorOf('badPropertyFile', { path: text(path), issue: text(issue) }),
        ),
        raiseError('raise_not_implemented', 'msg', (msg) => errorOf('notImplemented', { message: text(msg) })),
        raiseError('relation_wrong_type', 'relation, expected_type, model=None', (relation, expected) =>
          errorOf('relationOfWrongType', {
            relation: text(relation),
            expected: text(expected),
            found: field(relation, 'type'),
          }),
        ),
        raiseError('raise_contract_error', 'yaml_columns, sql_columns', contractError),
        raiseError('column_type_missing', 'column_names', (names) =>
          errorOf('columnTypeMissing', { columns: text(names) }),
        ),
        raise('raise_fail_fast_error', 'msg, node=None', text, 'failFast'),
      ]),
  );
}

/** The error for a materialization that no package defines. */
export function materializationMissing(materialization: string, adapterType: string, hint?: string): TsdbtError {
  const types = adapterType === 'default' ? "'default'" : `'default' and '${adapterType}'`;
  return errorOf('noMaterialization', { materialization, adapter: adapterType, types }, { hint });
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

/** dbt's table of the differences between a contract and the columns of a query. */
function contractError(yamlColumns: Value = null, sqlColumns: Value = null): TsdbtError {
  const contract = columnsOf(yamlColumns);
  if (contract.length === 0) return errorOf('contractWithoutColumns', {});
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
  const names = ['column_name', 'definition_type', 'contract_type', 'mismatch_reason'];
  return errorOf('contractFailed', { table: asTable(names, rows) });
}

function columnsOf(columns: Value): { name: string; type: string }[] {
  return [...iterate(columns)].map((column) => ({
    name: column instanceof PyDict ? text(column.get('name')) : field(column, 'name'),
    type: column instanceof PyDict ? text(column.get('data_type')) : field(column, 'data_type'),
  }));
}

/** Formats a table as agate does. */
function asTable(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(names), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
