// A small REST catalog over HTTP that holds one Iceberg table and keeps what commits assert, with a store and a source
// in memory: for answers that a real catalog gives only now and then.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lakeColumnOfPostgres } from '../../../../src/publish/postgres/lake-columns.ts';
import { parse, stringify } from 'lossless-json';
import type { PublicationNode } from '../../../../src/contracts/publication.ts';
import {
  type AvroField,
  type AvroFile,
  type AvroSchema,
  type AvroValue,
  readAvroFile,
  writeAvroFile,
} from '../../../../src/object-store/avro-file.ts';
import { RestCatalog } from '../../../../src/object-store/rest-catalog.ts';
import type { Body, ObjectStore } from '../../../../src/object-store/store.ts';
import { writeManifestList } from '../../../../src/publish/iceberg/iceberg-manifests.ts';
import { IcebergReceiver } from '../../../../src/publish/iceberg/iceberg-target.ts';
import type { Partition, Published, PublishSource } from '../../../../src/publish/publication-target.ts';
import { wholeBody } from '../../support/whole-body.ts';

// biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
export type Any = any;

/** One answer in place of the catalog's own. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Before a request is done, or after it: what is answered instead; undefined: the catalog's own answer. */
export type Meddle = (what: string, body: Any) => Answer | undefined;

export const OWNER = 'publication.p.m.ice_t';

const digits = (value: unknown): string => String(value);

export class IcebergTable {
  /** Null: there is none. */
  metadata: Any = null;
  readonly objects = new Map<string, Buffer>();
  /** `POST commit`, `POST create`, `GET table` and so on. */
  readonly asked: string[] = [];
  readonly commits: Any[] = [];
  before: Meddle = () => undefined;
  after: Meddle = () => undefined;
  /** Called once rows are read. */
  rowsRead: () => void = () => undefined;
  #server = createServer((request, response) => void this.#serve(request, response));
  #catalog: RestCatalog | null = null;

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = this.#server.address() as AddressInfo;
    const uri = `http://127.0.0.1:${port}`;
    this.#catalog = new RestCatalog({ name: 'ice', path: 'c.yml', uri, warehouse: null, token: null, oauth: null });
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  get keys(): string[] {
    return [...this.objects.keys()].sort();
  }

  /** A table as another writer has made it. */
  make(properties: Readonly<Record<string, string>>, fields: readonly object[] = [], others: object = {}): void {
    this.metadata = {
      'format-version': 2,
      'table-uuid': 'u1',
      location: 's3://lake/t',
      'last-updated-ms': 0,
      'last-sequence-number': 0,
      'last-column-id': 2,
      'current-schema-id': 0,
      schemas: [
        {
          type: 'struct',
          'schema-id': 0,
          fields: ['id', 'country'].map((name, place) => ({
            id: place + 1,
            name,
            required: false,
            type: name === 'id' ? 'int' : 'string',
          })),
        },
      ],
      'default-spec-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields }],
      properties,
      'current-snapshot-id': null,
      snapshots: [],
      refs: {},
      ...others,
    };
  }

  /** A snapshot of another writer on main. */
  snapshot(id: number, at: number, summary: Readonly<Record<string, string>> = {}, list?: string): void {
    const parent = this.metadata['current-snapshot-id'];
    const sequence = Number(this.metadata['last-sequence-number']) + 1;
    this.metadata.snapshots.push({
      'snapshot-id': id,
      ...(parent === null ? {} : { 'parent-snapshot-id': parent }),
      'sequence-number': sequence,
      'timestamp-ms': at,
      ...(list === undefined ? {} : { 'manifest-list': list }),
      'schema-id': 0,
      summary: { operation: 'append', ...summary },
    });
    Object.assign(this.metadata, {
      'current-snapshot-id': id,
      'last-sequence-number': sequence,
      'last-updated-ms': Math.max(at, Number(this.metadata['last-updated-ms'])),
    });
    this.metadata.refs.main = { ...this.metadata.refs.main, type: 'branch', 'snapshot-id': id };
  }

  get ids(): string[] {
    return this.metadata.snapshots.map((each: Any) => digits(each['snapshot-id']));
  }

  file(uri: string): AvroFile {
    return readAvroFile(this.objects.get(uri.replace('s3://lake/', ''))!);
  }

  /** The rows of an Avro file of the table. */
  avro(uri: string): readonly Record<string, AvroValue>[] {
    return this.file(uri).rows;
  }

  /** A snapshot of another writer: files of one row each, by a partition. @param name of its field in Avro */
  written(name: string, id: number, files: readonly (readonly [string | null, string])[]): void {
    const field = (name: string, type: AvroSchema, id: number): AvroField => ({ name, type, 'field-id': id });
    const partition = field(name, ['null', 'string'], id);
    const dataFile: AvroSchema = {
      type: 'record',
      name: 'r2',
      fields: [
        field('content', 'int', 134),
        field('file_path', 'string', 100),
        field('file_format', 'string', 101),
        field('partition', { type: 'record', name: 'r102', fields: [partition] }, 102),
        field('record_count', 'long', 103),
        field('file_size_in_bytes', 'long', 104),
      ],
    };
    const entry: AvroSchema = {
      type: 'record',
      name: 'manifest_entry',
      fields: [field('status', 'int', 0), field('snapshot_id', ['null', 'long'], 1), field('data_file', dataFile, 2)],
    };
    const rows = files.map(([value, path]) => ({
      status: 1,
      snapshot_id: 5n,
      data_file: {
        content: 0,
        file_path: `s3://lake/t/${path}`,
        file_format: 'PARQUET',
        partition: { [name]: value },
        record_count: 1,
        file_size_in_bytes: 1,
      },
    }));
    for (const [, path] of files) this.objects.set(`t/${path}`, Buffer.from('x'));
    this.objects.set('t/metadata/other-m0.avro', writeAvroFile(entry, rows, {}));
    const numbers = {
      manifest_length: 1,
      partition_spec_id: 0,
      content: 0,
      sequence_number: 1,
      min_sequence_number: 1,
      added_snapshot_id: 5,
      added_files_count: files.length,
      existing_files_count: 0,
      deleted_files_count: 0,
      added_rows_count: files.length,
      existing_rows_count: 0,
      deleted_rows_count: 0,
    };
    const list = writeManifestList([{ manifest_path: 's3://lake/t/metadata/other-m0.avro', ...numbers }], {});
    this.objects.set('t/metadata/other-list.avro', list);
    this.snapshot(5, 1, { 'total-records': String(files.length) }, 's3://lake/t/metadata/other-list.avro');
  }

  /** The current snapshot's manifests. */
  manifests(): readonly Record<string, AvroValue>[] {
    const id = digits(this.metadata['current-snapshot-id']);
    const snapshot = this.metadata.snapshots.find((each: Any) => digits(each['snapshot-id']) === id);
    return this.avro(snapshot['manifest-list']);
  }

  /** Files that the current snapshot names and that are gone. */
  gone(): string[] {
    const named = this.manifests().flatMap((row) => {
      const path = String(row['manifest_path']);
      if (!this.objects.has(path.replace('s3://lake/', ''))) return [path];
      return this.avro(path).map((entry) => String((entry['data_file'] as Any).file_path));
    });
    return named.filter((uri) => !this.objects.has(uri.replace('s3://lake/', '')));
  }

  /** @param rows id and country */
  publish(rows: readonly (readonly [number, string])[], config: object = {}, force = false): Promise<Published> {
    const node = {
      unique_id: OWNER,
      config: {
        table: 'n.t',
        mode: 'replace',
        columns: null,
        key: [],
        order_by: [],
        indexes: [],
        partition_by: [],
        retention: null,
        snapshots: null,
        adopt: false,
        ...config,
      },
    } as unknown as PublicationNode;
    const mark = JSON.stringify(rows);
    const countries = [...new Set(rows.map(([, country]) => country))];
    const partitions = countries.map((country): Partition => {
      const its = rows.filter((row) => row[1] === country);
      return { values: [country], mark: JSON.stringify(its), rows: its.length };
    });
    const source: PublishSource = {
      dialect: 'postgres',
      open: async () => undefined,
      columns: async () => [
        { name: 'id', type: 'integer', nullable: true },
        { name: 'country', type: 'text', nullable: true },
      ],
      summary: async () => ({ rows: rows.length, mark, found: [] }),
      confirm: () => undefined,
      now: async () => new Date().toISOString(),
      partitions: async () => partitions,
      rows: async (_columns, _format, only, take) => {
        const asked = only?.partitions.map(({ values }) => values[0]);
        const lines = rows
          .filter(([, country]) => asked === undefined || asked.includes(country))
          .sort((a, b) => a[1].localeCompare(b[1]))
          .map(([id, country]) => `${only === null ? '' : `${JSON.stringify([country])}\t`}${id}\t${country}\n`);
        const taken = await take(
          (async function* () {
            yield Buffer.from(lines.join(''));
          })(),
        );
        this.rowsRead();
        return taken;
      },
      quote: (name) => name,
    };
    const receiver = new IcebergReceiver(this.#catalog!, this.#store(), 'n', (_, column) =>
      lakeColumnOfPostgres(column),
    );
    const time = new Date().toISOString();
    return receiver.publish({ node, source, runId: 'run-1', time, force, session: () => undefined as never });
  }

  #store(): ObjectStore {
    const { objects } = this;
    return {
      settings: { bucket: 'lake' },
      put: async (key: string, body: Body) => {
        objects.set(key, wholeBody(body));
        return { created: true, etag: null };
      },
      get: async (key: string) => objects.get(key) ?? null,
      delete: async (key: string) => void objects.delete(key),
    } as unknown as ObjectStore;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const said = Buffer.concat(chunks).toString();
    const body = said === '' ? null : parse(said, undefined, number);
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const place = path.endsWith('/tables/t')
      ? request.method === 'POST'
        ? 'commit'
        : 'table'
      : path.endsWith('/tables')
        ? 'create'
        : path.slice(path.lastIndexOf('/') + 1);
    const what = `${request.method} ${place}`;
    this.asked.push(what);
    const answer = this.before(what, body) ?? this.#do(what, body);
    const { status, body: text } = this.after(what, body) ?? answer;
    response.writeHead(status, { 'content-type': text.startsWith('<') ? 'text/html' : 'application/json' }).end(text);
  }

  #do(what: string, body: Any): Answer {
    const answer = (status: number, value: object): Answer => ({ status, body: stringify(value) ?? '' });
    const table = (): Answer => answer(200, { 'metadata-location': 's3://lake/t/m.json', metadata: this.metadata });
    if (what === 'GET table') return this.metadata === null ? answer(404, { error: { message: 'no table' } }) : table();
    if (what === 'POST create') {
      if (this.metadata !== null) return answer(409, { error: { message: 'it is there' } });
      this.make(body.properties, body['partition-spec'].fields);
      return table();
    }
    if (what !== 'POST commit') return answer(200, {});
    this.commits.push(body);
    const failed = body.requirements.find((each: Any) => !this.#isTrue(each));
    if (failed !== undefined) return answer(409, { error: { message: `not so: ${failed.type}` } });
    for (const update of body.updates) this.#update(update);
    return table();
  }

  #isTrue(requirement: Any): boolean {
    const { metadata } = this;
    switch (requirement.type) {
      case 'assert-table-uuid':
        return requirement.uuid === metadata['table-uuid'];
      case 'assert-ref-snapshot-id':
        return digits(metadata.refs[requirement.ref]?.['snapshot-id'] ?? null) === digits(requirement['snapshot-id']);
      case 'assert-current-schema-id':
        return requirement['current-schema-id'] === metadata['current-schema-id'];
      case 'assert-default-spec-id':
        return requirement['default-spec-id'] === metadata['default-spec-id'];
      default:
        throw new Error(`unknown requirement ${requirement.type}`);
    }
  }

  #update(update: Any): void {
    const { metadata } = this;
    switch (update.action) {
      case 'add-snapshot':
        metadata.snapshots.push(update.snapshot);
        metadata['last-sequence-number'] = update.snapshot['sequence-number'];
        metadata['last-updated-ms'] = update.snapshot['timestamp-ms'];
        return;
      case 'set-snapshot-ref': {
        const { action: _action, 'ref-name': name, ...ref } = update;
        metadata.refs[name] = ref;
        if (name === 'main') metadata['current-snapshot-id'] = ref['snapshot-id'];
        return;
      }
      case 'remove-snapshots': {
        const ids = new Set(update['snapshot-ids'].map(digits));
        metadata.snapshots = metadata.snapshots.filter((each: Any) => !ids.has(digits(each['snapshot-id'])));
        return;
      }
      case 'set-properties':
        Object.assign(metadata.properties, update.updates);
        return;
      case 'add-schema':
        metadata.schemas.push(update.schema);
        metadata['last-column-id'] = update['last-column-id'];
        return;
      case 'set-current-schema':
        // -1 is the one that was added last.
        metadata['current-schema-id'] =
          update['schema-id'] === -1 ? metadata.schemas.at(-1)['schema-id'] : update['schema-id'];
        return;
      default:
        throw new Error(`unknown update ${update.action}`);
    }
  }
}

function number(text: string): number | bigint {
  return Number.isSafeInteger(Number(text)) || !/^-?\d+$/.test(text) ? Number(text) : BigInt(text);
}
