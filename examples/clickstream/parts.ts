// The servers of examples/clickstream: Kafka, the application's Postgres with its users and the database in which it
// looks for sessions, and ClickHouse for dashboards. Ended with the stage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedClickhouse } from '../../src/adapters/clickhouse/embedded.ts';
import { embeddedPostgres } from '../../src/adapters/postgres/embedded.ts';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import type { Play, Stage } from '../stage.ts';
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
export async function startParts(stage: Stage, { dir, root }: Play, views: Views): Promise<Parts> {
  stage.say('\n\u25b8 Kafka, the Postgres of the application, ClickHouse');
  const broker = stage.ends(await KafkaBroker.start());
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
  Object.assign(stage.env, {
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
      `ClickHouse at ${dashboards.host}:${dashboards.port}`,
  );
  return { app };
}
