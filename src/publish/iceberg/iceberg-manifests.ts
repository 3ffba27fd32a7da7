// Manifests and manifest lists of Iceberg v2: their Avro schemas, new entries for data files, and entries carried over
// from earlier manifests.
import {
  type AvroField,
  type AvroFile,
  type AvroSchema,
  type AvroValue,
  isRecord,
  writeAvroFile,
} from '../../object-store/avro-file.ts';
import { type SpecField, specJson } from './partition-spec.ts';
import { schemaJson, type TableSchema } from './table-schema.ts';

type Row = AvroFile['rows'][number];

const optional = (type: AvroSchema): AvroSchema => ['null', type];
const field = (id: number, name: string, type: AvroSchema): AvroField => ({
  name,
  type,
  ...(Array.isArray(type) ? { default: null } : {}),
  'field-id': id,
});

const EXISTING = 0;
const ADDED = 1;
const DELETED = 2;

function entrySchema(spec: readonly SpecField[]): AvroSchema {
  const partition = spec.map(({ id, name, avro }) => field(id, avroName(name), optional(avro)));
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      field(0, 'status', 'int'),
      field(1, 'snapshot_id', optional('long')),
      field(3, 'sequence_number', optional('long')),
      field(4, 'file_sequence_number', optional('long')),
      field(2, 'data_file', {
        type: 'record',
        name: 'r2',
        fields: [
          field(134, 'content', 'int'),
          field(100, 'file_path', 'string'),
          field(101, 'file_format', 'string'),
          field(102, 'partition', { type: 'record', name: 'r102', fields: partition }),
          field(103, 'record_count', 'long'),
          field(104, 'file_size_in_bytes', 'long'),
        ],
      }),
    ],
  };
}

/** A valid Avro name. Readers use the field ids. */
function avroName(name: string): string {
  const safe = name.replace(/\W/g, (letter) => `_x${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  return /^\d/.test(safe) ? `_${safe}` : safe;
}

const LIST: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    field(500, 'manifest_path', 'string'),
    field(501, 'manifest_length', 'long'),
    field(502, 'partition_spec_id', 'int'),
    field(517, 'content', 'int'),
    field(515, 'sequence_number', 'long'),
    field(516, 'min_sequence_number', 'long'),
    field(503, 'added_snapshot_id', 'long'),
    field(504, 'added_files_count', 'int'),
    field(505, 'existing_files_count', 'int'),
    field(506, 'deleted_files_count', 'int'),
    field(512, 'added_rows_count', 'long'),
    field(513, 'existing_rows_count', 'long'),
    field(514, 'deleted_rows_count', 'long'),
  ],
};

/** The rows of a manifest list, by field id: writers use other names, and none for what version 1 did not have. */
export function listRows({ rows, metadata }: AvroFile): Row[] {
  const written = fieldsOf(JSON.parse(metadata.get('avro.schema') ?? 'null'));
  const names = fieldsOf(LIST).map(({ name, 'field-id': id }) => {
    return [name, (written.find((each) => each['field-id'] === id) ?? { name }).name] as const;
  });
  return rows.map((row) => Object.fromEntries(names.map(([own, its]) => [own, row[its] ?? SINCE_V2[own] ?? null])));
}

/** What rows of a manifest list of version 1 mean. */
const SINCE_V2: Readonly<Record<string, number>> = { content: 0, sequence_number: 0, min_sequence_number: 0 };

/** A data file that a snapshot adds. */
export interface NewFile {
  /** With the scheme. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly partition: readonly (string | null)[];
}

/** A data file of an earlier snapshot, and whether it is kept. */
export interface OldFile {
  readonly entry: Row;
  readonly stays: boolean;
}

/** The content of the table before a commit: manifests carried over unchanged, and the files of the others. */
export interface Standing {
  readonly carried: readonly Row[];
  readonly old: readonly OldFile[];
}

export interface ManifestPlan {
  readonly path: string;
  readonly spec: readonly SpecField[];
  readonly specId: number;
  readonly schema: TableSchema;
  readonly snapshotId: bigint;
  readonly sequence: bigint;
}

/** Returns a manifest, and its row of the manifest list. */
export function writeManifest(
  { path, spec, specId, schema, snapshotId, sequence }: ManifestPlan,
  added: readonly NewFile[],
  old: readonly OldFile[],
): { readonly bytes: Buffer; readonly row: Row } {
  const rows: AvroValue[] = [
    ...added.map(({ path: file, rows: count, bytes, partition }) => ({
      status: ADDED,
      snapshot_id: snapshotId,
      sequence_number: null,
      file_sequence_number: null,
      data_file: {
        content: 0,
        file_path: file,
        file_format: 'PARQUET',
        partition: Object.fromEntries(
          spec.map(({ name, value }, index) => {
            const text = partition[index] ?? null;
            return [avroName(name), text === null ? null : value(text)];
          }),
        ),
        record_count: count,
        file_size_in_bytes: bytes,
      },
    })),
    ...old.map(({ entry, stays }) => ({
      ...entry,
      status: stays ? EXISTING : DELETED,
      ...(stays ? {} : { snapshot_id: snapshotId }),
    })),
  ];
  const bytes = writeAvroFile(entrySchema(spec), rows, {
    schema: JSON.stringify(schemaJson(schema)),
    'schema-id': String(schema.id),
    'partition-spec': JSON.stringify(specJson(spec)),
    'partition-spec-id': String(specId),
    'format-version': '2',
    content: 'data',
  });
  const kept = old.filter(({ stays }) => stays);
  const gone = old.filter(({ stays }) => !stays);
  const sequences = kept.map(({ entry }) => BigInt(String(entry['sequence_number'] ?? sequence)));
  return {
    bytes,
    row: {
      manifest_path: path,
      manifest_length: bytes.length,
      partition_spec_id: specId,
      content: 0,
      sequence_number: sequence,
      min_sequence_number: sequences.reduce((least, each) => (each < least ? each : least), sequence),
      added_snapshot_id: snapshotId,
      added_files_count: added.length,
      existing_files_count: kept.length,
      deleted_files_count: gone.length,
      added_rows_count: added.reduce((sum, { rows: count }) => sum + count, 0),
      existing_rows_count: rowsOf(kept),
      deleted_rows_count: rowsOf(gone),
    },
  };
}

/** Returns the Avro file of an Iceberg v2 manifest list. */
export function writeManifestList(rows: readonly Row[], metadata: Readonly<Record<string, string>>): Buffer {
  return writeAvroFile(LIST, rows, { ...metadata, 'format-version': '2' });
}

/** The live entries of a manifest, with the numbers that they inherit from its row. */
export function liveEntries({ rows }: AvroFile, row: Row): Row[] {
  return rows
    .filter((entry) => entry['status'] !== DELETED)
    .map((entry) => ({
      ...entry,
      snapshot_id: entry['snapshot_id'] ?? row['added_snapshot_id'] ?? null,
      sequence_number: entry['sequence_number'] ?? row['sequence_number'] ?? null,
      file_sequence_number: entry['file_sequence_number'] ?? row['sequence_number'] ?? null,
    }));
}

/** The partition values of an entry, in the order of the spec, whose names the entry must use. */
export function partitionOf(entry: Row, spec: readonly SpecField[]): AvroValue[] {
  const partition = recordOf(recordOf(entry['data_file'])['partition']);
  return spec.map(({ name }) => partition[avroName(name)] ?? null);
}

/** Entries with the partition names of the spec: their writer may have used other names for the same ids. */
export function renamedPartitions(entries: readonly Row[], { metadata }: AvroFile, spec: readonly SpecField[]): Row[] {
  const schema: AvroSchema = JSON.parse(metadata.get('avro.schema') ?? 'null');
  const written = fieldsOf(typeOf(fieldsOf(typeOf(fieldsOf(schema), 'data_file')), 'partition'));
  const names = spec.map(({ id, name }) => {
    const own = avroName(name);
    return [own, (written.find((each) => each['field-id'] === id) ?? { name: own }).name] as const;
  });
  return entries.map((entry) => {
    const file = recordOf(entry['data_file']);
    const partition = recordOf(file['partition']);
    const renamed = Object.fromEntries(names.map(([own, its]) => [own, partition[its] ?? null]));
    return { ...entry, data_file: { ...file, partition: renamed } };
  });
}

function typeOf(fields: readonly AvroField[], name: string): AvroSchema {
  return fields.find((each) => each.name === name)?.type ?? 'null';
}

function fieldsOf(schema: AvroSchema): readonly AvroField[] {
  return typeof schema === 'object' && 'fields' in schema ? schema.fields : [];
}

function recordCount(entry: Row): number {
  return Number(recordOf(entry['data_file'])['record_count'] ?? 0);
}

function fileSize(entry: Row): number {
  return Number(recordOf(entry['data_file'])['file_size_in_bytes'] ?? 0);
}

/** Totals of the table after a commit, for the snapshot's summary. Readers use these counts for planning. */
export function counts(
  { carried, old }: Standing,
  added: readonly NewFile[],
  before: (name: string) => string | null,
): Record<string, string> {
  const gone = old.filter(({ stays }) => !stays).map(({ entry }) => entry);
  const sizeBefore = before('total-files-size');
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  const data = carried.filter((row) => row['content'] === 0);
  const total = (files: string): number =>
    sum(data.map((row) => Number(row[`added_${files}_count`]) + Number(row[`existing_${files}_count`])));
  const staying = old.filter(({ stays }) => stays).map(({ entry }) => entry);
  const size = sum(added.map(({ bytes }) => bytes));
  const numbers: Record<string, number | null> = {
    'added-data-files': added.length,
    'added-records': sum(added.map(({ rows }) => rows)),
    'added-files-size': size,
    'deleted-data-files': gone.length,
    'deleted-records': sum(gone.map(recordCount)),
    'removed-files-size': sum(gone.map(fileSize)),
    'total-data-files': total('files') + staying.length + added.length,
    'total-records': total('rows') + sum(staying.map(recordCount)) + sum(added.map(({ rows }) => rows)),
    'total-files-size': sizeBefore === null ? null : Number(sizeBefore) - sum(gone.map(fileSize)) + size,
    // Delete files are carried over, or are removed together with all other files.
    ...Object.fromEntries(
      ['total-delete-files', 'total-position-deletes', 'total-equality-deletes'].map((name) => [
        name,
        carried.length === data.length ? 0 : Number(before(name) ?? Number.NaN),
      ]),
    ),
  };
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, number]) =>
      number === null || Number.isNaN(number) ? [] : [[name, String(number)]],
    ),
  );
}

/** The path of an entry's data file. */
export function filePath(entry: Row): string {
  return String(recordOf(entry['data_file'])['file_path'] ?? '');
}

function rowsOf(files: readonly OldFile[]): number {
  return files.reduce((sum, { entry }) => sum + recordCount(entry), 0);
}

function recordOf(value: AvroValue | undefined): Row {
  return value !== undefined && isRecord(value) ? value : {};
}
