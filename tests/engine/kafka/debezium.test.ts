// Debezium's Postgres connector live in Kafka Connect: its envelopes arrive in Kafka, also over a kill of the worker,
// and `format: debezium` makes of them what the source says. TSDBT_CHANGE_SECONDS of changes; `npm run faults
// -- changes`: 300.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { Changes, disturbedChanges, TABLES } from './changes.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { type KafkaConnect, startDebezium } from './kafka-connect.ts';
import { SourcePostgres } from './source-postgres.ts';

const SECONDS = Number(process.env['TSDBT_CHANGE_SECONDS'] ?? 10);

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

  it('sends a snapshot and each change, and continues after a kill', async () => {
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

describe('the debezium format', () => {
  it(
    `equals the source after ${SECONDS} s of inserts, updates, deletes, new keys, added and dropped columns, ` +
      'over kills of the loader and of Debezium',
    async () => {
      const [broker, source] = await Promise.all([KafkaBroker.start(), SourcePostgres.start()]);
      const { client } = source;
      const ends: { close(): Promise<unknown> }[] = [source, broker];
      try {
        await client.query(TABLES);
        const changes = new Changes(client);
        await changes.make(100);
        const connect = await startDebezium(`127.0.0.1:${broker.port}`, source.address, {
          prefix: 'app',
          schema: 'shop',
        });
        ends.unshift(connect);
        // Into the same database, so that one statement compares.
        const project = await FaultProject.open(
          {
            'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
            'models/sources.yml': SOURCES,
          },
          {
            name: 'the source',
            open: async () => ({
              credentials: { type: 'postgres', schema: 's', ...source.address },
              close: async () => undefined,
            }),
          },
        );
        ends.unshift(project);

        const load = await disturbedChanges(client, changes, SECONDS, {
          connect,
          load: (name) => project.start(['load'], name),
        });
        await project.until(
          "select exists (select from raw.stock where place = 'last' and not coalesce(_deleted, false))",
        );
        load.child.kill('SIGTERM');
        expect((await load.ended).code).toBe(0);
        // What was sent in the same moment may have arrived behind it.
        const { code, out } = await project.start(['load', '--once']).ended;
        expect(code, out).toBe(0);

        for (const [table, columns] of Object.entries(COLUMNS)) {
          const source = `select ${columns} from shop.${table}`;
          const loaded = `select ${columns} from raw.${table} where not coalesce(_deleted, false)`;
          expect(await project.rows(`(${source}) except all (${loaded})`), `${table}: missing`).toEqual([]);
          expect(await project.rows(`(${loaded}) except all (${source})`), `${table}: too many`).toEqual([]);
          expect(Number(await project.one(`select count(*) from shop.${table}`))).toBeGreaterThan(10);
        }
        expect(await project.rows('select error from tsdbt.dead_letters').catch(() => [])).toEqual([]);
      } finally {
        for (const part of ends) await part.close();
      }
    },
    SECONDS * 1000 + 300_000,
  );
});

describe('a table of flattened rows', () => {
  it("from the connector's transform equals the source, over kills of the loader", async () => {
    const [broker, source] = await Promise.all([KafkaBroker.start(), SourcePostgres.start()]);
    const { client } = source;
    const ends: { close(): Promise<unknown> }[] = [source, broker];
    try {
      await client.query(TABLES);
      const changes = new Changes(client);
      await changes.make(100);
      const unwrap = (name: string, value: string): Record<string, string> => ({
        [`transforms.unwrap.${name}`]: value,
      });
      const connect = await startDebezium(`127.0.0.1:${broker.port}`, source.address, {
        prefix: 'app',
        schema: 'shop',
        more: {
          transforms: 'unwrap',
          ...unwrap('type', 'io.debezium.transforms.ExtractNewRecordState'),
          ...unwrap('add.fields', 'op,lsn,source.ts_ms'),
          ...unwrap('delete.tombstone.handling.mode', 'rewrite'),
        },
      });
      ends.unshift(connect);
      const project = await FaultProject.open(
        {
          'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
          'models/sources.yml': SOURCES.replace('format: debezium', 'format: debezium, flattened: true'),
        },
        {
          name: 'the source',
          open: async () => ({
            credentials: { type: 'postgres', schema: 's', ...source.address },
            close: async () => undefined,
          }),
        },
      );
      ends.unshift(project);
      for (const turn of [0, 1, 2]) {
        const load = project.start(['load'], `at-${turn}`);
        await changes.make(150);
        // Not before it has loaded something.
        await project.until('select count(*) > 0 from raw.items');
        load.child.kill('SIGKILL');
        await load.ended;
        await changes.make(50);
      }
      await client.query("insert into shop.stock values ('last', 0, 1)");
      const load = project.start(['load'], 'at-3');
      await project.until(
        "select exists (select from raw.stock where place = 'last' and not coalesce(_deleted, false))",
      );
      load.child.kill('SIGTERM');
      expect((await load.ended).code).toBe(0);
      const check = await project.start(['load', 'check']).ended;
      expect([check.code, check.out]).toEqual([0, expect.stringContaining('raw.items: OK')]);
      const { code, out } = await project.start(['load', '--once']).ended;
      expect(code, out).toBe(0);
      for (const [table, all] of Object.entries(COLUMNS)) {
        const columns = all.replace(', channel', '');
        const theirs = `select ${columns} from shop.${table}`;
        const loaded = `select ${columns} from raw.${table} where not coalesce(_deleted, false)`;
        expect(await project.rows(`(${theirs}) except all (${loaded})`), `${table}: missing`).toEqual([]);
        expect(await project.rows(`(${loaded}) except all (${theirs})`), `${table}: too many`).toEqual([]);
        expect(Number(await project.one(`select count(*) from raw.${table} where _op = 'd'`))).toBeGreaterThan(0);
      }
      expect(await project.rows('select error from tsdbt.dead_letters').catch(() => [])).toEqual([]);
    } finally {
      for (const part of ends) await part.close();
    }
  }, 300_000);
});

/** What is compared. */
const COLUMNS = {
  items: 'id, name, price, at, due, local_at, detail, weight, code, raw, long_text, channel',
  stock: 'place, item, count',
};
const SOURCES = `sources:
  - name: raw
    config: { meta: { tsdbt: { load: { format: debezium, flush: { age: 200ms } } } } }
    tables:
      - name: items
        config: { meta: { tsdbt: { load: { topic: app.shop.items, key: [id] } } } }
        columns:
          - { name: id, data_type: bigint }
          - { name: name, data_type: text }
          - { name: price, data_type: "numeric(20, 4)" }
          - { name: at, data_type: timestamptz }
          - { name: due, data_type: date }
          - { name: local_at, data_type: timestamp }
          - { name: detail, data_type: jsonb }
          - { name: weight, data_type: double precision }
          - { name: code, data_type: uuid }
          - { name: raw, data_type: bytea }
          - { name: long_text, data_type: text }
          - { name: channel, data_type: text }
      - name: stock
        config: { meta: { tsdbt: { load: { topic: app.shop.stock, key: [place, item] } } } }
        columns:
          - { name: place, data_type: text }
          - { name: item, data_type: bigint }
          - { name: count, data_type: integer }
`;
