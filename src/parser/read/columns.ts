// Columns of a YAML entry as artifacts show them, the columns of one version of a model, constraints and the checksum
// of a contract. Leaves tests of columns to generic-tests.ts.
import { createHash } from 'node:crypto';
import type { ColumnInfo, Constraint, Json, ModelNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../config/config-fields.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import type { YamlDict } from './yaml-entries.ts';

const CONSTRAINT_TYPES: readonly string[] = ['check', 'not_null', 'unique', 'primary_key', 'foreign_key', 'custom'];
/** Keys that a column's class knows; anything else stays on the column as it is. */
const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'description',
  'meta',
  'data_type',
  'constraints',
  'docs',
  'config',
  'data_tests',
  'tests',
  'quote',
  'tags',
  'granularity',
  'dimension',
  'entity',
]);

/**
 * name → column, for a list of columns in YAML.
 * @param plain columns of a resource that has no tests: what says something of tests or tags stays as it is written
 */
export function columnInfos(columns: readonly YamlDict[], plain = false): { [name: string]: ColumnInfo } {
  const out: { [name: string]: ColumnInfo } = {};
  for (const column of columns) out[column['name'] as string] = columnInfo(column, plain);
  return out;
}

function columnInfo(column: YamlDict, plain: boolean): ColumnInfo {
  const name = column['name'] as string;
  const config = isDict(column['config']) ? column['config'] : {};
  const constraints = (column['constraints'] ?? []) as YamlDict[];
  for (const constraint of constraints) {
    if (!CONSTRAINT_TYPES.includes(constraint['type'] as string))
      throw new TsdbtError('parsing', `Invalid constraint type on column ${name}`);
  }
  const meta = { ...((column['meta'] ?? {}) as YamlDict), ...(isDict(config['meta']) ? config['meta'] : {}) };
  const written = (column['tags'] ?? []) as string[];
  const tags = plain && written.length > 0 ? [...written] : [...new Set([...written, ...configTags(config)])];
  const info: ColumnInfo = {
    name,
    description: (column['description'] ?? '') as string,
    meta,
    data_type: (column['data_type'] ?? null) as string | null,
    constraints: constraints.map((constraint) => newConstraint(constraint)),
    quote: (column['quote'] ?? null) as boolean | null,
    config: { meta, tags: plain ? [...new Set(configTags(config))] : tags },
    tags,
    granularity: (column['granularity'] ?? null) as string | null,
    dimension: columnDimension(column),
    entity: columnEntity(column),
    doc_blocks: [],
  };
  for (const key of Object.keys(column))
    if ((!KNOWN.has(key) && key !== 'doc_blocks') || (plain && (key === 'tests' || key === 'data_tests')))
      info[key] = column[key];
  return info;
}

function columnDimension(column: YamlDict): Json {
  const dimension = column['dimension'] ?? null;
  if (!isDict(dimension)) return dimension;
  const validity = dimension['validity_params'];
  return {
    name: dimension['name'] ?? column['name'] ?? null,
    type: dimension['type'] ?? null,
    description: dimension['description'] ?? column['description'] ?? '',
    label: dimension['label'] ?? null,
    is_partition: dimension['is_partition'] ?? false,
    config: dimension['config'] ?? {},
    validity_params: isDict(validity)
      ? { is_start: validity['is_start'] ?? false, is_end: validity['is_end'] ?? false }
      : null,
  };
}

function columnEntity(column: YamlDict): Json {
  const entity = column['entity'] ?? null;
  if (!isDict(entity)) return entity;
  return {
    name: entity['name'] ?? column['name'] ?? null,
    type: entity['type'] ?? null,
    description: entity['description'] ?? column['description'] ?? '',
    label: entity['label'] ?? null,
    config: entity['config'] ?? {},
  };
}

/** Tags under `config:` of a column: a list, or one text. */
export function configTags(config: YamlDict): string[] {
  const tags = config['tags'];
  return Array.isArray(tags) ? (tags as string[]) : typeof tags === 'string' ? [tags] : [];
}

function newConstraint(constraint: YamlDict): Constraint {
  return {
    type: constraint['type'] as Constraint['type'],
    name: (constraint['name'] ?? null) as string | null,
    expression: (constraint['expression'] ?? null) as string | null,
    warn_unenforced: (constraint['warn_unenforced'] ?? true) as boolean,
    warn_unsupported: (constraint['warn_unsupported'] ?? true) as boolean,
    to: (constraint['to'] ?? null) as string | null,
    to_columns: (constraint['to_columns'] ?? []) as string[],
  };
}

/** A constraint of a whole model. */
export function newModelConstraint(constraint: YamlDict): Constraint {
  return { ...newConstraint(constraint), columns: (constraint['columns'] ?? []) as string[] };
}

/** Whether a constraint names a type that exists. */
export function isConstraintType(type: unknown): boolean {
  return CONSTRAINT_TYPES.includes(type as string);
}

/**
 * The columns that a version of a model has: those of the model that its include/exclude lets through, then its own.
 * @throws TsdbtError `parsing` when the version has two include/exclude elements
 */
export function columnsOfVersion(columns: readonly YamlDict[], version: YamlDict): YamlDict[] {
  let filter: YamlDict | null = null;
  const own: YamlDict[] = [];
  for (const column of (version['columns'] ?? []) as YamlDict[]) {
    if (!('include' in column)) own.push(column);
    else if (filter === null) filter = column;
    else throw new TsdbtError('parsing', 'version can have at most one include/exclude element');
  }
  const include = filter?.['include'] ?? '*';
  const all = include === '*' || include === 'all';
  if (typeof include === 'string' && !all)
    throw new TsdbtError('parsing', `include must be one of ('all', '*') or a list of strings`);
  const exclude = (filter?.['exclude'] ?? []) as string[];
  if (exclude.length > 0 && !all)
    throw new TsdbtError('parsing', "exclude can only be specified if include is one of ('all', '*')");
  const passes = (name: string): boolean => (all || (include as string[]).includes(name)) && !exclude.includes(name);
  return [...columns.filter((column) => passes(column['name'] as string)), ...own];
}

/** Sets the checksum of an enforced contract, once. */
export function buildContractChecksum(node: ModelNode): void {
  if (node.contract.checksum !== null || !node.contract.enforced) return;
  const columns = Object.values(node.columns).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let state = '';
  for (const column of columns)
    state += `|${column.name}${pyStr(column.data_type)}${constraintsText('ColumnLevelConstraint', column.constraints)}`;
  const { materialized } = node.config;
  if (materialized === 'table' || materialized === 'incremental')
    state += materialized + constraintsText('ModelLevelConstraint', node.constraints);
  node.contract.checksum = createHash('sha256').update(state, 'utf8').digest('hex');
}

/** `str()` of dbt's constraint objects, which is what the checksum covers. */
function constraintsText(className: string, constraints: readonly Constraint[]): string {
  const items = constraints.map((c) => {
    const columns = c.columns === undefined ? '' : `, columns=${pyRepr(c.columns)}`;
    return (
      `${className}(type=<ConstraintType.${c.type}: '${c.type}'>, name=${pyRepr(c.name)}, ` +
      `expression=${pyRepr(c.expression)}, ` +
      `warn_unenforced=${pyRepr(c.warn_unenforced)}, warn_unsupported=${pyRepr(c.warn_unsupported)}, ` +
      `to=${pyRepr(c.to)}, to_columns=${pyRepr(c.to_columns)}${columns})`
    );
  });
  return `[${items.join(', ')}]`;
}
