// Tests the ClickHouse adapter with a database of another server, which may be unreachable.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { clickhouseAdapter, clickhouseMissing, withOpenClickhouse } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';

const SCHEMA = 'remote_database_test';

it.skipIf(clickhouseMissing !== null)(
  'the ClickHouse adapter does not query databases of other servers, which may be unreachable',
  async () => {
    let asked = 0;
    const silent = createServer(() => {
      asked += 1;
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await withOpenClickhouse(async (_server, path) => {
      const adapter = clickhouseAdapter(SCHEMA, { path });
      const session = adapter.session({ name: 'test' });
      await session.execute(`create database if not exists ${SCHEMA}`);
      await session.execute(
        `create database remote_database_test_away engine = PostgreSQL('127.0.0.1:${port}', 'd', 'u', 'p')`,
      );
      // The server itself asks twice, 2 s apart, when it has such a database.
      await expect.poll(() => asked, FOR_EVENTS).toBe(2);
      asked = 0;
      try {
        await session.execute('create table if not exists here (x Int8) engine = MergeTree order by x');
        const here = adapter.createRelation({ schema: SCHEMA, identifier: 'here', type: 'table' });
        await adapter.fillCache(session, [{ database: '', schema: SCHEMA }]);
        await adapter.fetchChangeMarks(session, [here]);
        await adapter.lockRelation(session, here);
        expect(asked).toBe(0);
      } finally {
        await session.execute('drop database remote_database_test_away');
        silent.close();
        await session.release();
        await adapter.close();
      }
    });
  },
);
