// A table of a Postgres that several writers change while it is synced, for tests of syncs that are killed.
import type pg from 'pg';

/**
 * Changes rows of a table with `id`, a text, `updated_at` and `v` while the work is done. Each writer keeps its
 * transactions open for a while; together they touch the same rows.
 */
export async function whileChanging(
  writers: readonly pg.Client[],
  table: string,
  work: () => Promise<void>,
): Promise<void> {
  let stop = false;
  const writing = writers.map(async (client, w) => {
    for (let i = 0; !stop; i++) {
      const id = `(random() * 300)::bigint * 3 + ${w}`;
      await client.query(
        `begin; insert into ${table} values (${id}, 'w${w}', now(), ${i}) on conflict (id) do update ` +
          'set v = excluded.v, updated_at = now()',
      );
      await client.query(`select pg_sleep(${(Math.random() * 0.03).toFixed(3)})`);
      await client.query(i % 7 === 0 ? 'rollback' : 'commit');
    }
  });
  try {
    await work();
  } finally {
    stop = true;
    await Promise.all(writing);
    await Promise.all(writers.map((client) => client.end()));
  }
}
