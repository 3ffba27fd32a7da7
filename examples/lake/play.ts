// Plays examples/lake: a producer, Kafka, the topic in a table of Postgres and in files of an object store, and models
// over both, on servers that it starts and ends.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import { ACCESS_KEY, SECRET_KEY } from '../../tests/engine/support/s3-server.ts';
import { clickhouseAt } from '../cdc/parts.ts';
import { type Play, Stage } from '../stage.ts';
import { startStore } from '../store.ts';
import { Orders } from './orders.ts';

const REVENUE = "select * from {{ ref('revenue_daily') }} order by day desc, country";
const LATE = "select * from {{ ref('late_events') }} order by day desc";
const CLICKHOUSE = ['--target', 'clickhouse'];
const HOUR = 3_600_000;

export async function main(play: Play): Promise<void> {
  const { dir, once, signal } = play;
  const stage = new Stage(play);
  // The store's is not known yet, and `db stop` needs none.
  Object.assign(stage.env, { DBT_ENV_SECRET_S3: SECRET_KEY, S3_ACCESS_KEY: ACCESS_KEY });
  try {
    await stage.ask('db', 'stop', ...CLICKHOUSE).catch(() => '');
    await stage.clear();
    stage.say('\n\u25b8 Kafka, an object store, ClickHouse');
    stage.say('  The first time jars are fetched and versitygw is built, some minutes');
    const broker = stage.ends(await KafkaBroker.start(), 'Kafka');
    const store = await startStore(stage, play);
    Object.assign(stage.env, { KAFKA_BROKERS: `127.0.0.1:${broker.port}`, S3_ENDPOINT: store.endpoint });
    await stage.ask('db', 'start', ...CLICKHOUSE);
    stage.ends({ close: () => stage.ask('db', 'stop', ...CLICKHOUSE).catch(() => '') });
    const url = new URL((await stage.ask('db', 'url', ...CLICKHOUSE)).trim());
    stage.publish({ CLICKHOUSE_URL: url.href });
    stage.say(`Kafka at 127.0.0.1:${broker.port}, the store at ${store.endpoint}, ClickHouse at ${url.host}`);
    // The profile's database is made by the first build.
    url.searchParams.delete('database');
    // An administrator's statement: address and keys stand in the server, not in the project.
    await clickhouseAt(url.href)(
      `create named collection lake as url = '${store.endpoint}/lake/', access_key_id = '${ACCESS_KEY}', ` +
        `secret_access_key = '${SECRET_KEY}'`,
    );

    const orders = new Orders(20260501);
    let files = 0;
    const send = async (from: number, to: number, count: number, show: boolean): Promise<void> => {
      const path = join('.tsdbt', `orders-${files++}.ndjson`);
      mkdirSync(join(dir, '.tsdbt'), { recursive: true });
      const sent = orders.between(from, to, count);
      writeFileSync(join(dir, path), sent.map((event) => `${JSON.stringify(event)}\n`).join(''));
      await (show ? stage.tsdbt.bind(stage) : stage.quietly.bind(stage))(
        ...['produce', '--connection', 'events', '--topic', 'order_events', '--key', 'order_id'],
        ...['--partitions', '3', '--from', path],
      );
    };
    const now = Date.now();
    await send(now - 72 * HOUR, now, 3000, true);
    await stage.tsdbt('load', 'check');
    await stage.tsdbt('load', '--once');
    await stage.tsdbt('build');
    await stage.tsdbt('build', ...CLICKHOUSE);

    if (once) {
      stage.say('\n\u25b8 More events: Postgres takes the orders that they belong to, ClickHouse reads the files anew');
      await send(now, now + 60_000, 500, true);
      await stage.tsdbt('load', '--once');
      await stage.tsdbt('build');
      await stage.tsdbt('build', ...CLICKHOUSE);
      await stage.tsdbt('show', '--inline', REVENUE, '--limit', '5');
      await stage.tsdbt('show', '--inline', REVENUE, '--limit', '5', ...CLICKHOUSE);
      await stage.tsdbt('show', '--inline', LATE, '--limit', '3', ...CLICKHOUSE);
      return;
    }
    stage.start('load', 'load');
    stage.start('build', 'build', '--every', '10s', '--if-changed');
    stage.say(
      '\n20 events a second from here on, sent every 10 s; the files are modelled every 30 s. Ctrl-C ends everything.',
    );
    for (let from = Date.now(), shown = from; !signal.aborted; ) {
      await stage.pause(10_000);
      const to = Date.now();
      await send(from, to, Math.round((to - from) / 50), false);
      from = to;
      if (to - shown < 30_000) continue;
      await stage.quietly('build', ...CLICKHOUSE);
      await stage.quietly('show', '--inline', REVENUE, '--limit', '5');
      await stage.quietly('show', '--inline', REVENUE, '--limit', '5', ...CLICKHOUSE);
      shown = Date.now();
    }
  } finally {
    await stage.close();
  }
}
