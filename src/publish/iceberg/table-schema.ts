// Columns of an Iceberg table: the ids of its fields, and how they change with a publication's columns. Columns are
// found by id, so adding, dropping or widening a column leaves older files unchanged.
import { errorOf } from '../../error-table.ts';
import { type CatalogJson, items, member, text } from '../../object-store/rest-catalog.ts';
import type { ParquetType } from '../../object-store/write-parquet.ts';
import type { LakeColumn } from '../lake/lake-column.ts';

/** A column with its id. Every column is nullable, so that a later version can omit it. */
export type FieldColumn = LakeColumn & { readonly fieldId: number };

export interface TableSchema {
  readonly columns: readonly FieldColumn[];
  readonly lastColumnId: number;
  /** Whether the table's current schema differs. */
  readonly changed: boolean;
  /** The table's schema when this one was created. */
  readonly before: CatalogJson;
  /** Its id in the catalog. */
  readonly id: number;
  /** Whether the table already has it, as an earlier schema. */
  readonly known: boolean;
}

/** @param metadata of the table; null: no table @throws `runtime` error for a type that cannot be converted */
export function evolvedSchema(
  columns: readonly LakeColumn[],
  metadata: CatalogJson,
  mayDrop: boolean,
  place: string,
): TableSchema {
  const id = member(metadata, 'current-schema-id');
  const schemas = items(member(metadata, 'schemas'));
  const current = schemas.find((schema) => member(schema, 'schema-id') === id) ?? null;
  const before = fieldsOf(current).map((field) => ({
    name: text(member(field, 'name')) ?? '',
    type: typeOf(text(member(field, 'type')) ?? ''),
    id: Number(member(field, 'id')),
    required: member(field, 'required') === true,
  }));
  let last = Number(member(metadata, 'last-column-id') ?? 0);
  const now = columns.map((column): FieldColumn => {
    const old = before.find(({ name }) => name === column.name);
    if (old === undefined) return { ...column, nullable: true, fieldId: ++last };
    const type = old.type === null ? null : common(old.type, column.parquet);
    if (type === null)
      throw errorOf('notPublished', {
        place,
        why:
          `the column '${column.name}' is ${String(writtenType(current, column.name))} there and ` +
          `${icebergType(column.parquet)} by now; a column or table of another name takes it`,
      });
    return { ...column, parquet: type, type: icebergType(type), nullable: true, fieldId: old.id };
  });
  const gone = before.filter(({ name }) => !columns.some((column) => column.name === name));
  if (gone.length > 0 && !mayDrop)
    throw errorOf('notPublished', { place, why: `it has the column '${gone[0]?.name}', and the model has none` });
  const changed =
    gone.length > 0 ||
    now.some((column) => {
      const old = before.find(({ name }) => name === column.name);
      if (old === undefined || old.type === null || old.required) return true;
      return icebergType(old.type) !== icebergType(column.parquet);
    });
  const same = changed ? schemas.find((schema) => shapeOf(fieldsOf(schema)) === shapeOf(fieldsJson(now))) : current;
  const ids = schemas.map((schema) => Number(member(schema, 'schema-id')));
  return {
    columns: now,
    lastColumnId: last,
    changed,
    before: id,
    id: same == null ? Math.max(-1, ...ids) + 1 : Number(member(same, 'schema-id')),
    known: same != null,
  };
}

function fieldsOf(schema: CatalogJson): readonly CatalogJson[] {
  return items(member(schema, 'fields'));
}

/** @returns null for a nested type */
function writtenType(schema: CatalogJson, column: string): string | null {
  return text(member(fieldsOf(schema).find((field) => member(field, 'name') === column) ?? null, 'type'));
}

/** Two schemas with equal shapes are the same. */
function shapeOf(fields: readonly CatalogJson[]): string {
  return JSON.stringify(fields.map((field) => ['id', 'name', 'required', 'type'].map((name) => member(field, name))));
}

/** Returns a schema as Iceberg's JSON. */
export function schemaJson({ columns, id }: TableSchema): CatalogJson {
  return { type: 'struct', 'schema-id': id, fields: fieldsJson(columns) };
}

function fieldsJson(columns: readonly FieldColumn[]): readonly CatalogJson[] {
  return columns.map(({ name, fieldId, parquet }) => ({
    id: fieldId,
    name,
    required: false,
    type: icebergType(parquet),
  }));
}

/** The updates of a commit that give the table this schema. */
export function schemaUpdates(schema: TableSchema): CatalogJson[] {
  if (!schema.changed) return [];
  return [
    ...(schema.known
      ? []
      : [{ action: 'add-schema', schema: schemaJson(schema), 'last-column-id': schema.lastColumnId }]),
    { action: 'set-current-schema', 'schema-id': schema.known ? schema.id : -1 },
  ];
}

function icebergType(type: ParquetType): string {
  return typeof type === 'object' ? `decimal(${type.precision}, ${type.scale})` : type;
}

const KNOWN: readonly ParquetType[] = [
  'boolean',
  'int',
  'date',
  'float',
  'double',
  'long',
  'timestamp',
  'timestamptz',
  'string',
  'uuid',
  'binary',
];

/** @returns null: publications do not write this type */
function typeOf(written: string): ParquetType | null {
  const [, precision, scale] = /^decimal\((\d+),\s*(\d+)\)$/.exec(written) ?? [];
  if (precision !== undefined) return { precision: Number(precision), scale: Number(scale) };
  return KNOWN.find((type) => type === written) ?? null;
}

/** The wider of two types; null: neither can hold the other's values. */
function common(a: ParquetType, b: ParquetType): ParquetType | null {
  if (typeof a === 'object' && typeof b === 'object')
    return a.scale !== b.scale ? null : a.precision >= b.precision ? a : b;
  if (a === b) return a;
  const pair = [a, b];
  if (pair.includes('int') && pair.includes('long')) return 'long';
  return pair.includes('float') && pair.includes('double') ? 'double' : null;
}
