// An embedded ClickHouse without data that parses SQL: in a temporary folder, which is removed with it.
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { ClickHouseError } from '@clickhouse/client';
import { errorOf } from '../../error-table.ts';
import { silenceTimes } from '../silence.ts';
import { Connection } from './connection.ts';
import { embeddedClickhouse, findChdb, stopEmbedded } from './embedded.ts';
import { embeddedFolder } from './embedded-folder.ts';
import { certainTokens, type SqlToken } from './sql-tokens.ts';

/** Milliseconds for one statement. */
const LIMIT_MS = 60_000;
const SETTINGS = { default_format: 'TSVRaw', max_execution_time: '60', max_query_size: '100000000' };

export interface EmbeddedParser {
  /** @returns null if the engine may split the SQL differently */
  tokens(sql: string): readonly SqlToken[] | null;
  /** @returns the first column as text, one row per line. @throws Error with the engine's message */
  ask(sql: string): Promise<string>;
  close(): Promise<void>;
}

/** @throws {TsdbtError} that says what to install */
export async function embeddedParser(projectDir: string): Promise<EmbeddedParser> {
  try {
    findChdb(projectDir);
  } catch {
    throw errorOf('lineageParserMissing', { package: 'chdb' });
  }
  const folder = embeddedFolder('parser');
  const { dir } = folder;
  let server: Awaited<ReturnType<typeof embeddedClickhouse>>;
  try {
    server = await embeddedClickhouse({ dir, projectDir });
  } catch (error) {
    folder.remove();
    throw error;
  }
  const { host, port, user, password, home } = server;
  folder.add(home);
  const connection = new Connection(
    {
      ...{ host, port, user, password, embedded: home },
      ...{ secure: false, verify: false, clientCert: null, clientCertKey: null, serverHostName: null },
      ...{ connectTimeout: 10, retries: 0, compression: false, keepAlive: true },
    },
    1,
    silenceTimes(undefined),
  );
  return {
    tokens: certainTokens,
    ask: async (sql) => {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), LIMIT_MS);
      try {
        const request = { sql, queryId: randomUUID(), sessionId: null, settings: SETTINGS, abort };
        return await text((await connection.send(request)).body);
      } catch (error) {
        if (error instanceof ClickHouseError) throw new Error(error.message.replace(/\s+/g, ' ').trim());
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    close: async () => {
      await connection.close();
      await server.release();
      await stopEmbedded(dir);
      folder.remove();
    },
  };
}
