// Debezium's Postgres connector live in Kafka Connect, and `format: debezium` into ClickHouse: what the source says,
// over kills of the loader and of Debezium. TSDBT_CHANGE_SECONDS of changes; `npm run faults -- changes`: 300.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';
import { Changes, disturbedChanges, TABLES } from './changes.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { startDebezium } from './kafka-connect.ts';
import { SourcePostgres } from './source-postgres.ts';

const SECONDS = Number(process.env['TSDBT_CHANGE_SECONDS'] ?? 10);
const WAIT_MS = 240_000;

/** Columns of ClickHouse, and how both databases write them in the same words. */
const ITEMS: readonly (readonly [name: string, type: string, source: string, loaded: string])[] = [
  ['id', 'Int64', 'id::text', 'toString(id)'],
  ['name', 'String', 'name', 'name'],
  ['price', 'Nullable(Decimal(20, 4))', 'trim_scale(price)::text', 'toString(price)'],
  [
    'at',
    "DateTime64(6, 'UTC')",
    '(extract(epoch from at) * 1000000)::bigint::text',
    'toString(toUnixTimestamp64Micro(at))',
  ],
  ['due', 'Nullable(Date32)', 'due::text', 'toString(due)'],
  [
    'local_at',
    "Nullable(DateTime64(6, 'UTC'))",
    '(extract(epoch from local_at) * 1000000)::bigint::text',
    'toString(toUnixTimestamp64Micro(local_at))',
  ],
  ['detail', 'Nullable(String)', 'detail::text', 'detail'],
  ['weight', 'Nullable(Float64)', 'weight::text', 'toString(weight)'],
  ['code', 'Nullable(UUID)', 'code::text', 'toString(code)'],
  ['raw', 'Nullable(String)', "encode(raw, 'base64')", 'raw'],
  ['long_text', 'Nullable(String)', 'long_text', 'long_text'],
  ['channel', 'Nullable(String)', 'channel', 'channel'],
];
const STOCK: typeof ITEMS = [
  ['place', 'String', 'place', 'place'],
  ['item', 'Int64', 'item::text', 'toString(item)'],
  ['count', 'Int32', 'count::text', 'toString(count)'],
];
const declared = (columns: typeof ITEMS): string =>
  columns.map(([name, type]) => `          - { name: ${name}, data_type: "${type}" }\n`).join('');
const SOURCES = `sources:
  - name: raw
    config: { meta: { tsdbt: { load: { format: debezium, flush: { age: 500ms } } } } }
    tables:
      - name: items
        config: { meta: { tsdbt: { load: { topic: app.shop.items, key: [id] } } } }
        columns:
${declared(ITEMS)}      - name: stock
        config: { meta: { tsdbt: { load: { topic: app.shop.stock, key: [place, item] } } } }
        columns:
${declared(STOCK)}`;

it.skipIf(clickhouseMissing !== null)(
  `ClickHouse equals the source after ${SECONDS} s of changes, over kills of the loader and of Debezium`,
  async () => {
    const [broker, source] = await Promise.all([KafkaBroker.start(), SourcePostgres.start()]);
    const { client } = source;
    const ends: { close(): Promise<unknown> }[] = [source, broker];
    try {
      // Without it a large value that did not change would be in no message.
      await client.query(`${TABLES} alter table shop.items replica identity full;`);
      const changes = new Changes(client);
      await changes.make(100);
      const connect = await startDebezium(`127.0.0.1:${broker.port}`, source.address, {
        prefix: 'app',
        schema: 'shop',
      });
      ends.unshift(connect);
      const lab = await ClickhouseLab.open({
        'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
        'models/sources.yml': SOURCES,
      });
      ends.unshift(lab);
      const load = (name: string, ...more: string[]): Running =>
        start(['load', ...more, '--target-path', name, '--log-path', `logs-${name}`, '--no-use-colors'], {
          cwd: lab.dir,
          env: { ...process.env, DBT_PROFILES_DIR: lab.dir },
        });

      const running = await disturbedChanges(client, changes, SECONDS, { connect, load });
      const last = "select count() from raw.stock final where place = 'last' and not _deleted";
      for (const end = Date.now() + WAIT_MS; ; await pause(200)) {
        if (Date.now() > end) throw new Error('the last change never came');
        const rows = await lab.rows(last).catch(() => []);
        if (Number(rows[0]?.[0] ?? 0) === 1) break;
      }
      running.child.kill('SIGTERM');
      expect((await running.ended).code).toBe(0);
      // What was sent in the same moment may have arrived behind it.
      const { code, out } = await load('at-0', '--once').ended;
      expect(code, out).toBe(0);

      for (const [table, columns] of Object.entries({ items: ITEMS, stock: STOCK })) {
        const { rows } = await client.query<unknown[]>({
          text: `select ${columns.map(([, , text]) => text).join(', ')} from shop.${table}`,
          rowMode: 'array',
        });
        const loaded = await lab.rows(
          `select ${columns.map(([, , , text]) => text).join(', ')} from raw.${table} final where not _deleted`,
        );
        const [theirs, ours] = [rows, loaded].map((all) => all.map((row) => JSON.stringify(row)).sort());
        expect(ours, table).toEqual(theirs);
        expect(rows.length).toBeGreaterThan(10);
      }
      expect(await lab.rows('select error from tsdbt.dead_letters')).toEqual([]);
    } finally {
      for (const part of ends) await part.close();
    }
  },
  SECONDS * 1000 + 400_000,
);
