// Debezium's Postgres connector live in Kafka Connect: its envelopes arrive in Kafka, also over a kill of the worker.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { type KafkaConnect, startDebezium } from './kafka-connect.ts';
import { SourcePostgres } from './source-postgres.ts';

describe('Debezium', () => {
  let broker: KafkaBroker;
  let source: SourcePostgres;
  let connect: KafkaConnect;
  let project: FaultProject;
  beforeAll(async () => {
    [broker, source] = await Promise.all([KafkaBroker.start(), SourcePostgres.start()]);
    await source.client.query(
      'create schema shop; create table shop.orders (id bigint primary key, status text, total numeric(12, 2)); ' +
        "insert into shop.orders values (1, 'new', 1.10), (2, 'new', 2.20)",
    );
    connect = await startDebezium(`127.0.0.1:${broker.port}`, source.address, {
      prefix: 'app',
      schema: 'shop',
      more: { 'decimal.handling.mode': 'string' },
    });
    project = await FaultProject.open({
      'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
      'models/sources.yml': `sources:
  - name: raw
    tables:
      - name: envelopes
        config: { meta: { tsdbt: { load: { topic: app.shop.orders, rest: false } } } }
        columns: [{ name: op, data_type: text }, { name: before, data_type: jsonb }, { name: after, data_type: jsonb }]
`,
    });
  });
  afterAll(async () => {
    await project?.close();
    await connect?.close();
    await source?.close();
    await broker?.close();
  });

  /** The distinct changes that the topic holds, once the wanted one is among them. */
  const changes = async (wanted: string): Promise<string[]> => {
    for (;;) {
      const { code, out } = await project.start(['load', '--once']).ended;
      expect(code, out).toBe(0);
      const rows = await project.rows(
        `select distinct op, coalesce(after ->> 'id', before ->> 'id'), after ->> 'status', after ->> 'total'
         from raw.envelopes where not coalesce(_deleted, false)`,
      );
      const found = rows.map((row) => row.join(' ')).sort();
      if (found.includes(wanted)) return found;
      await pause(200);
    }
  };

  it('sends a snapshot and each change, and goes on after a kill', async () => {
    await source.client.query("update shop.orders set status = 'paid', total = total + 0.01 where id = 1");
    const before = ['r 1 new 1.10', 'r 2 new 2.20', 'u 1 paid 1.11'];
    expect(await changes('u 1 paid 1.11')).toEqual(before);
    await connect.down();
    await source.client.query('delete from shop.orders where id = 2');
    await source.client.query("insert into shop.orders values (3, 'new', null)");
    await connect.up();
    // Changes are sent in their order; those since the worker's last note are sent twice.
    expect(await changes('c 3 new null')).toEqual(['c 3 new null', 'd 2 null null', ...before]);
  });
});
