// A Postgres that tells its changes (`wal_level = logical`), for Debezium to read: an embedded server of its own.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedPostgres, embeddedStatus, stopEmbedded } from '../../../src/adapters/postgres/embedded.ts';
import { PostgresFiles } from '../../../src/adapters/postgres/embedded-files.ts';
import { EMBEDDED_ADMIN } from '../../../src/adapters/postgres/embedded-install.ts';
import { startOf } from '../../../src/adapters/process-identity.ts';
import { removeEmbedded } from '../adapters/servers.ts';
import type { SourceDatabase } from './kafka-connect.ts';

export class SourcePostgres {
  readonly client: pg.Client;
  readonly address: SourceDatabase;
  readonly #end: () => Promise<void>;

  private constructor(client: pg.Client, address: SourceDatabase, end: () => Promise<void>) {
    this.client = client;
    this.address = address;
    this.#end = end;
  }

  /** @param dir where its data stay; null: in a folder that is removed with it */
  static async start(dir: string | null = null): Promise<SourcePostgres> {
    const project = dir ?? mkdtempSync(join(tmpdir(), 'tsdbt-source-'));
    const folder = dir ?? join(project, '.tsdbt/pg');
    // Debezium copies the log and publishes all tables: only the superuser may.
    const connect = async (): Promise<[pg.Client, SourceDatabase, () => Promise<void>]> => {
      const { host, port, database, release } = await embeddedPostgres({ dir: folder, database: 'app' });
      const password = new PostgresFiles(folder).adminPassword!;
      const address = { host, port, user: EMBEDDED_ADMIN, password, database };
      const client = new pg.Client(address);
      client.on('error', () => undefined);
      await client.connect();
      return [client, address, release];
    };
    let [client, address, release] = await connect();
    if ((await client.query('show wal_level')).rows[0].wal_level !== 'logical') {
      // The setting counts from the next start on.
      await client.query('alter system set wal_level = logical');
      await client.end();
      await release();
      await stopped(folder);
      [client, address, release] = await connect();
    }
    return new SourcePostgres(client, address, async () => {
      await client.end();
      await release();
      if (dir === null) await removeEmbedded(project, folder);
      else await stopped(folder);
    });
  }

  async close(): Promise<void> {
    await this.#end();
  }
}

async function stopped(folder: string): Promise<void> {
  await stopEmbedded(folder);
  const status = embeddedStatus(folder);
  if (status.state !== 'running') return;
  while (startOf(status.pid) !== null) await new Promise((resolve) => setTimeout(resolve, 20));
}
