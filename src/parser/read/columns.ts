// Builds columns of a YAML entry as in artifacts, columns of one model version, constraints, and the checksum of a
// contract. generic-tests.ts builds tests of columns.
import { createHash } from 'node:crypto';
import type { ColumnInfo, Constraint, Json, ModelNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { isDict } from '../../project/schema-check.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import type { YamlDict } from './yaml-entries.ts';
import type { ColumnEntry, ConstraintEntry, VersionEntry } from './yaml-shapes.ts';

const CONSTRAINT_TYPES: readonly Constraint['type'][] = [
  'check',
  'not_null',
  'unique',
  'primary_key',
  'foreign_key',
  'custom',
];
/** Keys of dbt's column class; other keys are kept on the column unchanged. */
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
 * Converts a YAML list of columns to a map by name.
 * @param plain true for resources without tests: keys about tests or tags are kept as written
 */
export function columnInfos(columns: readonly ColumnEntry[], plain = false): { [name: string]: ColumnInfo } {
  return Object.fromEntries(columns.map((column) => [column.name, columnInfo(column, plain)]));
}

function columnInfo(column: ColumnEntry, plain: boolean): ColumnInfo {
  const { name, config = {}, constraints = [], tags: written = [] } = column;
  const meta = { ...column.meta, ...metaOf(config) };
  const tags = plain && written.length > 0 ? [...written] : [...new Set([...written, ...configTags(config)])];
  const info: ColumnInfo = {
    name,
    description: column.description ?? '',
    meta,
    data_type: column.data_type ?? null,
    constraints: constraints.map((constraint) => {
      if (!isConstraint(constraint)) throw errorOf('badColumnConstraint', { column: name });
      return newConstraint(constraint);
    }),
    quote: column.quote ?? null,
    config: { meta, tags: plain ? [...new Set(configTags(config))] : tags },
    tags,
    granularity: column.granularity ?? null,
    dimension: columnDimension(column),
    entity: columnEntity(column),
    doc_blocks: [],
  };
  let extra: YamlDict | null = null;
  for (const key of Object.keys(column))
    if ((!KNOWN.has(key) && key !== 'doc_blocks') || (plain && (key === 'tests' || key === 'data_tests')))
      (extra ??= {})[key] = column[key] ?? null;
  return extra === null ? info : { ...info, ...extra };
}

function columnDimension(column: ColumnEntry): Json {
  const { dimension = null } = column;
  if (!isDict(dimension)) return dimension;
  const validity = dimension['validity_params'];
  return {
    name: dimension['name'] ?? column.name,
    type: dimension['type'] ?? null,
    description: dimension['description'] ?? column.description ?? '',
    label: dimension['label'] ?? null,
    is_partition: dimension['is_partition'] ?? false,
    config: dimension['config'] ?? {},
    validity_params: isDict(validity)
      ? { is_start: validity['is_start'] ?? false, is_end: validity['is_end'] ?? false }
      : null,
  };
}

function columnEntity(column: ColumnEntry): Json {
  const { entity = null } = column;
  if (!isDict(entity)) return entity;
  return {
    name: entity['name'] ?? column.name,
    type: entity['type'] ?? null,
    description: entity['description'] ?? column.description ?? '',
    label: entity['label'] ?? null,
    config: entity['config'] ?? {},
  };
}

/** `meta` under a `config:`. */
export function metaOf(config: YamlDict | undefined): YamlDict {
  const meta = config?.['meta'];
  return isDict(meta) ? meta : {};
}

/** Tags under a column's `config:`: a list or one text. */
export function configTags(config: YamlDict): string[] {
  const tags = config['tags'];
  return isTextList(tags) ? tags : typeof tags === 'string' ? [tags] : [];
}

/** Items that are not texts are reported by the check of the config. */
function isTextList(value: Json | undefined): value is string[] {
  return Array.isArray(value);
}

type TypedConstraint = ConstraintEntry & { readonly type: Constraint['type'] };

function newConstraint(constraint: TypedConstraint): Constraint {
  return {
    type: constraint.type,
    name: constraint.name ?? null,
    expression: constraint.expression ?? null,
    warn_unenforced: constraint.warn_unenforced ?? true,
    warn_unsupported: constraint.warn_unsupported ?? true,
    to: constraint.to ?? null,
    to_columns: constraint.to_columns ?? [],
  };
}

/** A constraint of a whole model. */
export function newModelConstraint(constraint: ConstraintEntry): Constraint {
  // Only a model with an enforced contract requires the type.
  return { ...newConstraint(constraint as TypedConstraint), columns: constraint.columns ?? [] };
}

/** Whether the type of a constraint exists. */
export function isConstraint(constraint: ConstraintEntry): constraint is TypedConstraint {
  return CONSTRAINT_TYPES.some((type) => type === constraint.type);
}

/**
 * Returns the columns of a model version: the model's columns selected by include/exclude, then the version's own.
 * @throws TsdbtError `parsing` if the version has two include/exclude elements
 */
export function columnsOfVersion(columns: readonly ColumnEntry[], version: VersionEntry): ColumnEntry[] {
  let filter: ColumnFilter | null = null;
  const own: ColumnEntry[] = [];
  for (const column of version.columns ?? []) {
    if (!isFilter(column)) own.push(column);
    else if (filter === null) filter = column;
    else throw errorOf('manyIncludes', {});
  }
  const { include = '*', exclude = [] } = filter ?? {};
  const all = include === '*' || include === 'all';
  if (typeof include === 'string' && !all) throw errorOf('badInclude', {});
  if (exclude.length > 0 && !all) throw errorOf('excludeWithoutAll', {});
  const passes = (name: string): boolean => (all || include.includes(name)) && !exclude.includes(name);
  return [...columns.filter((column) => passes(column.name)), ...own];
}

type ColumnFilter = Extract<NonNullable<VersionEntry['columns']>[number], { include: unknown }>;

function isFilter(column: NonNullable<VersionEntry['columns']>[number]): column is ColumnFilter {
  return 'include' in column;
}

/**
 * Returns the contract of a model. An enforced one gets the checksum of columns and constraints, unless it already has
 * one.
 */
export function withChecksum(
  node: Pick<ModelNode, 'contract' | 'columns' | 'config' | 'constraints'>,
): ModelNode['contract'] {
  if (node.contract.checksum !== null || !node.contract.enforced) return node.contract;
  const columns = Object.values(node.columns).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let state = '';
  for (const column of columns)
    state += `|${column.name}${pyStr(column.data_type)}${constraintsText('ColumnLevelConstraint', column.constraints)}`;
  const { materialized } = node.config;
  if (materialized === 'table' || materialized === 'incremental')
    state += materialized + constraintsText('ModelLevelConstraint', node.constraints);
  return { ...node.contract, checksum: createHash('sha256').update(state, 'utf8').digest('hex') };
}

/** `str()` of dbt's constraint objects, from which the checksum is computed. */
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
