// The contract of every database adapter, tested on each available server. Features of one dialect are tested in its
// own file; a skip gives the reason.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Adapter, Session, SessionOptions } from '../../../src/adapters/adapter.ts';
import { createAdapter } from '../../../src/adapters/index.ts';
import type { Relation } from '../../../src/adapters/relation.ts';
import type { RelationType } from '../../../src/adapters/relation-dialect.ts';
import { inferTable } from '../../../src/adapters/table-inference.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { toRepr, toText } from '../../../src/values/text.ts';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { SERVERS, type TestServer } from './servers.ts';

/** What the same thing is called. */
interface Dialect {
  readonly bigint: string;
  readonly text: string;
  readonly decimal: string;
  readonly timestamp: string;
  /** Behind the columns of a `create table`. */
  readonly engine: string;
  /** A statement that takes minutes, and the question how many of it run. */
  readonly slow: string;
  readonly running: string;
}
const POSTGRES: Dialect = {
  bigint: 'bigint',
  text: 'text',
  decimal: 'numeric(10, 2)',
  timestamp: 'timestamp',
  engine: '',
  slow: 'select pg_sleep(303)',
  running:
    "select count(*) from pg_stat_activity where query = 'select pg_sleep(303)' and state = 'active' and datname = " +
    'current_database()',
};
const CLICKHOUSE: Dialect = {
  bigint: 'Int64',
  text: 'Nullable(String)',
  decimal: 'Decimal(10, 2)',
  timestamp: "DateTime64(3, 'UTC')",
  engine: 'engine = MergeTree order by id',
  slow: 'select sleepEachRow(1) from numbers(303) settings max_block_size = 1',
  running: "select count() from system.processes where query like 'select sleepEachRow(1) from numbers(303)%'",
};

const DATABASES: readonly (TestServer & { readonly dialect: Dialect; readonly missing: string | null })[] = [
  ...SERVERS.map((server) => ({ ...server, dialect: POSTGRES, missing: null })),
  {
    name: 'the embedded ClickHouse',
    dialect: CLICKHOUSE,
    missing: clickhouseMissing,
    open: async () => ({
      credentials: { type: 'clickhouse', database: '', schema: 'default', path: clickhouseFolder() },
      close: async () => undefined,
    }),
  },
];

async function failure(work: Promise<unknown>): Promise<TsdbtError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TsdbtError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

for (const { name, dialect, missing, open } of DATABASES) {
  describe.skipIf(missing !== null)(`${name}${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
    let credentials: Credentials;
    let close: () => Promise<void>;
    let adapter: Adapter;
    const opened: Session[] = [];
    const make = (more: Readonly<Record<string, unknown>> = {}): Promise<Adapter> =>
      createAdapter(
        {
          profile_name: 'test',
          target_name: 'test',
          threads: 4,
          profiles_dir: null,
          credentials: { ...credentials, ...more } as Credentials,
        },
        { quoting: {}, projectDir: process.cwd(), threads: 4 },
      );
    const session = (options: Partial<SessionOptions> = {}): Session => {
      const made = adapter.session({ name: 'test', ...options });
      opened.push(made);
      return made;
    };
    const relation = (identifier: string, type: RelationType = 'table'): Relation =>
      adapter.createRelation({ database: credentials.database, schema: 'behaviour', identifier, type });
    const withSession = async <T>(work: (own: Session) => Promise<T>): Promise<T> => {
      const own = session();
      try {
        return await work(own);
      } finally {
        await own.release();
      }
    };
    const values = (sql: string, on?: Session): Promise<string[][]> =>
      on === undefined
        ? withSession((own) => values(sql, own))
        : on.execute(sql, { fetch: true }).then(({ table: read }) => read.rows.map((row) => row.values.map(toRepr)));
    const change = async (...statements: string[]): Promise<void> => {
      const own = session();
      await own.begin();
      for (const sql of statements) await own.execute(sql);
      if (own.inTransaction) await own.commit();
      await own.release();
    };
    const table = (id: string, columns: string): string =>
      `create table behaviour.${id} (${columns}) ${dialect.engine}`;

    beforeAll(async () => {
      ({ credentials, close } = await open());
      adapter = await make();
      await change(dialect === CLICKHOUSE ? 'create database if not exists behaviour' : 'create schema behaviour');
    });
    afterAll(async () => {
      for (const one of opened) await one.release();
      await adapter?.close();
      await close?.();
    });

    test('returns the same values as Python', async () => {
      await change(
        table(
          'kinds',
          `id ${dialect.bigint}, name ${dialect.text}, amount ${dialect.decimal}, day date, at ${dialect.timestamp}`,
        ),
        "insert into behaviour.kinds values (9007199254740993, 'it''s', 12.50, '2026-01-02', '2026-01-02 " +
          "03:04:05.678'), (2, null, 0, '2026-01-03', '2026-01-03 00:00:00')",
      );
      expect(await values('select * from behaviour.kinds order by id')).toEqual([
        ['2', 'None', "Decimal('0.00')", 'datetime.date(2026, 1, 3)', 'datetime.datetime(2026, 1, 3, 0, 0)'],
        [
          '9007199254740993',
          '"it\'s"',
          "Decimal('12.50')",
          'datetime.date(2026, 1, 2)',
          'datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)',
        ],
      ]);
    });

    test('knows the columns of an empty result, applies a limit, and reads rows only on request', () =>
      withSession(async (own) => {
        expect((await own.execute('select 1 as a, 2 as b where 1 = 0', { fetch: true })).table.columnNames).toEqual([
          'a',
          'b',
        ]);
        expect(
          (await own.execute('select 1 as a union all select 2 union all select 3', { fetch: true, limit: 2 })).table
            .rows.length,
        ).toBe(2);
        expect((await own.execute('select 1 as a')).table.columnNames).toEqual([]);
      }));

    test('reports the code and the position of a failed statement, whatever comment precedes it', async () => {
      const sql = 'select 1 as a,\n  2 as b\nfrom nothing order order';
      for (const comment of [undefined, () => ({ text: 'ä comment', append: false })]) {
        const own = session({ comment });
        const error = await failure(own.execute(sql));
        await own.release();
        expect([error.kind, error.details.sql, sql.slice(error.details.position! - 1)]).toEqual([
          'database',
          sql,
          'order',
        ]);
        expect(error.details.code).toMatch(/^\w+$/);
      }
    });

    test('can use a session after a failure', async () => {
      await withSession(async (own) => {
        await failure(own.execute('select * from behaviour.missing'));
        expect(await values('select 42', own)).toEqual([['42']]);
      });
    });

    test('runs the statements of a session in the order in which they were sent, and reports them', async () => {
      const seen: string[] = [];
      const own = session({
        onStatement: ({ sql, phase }) => {
          if (sql.startsWith('select')) seen.push(`${phase} ${sql}`);
        },
      });
      await Promise.all(['select 1', 'select 2'].map((sql) => own.execute(sql)));
      await own.release();
      expect(seen).toEqual(['start select 1', 'end select 1', 'start select 2', 'end select 2']);
    });

    test('fills the cache with every relation of a schema in one query, and a missing schema is empty', async () => {
      await change(
        table('looked', `id ${dialect.bigint}`),
        'create view behaviour.looked_view as select id from behaviour.looked',
      );
      const own = session();
      await adapter.fillCache(own, [
        { database: credentials.database, schema: 'behaviour' },
        { database: credentials.database, schema: 'nowhere' },
      ]);
      const known = (identifier: string): unknown =>
        adapter.cache.get({ database: credentials.database, schema: 'behaviour', identifier })?.type;
      expect([known('looked'), known('looked_view'), known('absent')]).toEqual(['table', 'view', undefined]);
      expect(adapter.cache.list(credentials.database, 'nowhere', own)).toEqual([]);
      expect(await adapter.existingSchemas(own, ['behaviour', 'nowhere'])).toEqual(new Set(['behaviour']));
      await own.release();
    });

    test('loads the rows of a table unchanged', async () => {
      await change(table('loaded', `id ${dialect.bigint}, name ${dialect.text}, at ${dialect.timestamp}`));
      const rows = inferTable(
        ['id', 'name', 'at'],
        [
          ['1', 'tab\there "x" \\ and\nline', '2026-01-02 03:04:05'],
          ['2', null, '2026-01-03 00:00:00'],
        ],
      );
      const own = session();
      expect(await adapter.loadTable(own, relation('loaded'), rows)).toBe(2);
      if (own.inTransaction) await own.commit();
      await own.release();
      expect(await values('select id, name from behaviour.loaded order by id')).toEqual([
        ['1', toRepr('tab\there "x" \\ and\nline')],
        ['2', 'None'],
      ]);
    });

    test('describes the columns of a query', async () => {
      const described = await withSession((own) => own.describe(`select cast(1 as ${dialect.bigint}) as a, 'x' as b`));
      expect(described.map((column) => column.name)).toEqual(['a', 'b']);
    });

    test('returns a change mark that changes with the rows of a table, and none for a view', async () => {
      await change(
        table('marked', `id ${dialect.bigint}`),
        'create view behaviour.marked_view as select id from behaviour.marked',
      );
      const marks = (): Promise<readonly (string | null)[]> =>
        withSession((own) =>
          adapter.fetchChangeMarks(own, [relation('marked'), relation('marked_view', 'view'), relation('absent')]),
        );
      const first = await marks();
      expect([typeof first[0], first[1], first[2]]).toEqual(['string', null, null]);
      expect(await marks()).toEqual(first);
      await change('insert into behaviour.marked values (1)');
      await expect.poll(async () => (await marks())[0] === first[0], FOR_EVENTS).toBe(false);
    });

    test('lets one session at a time build a relation', async () => {
      const [first, second] = [session(), session()];
      const order: string[] = [];
      await adapter.lockRelation(first, relation('locked'));
      const waiting = adapter.lockRelation(second, relation('locked')).then(() => {
        order.push('second');
      });
      order.push('first done');
      if (first.inTransaction) await first.commit();
      await first.release();
      await waiting;
      expect(order).toEqual(['first done', 'second']);
      await second.release();
    });

    test('gives a claimed name to one session, and tells others which one', async () => {
      const [first, second] = [session(), session()];
      expect(await adapter.claim(first, 'the run', 'host one')).toBeNull();
      expect(await adapter.claim(second, 'the run', 'host two')).toMatch(/\d/);
      if (first.inTransaction) await first.rollback();
      await first.release();
      expect(await adapter.claim(second, 'the run', 'host two')).toBeNull();
      await second.release();
    });

    test('can cancel a running statement', async () => {
      const own = session();
      await own.execute('select 1');
      const running = failure(own.execute(dialect.slow));
      await expect.poll(() => values(dialect.running), FOR_EVENTS).toEqual([['1']]);
      await own.cancel();
      expect((await running).kind).toBe('database');
      await own.release();
    });

    test('shows no password, and names the host and port of an unreachable server', async () => {
      const lost = await make({
        password: 'secret word',
        host: '127.0.0.1',
        port: 1,
        retries: 0,
        path: null,
        embedded: null,
      });
      try {
        expect(
          lost
            .connectionInfo()
            .map(([, value]) => toText(value))
            .join(),
        ).not.toContain('secret');
        const error = await failure(lost.check());
        expect([error.kind, error.message.includes('"127.0.0.1", port 1'), error.message.includes('secret')]).toEqual([
          'connection',
          true,
          false,
        ]);
      } finally {
        await lost.close();
      }
    });

    const atomic =
      dialect === CLICKHOUSE
        ? ' (skipped: ClickHouse has no transactions; see docs/architecture/publishing-clickhouse.md)'
        : '';
    test.skipIf(atomic !== '')(`undoes the work of a session with a rollback${atomic}`, async () => {
      await change(table('undone', `id ${dialect.bigint}`));
      const own = session();
      await own.begin();
      await own.execute('insert into behaviour.undone values (1)');
      await own.rollback();
      await own.release();
      expect(await values('select * from behaviour.undone')).toEqual([]);
    });

    const readers =
      dialect === CLICKHOUSE
        ? ' (skipped: a view of ClickHouse is text that is read anew each time, nothing stands on a table)'
        : '';
    test.skipIf(readers !== '')(`knows the dependants of a relation${readers}`, async () => {
      await change(
        table('below', `id ${dialect.bigint}`),
        'create view behaviour.above as select id from behaviour.below',
      );
      expect(
        (await withSession((own) => adapter.fetchDependants(own, relation('below')))).map(
          (dependant) => dependant.name,
        ),
      ).toEqual(['above']);
    });
  });
}
