// Tests publications with concurrent readers, killed at any moment, including their receiver: readers see one complete
// version, and nothing is left over. The long form is `npm run faults -- publish`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWN_SERVER } from '../adapters/servers.ts';
import { openLab, type PublishLab } from './lab.ts';

const ROUNDS = Number(process.env['TSDBT_PUBLISH_ROUNDS'] ?? 6);
const ROWS = Number(process.env['TSDBT_PUBLISH_ROWS'] ?? 20_000);
const READERS = 2;
/** In each so many rounds the receiver crashes, and not the publisher. */
const CRASHES = 4;

const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

describe('readers during publications whose publishers are killed', () => {
  let lab: PublishLab;
  beforeAll(async () => {
    lab = await openLab(OWN_SERVER);
  });
  afterAll(() => lab.close());

  /** A client of the server as soon as it takes one. */
  async function reconnected() {
    for (;;) {
      const client = await lab.client().catch(() => null);
      if (client !== null) return client;
      await pause(50);
    }
  }

  /** Holds a table so that readers read, and nobody writes or replaces it. */
  async function held(table: string) {
    const client = await lab.client();
    await client.query(`begin; lock table serving.${table} in share row exclusive mode`);
    let free = false;
    return {
      async waitedFor(): Promise<void> {
        const waiting = `select count(*) from pg_locks where relation = 'serving.${table}'::regclass and not granted`;
        while (!free && (await lab.there(waiting))[0]?.[0] === '0') await pause(5);
      },
      release(): Promise<void> {
        free = true;
        return client.end();
      },
    };
  }

  for (const mode of ['replace', 'upsert', 'partitions'] as const)
    it(`see complete versions in mode ${mode}, and nothing is left over`, { timeout: 3_600_000 }, async () => {
      const table = `m_${mode}`;
      lab.model(
        "{{ config(materialized='table') }}\n" +
          `select g as id, g % 4 as part, {{ var('version') }} as version from generate_series(1, ${ROWS}) g`,
        { to: 'lookup', table: `serving.${table}`, mode, key: 'id', partition_by: 'part', indexes: ['part'] },
      );
      const version = (n: number) => ['--vars', `{version: ${n}}`];
      expect((await lab.project.run(['build', ...version(0)])).code).toBe(0);
      let over = false;
      const wrong: string[][] = [];
      let looks = 0;
      const readers = Array.from({ length: READERS }, async () => {
        let client = await lab.client();
        while (!over) {
          const found = await client
            .query<{ n: string; low: number; high: number }>(
              `select count(*) as n, min(version) as low, max(version) as high from serving.${table}`,
            )
            .catch((error: { code?: string }) => {
              // A crash cuts the connection; a missing table is no whole version.
              if (error.code !== undefined && !/^(57|08|ECONN)/.test(error.code)) throw error;
              return null;
            });
          if (found === null) {
            await client.end().catch(() => undefined);
            client = await reconnected();
            continue;
          }
          const [{ n, low, high } = { n: '', low: -1, high: -2 }] = found.rows;
          looks++;
          if (Number(n) !== ROWS || low !== high) wrong.push([n, String(low), String(high)]);
          await pause(5);
        }
        await client.end();
      });
      let [killed, crashed] = [0, 0];
      for (let round = 1; round <= ROUNDS; round++) {
        await lab.project.run(['run', ...version(round)]);
        const holder = round % 3 === 1 ? await held(table) : null;
        const started = lab.project.start(['publish', ...version(round)]);
        // When it waits for the table; or from its start to beyond its end, a little later each time.
        const alive = await Promise.race([
          started.ended.then(() => false),
          (holder?.waitedFor() ?? pause(400 + (round * 1700) / ROUNDS)).then(() => true),
        ]);
        if (alive && round % CRASHES === 0) {
          crashed++;
          await lab.crash();
        } else {
          if (alive) killed++;
          started.child.kill('SIGKILL');
        }
        await started.ended;
        await holder?.release();
      }
      expect((await lab.project.run(['publish', ...version(ROUNDS)])).code).toBe(0);
      over = true;
      await Promise.all(readers);
      expect(wrong).toEqual([]);
      expect(looks).toBeGreaterThan(ROUNDS);
      if (ROUNDS > 6) process.stdout.write(`${looks} looks\n`);
      expect([killed > 0, crashed > 0]).toEqual([true, true]);
      expect(await lab.there(`select count(*), min(version), max(version) from serving.${table}`)).toEqual([
        [String(ROWS), String(ROUNDS), String(ROUNDS)],
      ]);
      expect(await lab.there(`select relname from pg_class where relname like '${table}%' and relkind = 'r'`)).toEqual([
        [table],
      ]);
    });
});
