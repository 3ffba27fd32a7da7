// An envelope of a change in Avro as Confluent's converter writes it, with a registry in memory that has its schemas.
import type { Message } from '../../../../src/loader/brokers/broker.ts';
import { parseSchema } from '../../../../src/loader/formats/avro/avro-schema.ts';
import { writeAvro } from '../../../../src/loader/avro/writer.ts';
import type { RegisteredSchema, SchemaRegistry } from '../../../../src/loader/formats/schema-registry.ts';

const KEY = { type: 'record', name: 'Key', namespace: 'app.shop.orders', fields: [{ name: 'id', type: 'long' }] };
const ROW = {
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'total', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 }] },
    { name: 'at', type: ['null', { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' }] },
    { name: 'due', type: ['null', { type: 'int', 'connect.name': 'io.debezium.time.Date' }] },
  ],
};
const SOURCE = {
  type: 'record',
  name: 'Source',
  fields: [
    { name: 'connector', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'ts_ms', type: 'long' },
    { name: 'lsn', type: ['null', 'long'] },
  ],
};
const ENVELOPE = {
  type: 'record',
  name: 'Envelope',
  namespace: 'app.shop.orders',
  fields: [
    { name: 'before', type: ['null', ROW] },
    { name: 'after', type: ['null', 'Value'] },
    { name: 'source', type: SOURCE },
    { name: 'op', type: 'string' },
  ],
};

export class AvroWriters {
  readonly registry: Pick<SchemaRegistry, 'schema'>;

  private constructor() {
    const schemas = [KEY, ENVELOPE].map(
      (schema): RegisteredSchema => ({ schema: JSON.stringify(schema), type: 'AVRO', references: new Map() }),
    );
    this.registry = { schema: async (id) => schemas[id] ?? null };
  }

  static async open(): Promise<AvroWriters> {
    return new AvroWriters();
  }

  message(): Message {
    const written = (id: number, schema: unknown, value: unknown): Buffer =>
      Buffer.concat([Buffer.from([0, 0, 0, 0, id]), writeAvro(parseSchema(JSON.stringify(schema)), value)]);
    return {
      offset: 0n,
      timestamp: 0,
      headers: [],
      key: written(0, KEY, { id: 1 }),
      value: written(1, ENVELOPE, {
        before: null,
        after: { id: 1, total: '10.25', at: 1_772_359_200_500_000, due: 20_545 },
        source: { connector: 'postgresql', name: 'app', ts_ms: 1_780_000_000_000, lsn: 7 },
        op: 'c',
      }),
    };
  }
}
