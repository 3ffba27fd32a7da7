// The servers of examples/cdc: the shop's Postgres with its changes in the log, Kafka, Debezium between them, and the
// embedded ClickHouse. Ended with the stage.
import { join } from 'node:path';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import { type KafkaConnect, startDebezium } from '../../tests/engine/kafka/kafka-connect.ts';
import { SourcePostgres } from '../../tests/engine/kafka/source-postgres.ts';
import type { Play, Stage } from '../stage.ts';
import { Shop } from './shop.ts';

/** A secret of yours in earnest: who has it can find out whose address a hash is. */
export const EXAMPLE_KEY = 'only for this example, made of many words';

export interface Parts {
  readonly broker: KafkaBroker;
  readonly source: SourcePostgres;
  readonly connect: KafkaConnect;
  readonly shop: Shop;
  /** Runs a statement in ClickHouse. @returns its rows */
  clickhouse(sql: string): Promise<Record<string, unknown>[]>;
}

export async function startParts(
  stage: Stage,
  { dir }: Play,
  size: { readonly users: number; readonly events: number },
): Promise<Parts> {
  stage.say('\n\u25b8 Postgres with wal_level = logical, Kafka, Debezium, ClickHouse');
  stage.say('  The first time the jars of Kafka and Debezium are fetched, some minutes');
  const broker = stage.ends(await KafkaBroker.start(), 'Kafka');
  const source = stage.ends(await SourcePostgres.start(join(dir, '.tsdbt', 'source')));
  const shop = new Shop(source.client, Date.now);
  await shop.open(dir, size.users, size.events);
  const address = `127.0.0.1:${broker.port}`;
  const connect = stage.ends(
    await startDebezium(address, source.address, {
      prefix: 'shop',
      schema: 'app',
    }),
    'Debezium',
  );
  Object.assign(stage.env, { KAFKA_BROKERS: address, TSDBT_HASH_KEY: EXAMPLE_KEY });
  await stage.ask('db', 'start');
  stage.ends({ close: () => stage.ask('db', 'stop').catch(() => '') });
  const url = (await stage.ask('db', 'url')).trim();
  stage.say(`Postgres at 127.0.0.1:${source.address.port}, Kafka at ${address}, ClickHouse at ${new URL(url).host}`);
  stage.publish({ SHOP_URL: postgresUrl(source.address), CLICKHOUSE_URL: url });
  return { broker, source, connect, shop, clickhouse: clickhouseAt(url) };
}

/** For psql. */
export function postgresUrl(at: {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}): string {
  return `postgresql://${at.user}:${encodeURIComponent(at.password)}@${at.host}:${at.port}/${at.database}`;
}

/** What asks the embedded ClickHouse. @param address what `tsdbt db url` prints */
export function clickhouseAt(address: string): Parts['clickhouse'] {
  const url = new URL(address);
  const { username, password } = url;
  [url.username, url.password] = ['', ''];
  url.searchParams.set('default_format', 'JSONEachRow');
  url.searchParams.set('output_format_json_quote_64bit_integers', '0');
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return async (sql) => {
    const answer = await fetch(url, { method: 'POST', body: sql, headers: { authorization: `Basic ${login}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
}

/** Loads until a user that `Shop.mark` has made is there: all that the shop has done before is there then, too. */
export async function loadUntil(stage: Stage, { clickhouse }: Parts, user: string): Promise<void> {
  for (;;) {
    await stage.tsdbt('load', '--once');
    const found = await clickhouse(
      `select uniqExact(user_id) as n from (select user_id from raw.users where user_id = '${user}'
       union all select user_id || '.' from raw.events where user_id = '${user}')`,
    );
    if (Number(found[0]?.['n']) === 2) break;
  }
  // What was sent in the same moment may have arrived behind it.
  await stage.ask('load', '--once');
}
