// A schema of the shared ClickHouse for tests of publishing: tables by month, their content, and what readers see while
// one is built.
import { afterAll, beforeAll } from 'vitest';
import { type Build, ClickhouseSchema } from '../support/clickhouse-build.ts';

export const UPSERT = { incremental_strategy: 'atomic_upsert', unique_key: 'id' };

/** Opens the schema for the tests around this call, and closes it after them. */
export function publishingBench(schema: string) {
  let db: ClickhouseSchema;
  beforeAll(async () => {
    db = await ClickhouseSchema.open(schema);
  });
  afterAll(async () => {
    await db?.close();
  });

  const content = async (name: string): Promise<string[]> =>
    (await db.rows(`select * from ${schema}.${name} order by all`)).map((row) => row.join(' '));
  const monthly = (name: string, rows: string, more = ''): Promise<unknown> =>
    db.rows(
      `create table ${schema}.${name} (id Nullable(Int64), day Date, v String) engine = MergeTree order by ` +
        `tuple() partition by toYYYYMM(day) ${more} as select * from values('id Nullable(Int64), day Date, v ` +
        `String', ${rows})`,
    );
  const select = (rows: string): string => `select * from values('id Nullable(Int64), day Date, v String', ${rows})`;
  /** A build, and how many rows a reader saw before each of its statements. */
  const watched = async (build: Build, look: string): Promise<Set<string>> => {
    const seen = new Set<string>();
    await db.build({
      ...build,
      before: async () => {
        seen.add((await db.rows(look)).flat().join(' '));
      },
    });
    return seen;
  };
  const publishes = (statements: readonly string[], name: string): string[] =>
    statements.filter(
      (sql) =>
        new RegExp(`(alter table|exchange tables) .*${schema}\`\\.\`${name}\``, 'i').test(sql) &&
        !new RegExp(`^alter table \\S*${name}__`).test(sql),
    );
  return {
    get db() {
      return db;
    },
    content,
    monthly,
    select,
    watched,
    publishes,
  };
}
