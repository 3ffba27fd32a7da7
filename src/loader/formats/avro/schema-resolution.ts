// Resolves a writer's schema to the declared columns: which field fills which column, by name and by the aliases of
// both sides, and which defaults replace fields that the schema lacks. Pure.
import { type Path, pathText } from '../../settings/column-origin.ts';
import type { LoadColumn, LoadTarget } from '../../settings/load-target.ts';
import type { FitOf } from '../../settings/type-fit.ts';
import { neverFits, sqlFit, takesNull, type TypeAt, typeAt, typeName } from './avro-fit.ts';
import type { AvroField, AvroType, RecordType } from './avro-schema.ts';

/** What a resolution needs of a target. */
export type ResolvedTarget = Pick<LoadTarget, 'columns' | 'drop' | 'hash'> &
  Partial<Pick<LoadTarget, 'key' | 'storage'>>;

/** For a database with SQL types. */
export const sqlFits: FitOf = (_, { type }) => sqlFit(type);

export interface ResolvedField {
  readonly field: AvroField;
  /** The name under which it is kept: a column's, or its own; null: it is dropped. */
  readonly as: string | null;
  readonly column: LoadColumn | null;
}

/** A column with a path into a field, and the type there. */
export interface ResolvedPath {
  readonly column: LoadColumn;
  readonly path: Path;
  readonly found: TypeAt;
}

export interface Resolution {
  /** In schema order, which is byte order. */
  readonly fields: readonly ResolvedField[];
  readonly paths: readonly ResolvedPath[];
  /** Columns that the schema lacks, with the value that they get instead. */
  readonly fallbacks: readonly (readonly [column: string, value: unknown])[];
  /** Declared columns that the schema lacks and that have no default. */
  readonly missing: readonly LoadColumn[];
}

export function resolve(record: RecordType, target: ResolvedTarget): Resolution {
  const byName = target.columns.filter(({ origin }) => origin === undefined);
  const columns = new Map(byName.map((column) => [column.name, column]));
  const paths = target.columns.flatMap((column): ResolvedPath[] =>
    column.origin?.part === 'value'
      ? [{ column, path: column.origin.path, found: typeAt(record, column.origin.path) }]
      : [],
  );
  // A field that a path leads into keeps its name, and is read even if the rest of it is dropped.
  const roots = new Set(paths.map(({ path }) => path[0]));
  const names = new Set(record.fields.map(({ name }) => name));
  const taken = new Map<string, string>();
  // A column without a field of its name takes the first of its aliases, otherwise a field that had its name earlier.
  for (const column of byName) {
    if (names.has(column.name)) continue;
    const free = (name: string): boolean => !columns.has(name) && !roots.has(name);
    const found =
      column.aliases?.find((alias) => names.has(alias) && free(alias)) ??
      record.fields.find(({ name, aliases }) => free(name) && aliases.includes(column.name))?.name;
    if (found !== undefined && !taken.has(found)) taken.set(found, column.name);
  }
  const drop = new Set(target.drop);
  const fields = record.fields.map((field): ResolvedField => {
    const as = taken.get(field.name) ?? field.name;
    const column = columns.get(as) ?? null;
    const dropped =
      column === null && !roots.has(field.name) && [field.name, ...field.aliases].some((name) => drop.has(name));
    return { field, as: dropped ? null : as, column };
  });
  const filled = new Set(fields.map(({ as }) => as));
  const lacking = byName.filter(({ name }) => !filled.has(name));
  return {
    fields,
    paths,
    fallbacks: lacking.flatMap(({ name, fallback }) => (fallback === undefined ? [] : [[name, fallback] as const])),
    missing: [
      ...lacking.filter(({ fallback }) => fallback === undefined),
      ...paths.filter(({ found }) => found === 'nothing').map(({ column }) => column),
    ],
  };
}

/** Why no message of the schema can become a row; null: some can. @param fits what columns accept */
export function refusal(type: AvroType, target: ResolvedTarget, fits: FitOf): string | null {
  if (type.kind !== 'record') return `it is ${article(typeName(type))}, and only a record has fields for columns`;
  for (const { place, type: found, column } of filledBy(resolve(type, target)))
    if (!target.hash.includes(column.name) && column.epoch === undefined && neverFits(found, fits(target, column)))
      return `field '${place}' is ${article(typeName(found))}, and column '${column.name}' is ${column.type}`;
  return null;
}

/** Columns filled by a message of the schema, with the types of their fields; `nullable`: the value may be missing. */
export function filledBy({ fields, paths }: Resolution): {
  readonly place: string;
  readonly type: AvroType;
  readonly nullable: boolean;
  readonly column: LoadColumn;
}[] {
  return [
    ...fields.flatMap(({ field: { name, type }, column }) =>
      column === null ? [] : [{ place: name, type, nullable: takesNull(type), column }],
    ),
    ...paths.flatMap(({ column, path, found }) =>
      typeof found === 'string' ? [] : [{ place: pathText(path), ...found, column }],
    ),
  ];
}

export function article(name: string): string {
  return `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`;
}
