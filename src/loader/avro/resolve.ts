// Resolves a writer's schema to the declared columns: which field goes into which column, by name and by aliases of
// both sides, and what stands in where the schema lacks a column. Pure.
import type { LoadColumn, LoadTarget } from '../load-target.ts';
import { neverFits, typeName } from './fit.ts';
import type { AvroField, AvroType, RecordType } from './schema.ts';

/** What a resolution needs of a target. */
export type ResolvedTarget = Pick<LoadTarget, 'columns' | 'drop' | 'hash'>;

export interface ResolvedField {
  readonly field: AvroField;
  /** The name under which it is kept: a column's, or its own; null: it is dropped. */
  readonly as: string | null;
  readonly column: LoadColumn | null;
}

export interface Resolution {
  /** In the order of the schema, which is that of the bytes. */
  readonly fields: readonly ResolvedField[];
  /** Columns that the schema lacks, with the value that they get instead. */
  readonly fallbacks: readonly (readonly [column: string, value: unknown])[];
  /** Declared columns that the schema lacks and nothing stands in for. */
  readonly missing: readonly LoadColumn[];
}

export function resolve(record: RecordType, target: ResolvedTarget): Resolution {
  const columns = new Map(target.columns.map((column) => [column.name, column]));
  const names = new Set(record.fields.map(({ name }) => name));
  const taken = new Map<string, string>();
  // A column without a field of its name takes the first of its aliases, else a field that had its name before.
  for (const column of target.columns) {
    if (names.has(column.name)) continue;
    const found =
      column.aliases?.find((alias) => names.has(alias) && !columns.has(alias)) ??
      record.fields.find(({ name, aliases }) => !columns.has(name) && aliases.includes(column.name))?.name;
    if (found !== undefined && !taken.has(found)) taken.set(found, column.name);
  }
  const drop = new Set(target.drop);
  const fields = record.fields.map((field): ResolvedField => {
    const as = taken.get(field.name) ?? field.name;
    const column = columns.get(as) ?? null;
    const dropped = column === null && [field.name, ...field.aliases].some((name) => drop.has(name));
    return { field, as: dropped ? null : as, column };
  });
  const filled = new Set(fields.map(({ as }) => as));
  const lacking = target.columns.filter(({ name }) => !filled.has(name));
  return {
    fields,
    fallbacks: lacking.flatMap(({ name, fallback }) => (fallback === undefined ? [] : [[name, fallback] as const])),
    missing: lacking.filter(({ fallback }) => fallback === undefined),
  };
}

/** Why no message of the schema can become a row; null: some can. */
export function refusal(type: AvroType, target: ResolvedTarget): string | null {
  if (type.kind !== 'record') return `it is ${article(typeName(type))}, and only a record has fields for columns`;
  for (const { field, column } of resolve(type, target).fields)
    if (column !== null && !target.hash.includes(column.name) && neverFits(field.type, column.type))
      return `field '${field.name}' is ${article(typeName(field.type))}, and column '${column.name}' is ${column.type}`;
  return null;
}

export function article(name: string): string {
  return `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`;
}
