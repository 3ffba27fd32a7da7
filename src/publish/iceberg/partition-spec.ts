// Partitions of an Iceberg table: transforms by name, and Avro values of partitions from their texts.
import { errorOf } from '../../error-table.ts';
import type { AvroSchema, AvroValue } from '../../object-store/avro-file.ts';
import { type CatalogJson, items, member, text } from '../../object-store/rest-catalog.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type { FieldColumn } from './table-schema.ts';

/** The first id of a partition field, as Iceberg assigns them. */
const FIRST_ID = 1000;

export interface SpecField {
  readonly name: string;
  readonly id: number;
  readonly sourceId: number;
  readonly transform: string;
  readonly avro: AvroSchema;
  readonly value: (text: string) => AvroValue;
}

/**
 * The partition fields of a new table. For an existing table, `specOf` returns its names and ids.
 * @throws `runtime` error for a column that cannot be a partition key
 */
export function specFields(
  parts: readonly PartitionKey[],
  columns: readonly FieldColumn[],
  place: string,
): SpecField[] {
  return parts.map(({ column, grain }, index) => {
    const source = columns.find(({ name }) => name === column);
    const kind = source === undefined ? null : kindOf(source, grain);
    if (source === undefined || kind === null)
      throw errorOf('notPublished', {
        place,
        why: `'${grain === null ? column : `${grain}(${column})`}' is no key of Iceberg's partitions by its type`,
      });
    return {
      name: grain === null ? column : `${column}_${grain}`,
      id: FIRST_ID + index,
      sourceId: source.fieldId,
      transform: grain ?? 'identity',
      ...kind,
    };
  });
}

interface Kind {
  readonly avro: AvroSchema;
  readonly value: (text: string) => AvroValue;
}

const DAY_MS = 86_400_000;
const days = (text: string): number => Math.round(Date.parse(`${text}T00:00:00Z`) / DAY_MS);
const DATE: Kind = { avro: { type: 'int', logicalType: 'date' }, value: days };

function kindOf({ parquet }: FieldColumn, grain: PartitionKey['grain']): Kind | null {
  const time = parquet === 'timestamp' || parquet === 'timestamptz';
  switch (grain) {
    case null:
      break;
    case 'hour':
      return time
        ? { avro: 'int', value: (text) => Math.round(Date.parse(`${text.replace(' ', 'T')}:00:00Z`) / 3_600_000) }
        : null;
    case 'day':
      return time || parquet === 'date' ? DATE : null;
    case 'month':
      return time || parquet === 'date'
        ? { avro: 'int', value: (text) => (Number(text.slice(0, 4)) - 1970) * 12 + Number(text.slice(5, 7)) - 1 }
        : null;
    case 'year':
      return time || parquet === 'date' ? { avro: 'int', value: (text) => Number(text) - 1970 } : null;
  }
  switch (parquet) {
    case 'string':
      return { avro: 'string', value: (text) => text };
    case 'int':
      return { avro: 'int', value: Number };
    case 'long':
      return { avro: 'long', value: BigInt };
    case 'boolean':
      return { avro: 'boolean', value: (text) => text === 'true' };
    case 'date':
      return DATE;
    default:
      return null;
  }
}

/** A spec's fields in the form of the catalog and of manifests. */
export function specJson(fields: readonly SpecField[]): { readonly [name: string]: CatalogJson }[] {
  return fields.map(({ name, id, sourceId, transform }) => ({
    name,
    transform,
    'source-id': sourceId,
    'field-id': id,
  }));
}

/** The spec that a table uses for new files. */
export interface TableSpec {
  readonly id: number;
  readonly fields: readonly SpecField[];
}

/**
 * @param fields compared by transform and column; the table may use other names and ids
 * @returns the table's default spec: its id, and the fields with the table's names and ids
 * @throws `runtime` error if the table is partitioned differently
 */
export function specOf(metadata: CatalogJson, fields: readonly SpecField[], place: string): TableSpec {
  const id = member(metadata, 'default-spec-id');
  const spec = items(member(metadata, 'partition-specs')).find((each) => member(each, 'spec-id') === id) ?? null;
  const there = items(member(spec, 'fields'));
  const shown = (field: CatalogJson): string => `${member(field, 'transform')}(${member(field, 'source-id')})`;
  if (there.map(shown).join() !== specJson(fields).map(shown).join())
    throw partitionedOtherwise(place, there.map((field) => String(member(field, 'name'))).join(', '));
  return {
    id: Number(id),
    fields: fields.map((field, index) => ({
      ...field,
      name: text(member(there[index] ?? null, 'name')) ?? field.name,
      id: Number(member(there[index] ?? null, 'field-id') ?? field.id),
    })),
  };
}

/** @param by names of the existing partition fields */
export function partitionedOtherwise(place: string, by: string): Error {
  return errorOf('notPublished', {
    place,
    why:
      `it is partitioned by ${by === '' ? 'nothing' : by}, and 'partition_by' says otherwise; a table of another ` +
      'name takes the new partitions',
  });
}
