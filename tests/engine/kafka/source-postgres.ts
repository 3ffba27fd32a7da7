// A Postgres that tells its changes (`wal_level = logical`), for Debezium to read: an embedded server of its own.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedPostgres, embeddedStatus, stopEmbedded } from '../../../src/adapters/postgres/embedded.ts';
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
    let server = await embeddedPostgres({ dir: folder, database: 'app' });
    const connect = async (): Promise<pg.Client> => {
      const { host, port, user, password, database } = server;
      const client = new pg.Client({ host, port, user, password, database });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    };
    let client = await connect();
    if ((await client.query('show wal_level')).rows[0].wal_level !== 'logical') {
      // The setting counts from the next start on.
      await client.query('alter system set wal_level = logical');
      await client.end();
      await server.release();
      await stopped(folder);
      server = await embeddedPostgres({ dir: folder, database: 'app' });
      client = await connect();
    }
    return new SourcePostgres(client, server, async () => {
      await client.end();
      await server.release();
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
