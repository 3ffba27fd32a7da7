// The servers of examples/clickstream: Kafka, the application's Postgres with its users and the database in which it
// looks for sessions, ClickHouse for dashboards, an object store and Iceberg's catalog. Ended with the stage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedClickhouse } from '../../src/adapters/clickhouse/embedded.ts';
import { embeddedPostgres } from '../../src/adapters/postgres/embedded.ts';
import { IcebergCatalog } from '../../tests/engine/kafka/iceberg-catalog.ts';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import { ACCESS_KEY, SECRET_KEY } from '../../tests/engine/support/s3-server.ts';
import { receiveAlerts } from '../alerts.ts';
import { clickhouseAt, postgresUrl } from '../cdc/parts.ts';
import type { Play, Stage } from '../stage.ts';
import { startStore } from '../store.ts';
import { USERS, userId, type Views } from './views.ts';

export interface Parts {
  readonly app: Application;
}

/** What happens in the application's table of users. */
export class Application {
  readonly #client: pg.Client;
  readonly #views: Views;
  #users = 0;

  constructor(client: pg.Client, views: Views) {
    this.#client = client;
    this.#views = views;
  }

  /** @param count of users that sign up */
  async signUp(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const user = userId(++this.#users);
      await this.#client.query(
        'insert into users (user_id, username, email, account_type, country, signup_date) ' +
          'values ($1, $2, $3, $4, $5, current_date)',
        [user, `name of ${user}`, `${user}@example.com`, ...this.#views.profile()],
      );
    }
  }

  /** Each user of a few moves and takes another tier. */
  async change(count: number): Promise<void> {
    for (let number = 1; number <= count; number++)
      await this.#client.query('update users set account_type = $2, country = $3 where user_id = $1', [
        userId(number * 5),
        ...this.#views.profile(),
      ]);
  }
}

/** @param views tells who the users are; the last twenty have no profile yet */
export async function startParts(stage: Stage, play: Play, views: Views): Promise<Parts> {
  const { dir, root } = play;
  stage.say('\n\u25b8 Kafka, the Postgres of the application, ClickHouse, an object store and a catalog of Iceberg');
  stage.say('  The first time jars are fetched and versitygw is built, some minutes');
  const broker = stage.ends(await KafkaBroker.start(), 'Kafka');
  const store = await startStore(stage, play);
  const folder = join(dir, '.tsdbt', 'app');
  for (const database of ['lookup', 'app']) {
    const made = await embeddedPostgres({ dir: folder, database });
    stage.ends({ close: () => made.release() });
  }
  const server = await embeddedPostgres({ dir: folder, database: 'app' });
  stage.ends({ close: () => server.release() });
  const { host, port, user, password, database } = server;
  const client = new pg.Client({ host, port, user, password, database });
  client.on('error', () => undefined);
  await client.connect();
  stage.ends({ close: () => client.end() });
  await client.query(readFileSync(join(dir, 'users.sql'), 'utf8'));
  const app = new Application(client, views);
  await app.signUp(USERS - 20);
  const dashboards = await embeddedClickhouse({ dir: join(dir, '.tsdbt', 'clickhouse'), projectDir: root });
  stage.ends({ close: () => dashboards.release() });
  const catalog = stage.ends(await IcebergCatalog.start(store.endpoint), 'The catalog');
  const alerts = stage.ends(await receiveAlerts((text) => stage.say(text)));
  const at = `${dashboards.host}:${dashboards.port}`;
  const dashboardsUrl = `http://${dashboards.user}:${encodeURIComponent(dashboards.password)}@${at}/`;
  // An administrator's statement: place and keys stand in the server, not in the project.
  await clickhouseAt(dashboardsUrl)(
    `create named collection lake_sessions as url = '${store.endpoint}/lake/wh/analytics/user_sessions/', ` +
      `access_key_id = '${ACCESS_KEY}', secret_access_key = '${SECRET_KEY}'`,
  );
  Object.assign(stage.env, {
    ALERTS_URL: alerts.url,
    ICEBERG_URI: catalog.uri,
    S3_ENDPOINT: store.endpoint,
    S3_ACCESS_KEY: ACCESS_KEY,
    DBT_ENV_SECRET_S3: SECRET_KEY,
    KAFKA_BROKERS: `127.0.0.1:${broker.port}`,
    APP_HOST: host,
    APP_PORT: String(port),
    APP_USER: user,
    APP_PASSWORD: password,
    CLICKHOUSE_HOST: dashboards.host,
    CLICKHOUSE_PORT: String(dashboards.port),
    CLICKHOUSE_USER: dashboards.user,
    CLICKHOUSE_PASSWORD: dashboards.password,
  });
  stage.say(
    `Kafka at 127.0.0.1:${broker.port}, the application's Postgres at ${host}:${port}, ` +
      `ClickHouse at ${at}, the store at ${store.endpoint}, the catalog at ${catalog.uri}`,
  );
  stage.publish({
    APP_URL: postgresUrl(server),
    LOOKUP_URL: postgresUrl({ ...server, database: 'lookup' }),
    CLICKHOUSE_URL: dashboardsUrl,
  });
  return { app };
}
