// Copies in ClickHouse while readers look: publishers are killed at one statement after the other, and in each fourth
// round the server crashes there and comes back. Readers see one whole version, and nothing is left behind.
// TSDBT_PUBLISH_ROUNDS rounds of each kind; the long form is `npm run faults -- publish`.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseProxy } from '../support/clickhouse-proxy.ts';

const LONG = process.env['TSDBT_PUBLISH_ROUNDS'];
const ROUNDS = Number(LONG ?? 4);
const ROWS = Number(process.env['TSDBT_PUBLISH_ROWS'] ?? 20_000);
/** In each so many rounds the server crashes, and not the publisher. */
const CRASHES = 4;
const PARTS = 5;
/** The short form leaves out those whose receiver does the same. */
const KINDS = [
  { from: 'postgres', mode: 'replace', short: true },
  { from: 'clickhouse', mode: 'replace', short: false },
  { from: 'postgres', mode: 'upsert', short: false },
  { from: 'clickhouse', mode: 'upsert', short: true },
  { from: 'postgres', mode: 'partitions', short: false },
  { from: 'clickhouse', mode: 'partitions', short: false },
] as const;

type Act = (send: () => Promise<void>, answered: () => Promise<void>) => Promise<unknown>;

/** A server that does something else at one of the statements that reach it. */
class CrashingServer extends ClickhouseProxy {
  statements = 0;
  #at: { readonly statement: number; readonly act: Act } | null = null;

  static async open(): Promise<CrashingServer> {
    const server = new CrashingServer('tsdbt-publish-ch-');
    await server.start();
    return server;
  }

  /** @param statement its number, from 1 on @param act in its place; it may send the statement itself */
  next(statement: number, act: Act): void {
    this.statements = 0;
    this.#at = { statement, act };
  }

  count(): void {
    this.statements = 0;
    this.#at = null;
  }

  protected override async forward(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void> {
    if (req.method !== 'POST' || ++this.statements !== this.#at?.statement) return this.pass(req, body, res);
    const { act } = this.#at;
    this.#at = null;
    await act(
      () => this.pass(req, body, null),
      () => this.pass(req, body, res),
    );
    res.destroy();
  }
}

describe.skipIf(clickhouseMissing !== null)('readers of ClickHouse during publications', () => {
  let server: CrashingServer;
  let project: FaultProject;
  let ofSource: Readonly<Record<'postgres' | 'clickhouse', string>>;
  beforeAll(async () => {
    server = await CrashingServer.open();
    const { user, password, host, port } = server.credentials as Readonly<Record<string, unknown>>;
    project = await FaultProject.open({
      'connections.yml':
        `analytics: {type: clickhouse, host: ${host}, port: ${port}, user: ${user}, password: ` +
        `"{{ env_var('ANALYTICS_PASSWORD') }}", schema: serving}\n`,
    });
    project.env = { ANALYTICS_PASSWORD: String(password) };
    ofSource = {
      postgres: project.read('profiles.yml'),
      clickhouse:
        `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
        'schema: publish_readers, threads: 2}}}\n',
    };
  });
  afterAll(async () => {
    await project?.close();
    await server?.close();
  });

  /** Looks again and again; while the server is down there is no look. */
  function readers(table: string) {
    const wrong: unknown[] = [];
    let [over, looks] = [false, 0];
    const sql =
      `select toString(count()), toString(minIf(version, part > 0)), toString(maxIf(version, part > 0)), ` +
      `toString(countIf(part = 0 and version = 0)) from serving.${table}`;
    const reading = (async () => {
      while (!over) {
        const found = await server.rows(sql).catch((error: unknown) => {
          // A server that is down is no answer; any error that it answers is one.
          if (error instanceof TypeError) return null;
          return [[String(error)]];
        });
        if (found !== null) {
          looks++;
          const [count, low, high, kept] = found[0] ?? [];
          if (count !== String(ROWS) || low !== high || kept !== String(ROWS / PARTS)) wrong.push(found[0]);
        }
        await pause(5);
      }
    })();
    return {
      async stop(): Promise<{ readonly looks: number; readonly wrong: readonly unknown[] }> {
        over = true;
        await reading;
        return { looks, wrong };
      },
    };
  }

  for (const { from, mode, short } of KINDS)
    it.runIf(short || LONG !== undefined)(
      `see complete versions of a copy from ${from} in mode ${mode}, over kills and crashes`,
      { timeout: 3_600_000 },
      async () => {
        const table = `m_${from}_${mode}`;
        const numbers = from === 'postgres' ? `generate_series(1, ${ROWS}) g (number)` : `numbers(1, ${ROWS})`;
        const config = { meta: { tsdbt: { publish: publication(table, mode) } } };
        project.write({
          'profiles.yml': ofSource[from],
          'models/m.sql':
            `{{ config(materialized='table') }}\nselect number as id, number % ${PARTS} as part, case when number % ` +
            `${PARTS} = 0 then 0 else {{ var('version') }} end as version from ${numbers}`,
          'models/m.yml': JSON.stringify({ models: [{ name: 'm', config }] }),
        });
        const version = (n: number) => ['--vars', `{version: ${n}}`];
        const done = async (...args: string[]): Promise<void> => {
          const { code, out } = await project.run(args);
          expect(code, out).toBe(0);
        };
        await done('build', ...version(0));
        await done('run', ...version(1));
        server.count();
        await done('publish', ...version(1));
        const statements = server.statements;
        const watched = readers(table);
        let [killed, crashed] = [0, 0];
        for (let round = 1; round <= ROUNDS; round++) {
          await done('run', ...version(round + 1));
          let publisher: ReturnType<FaultProject['start']> | undefined;
          // Statements of its end more often: there the copy changes.
          const statement = 1 + Math.floor(statements * Math.sqrt(((round * 29) % 67) / 67));
          server.next(statement, async (send, answered) => {
            if (round % CRASHES === 0) {
              crashed++;
              const asked = answered().catch(() => undefined);
              await pause(round % 3 === 0 ? 0 : 20);
              await server.crash();
              return asked;
            }
            killed++;
            // Before the server has it, when it has done it, or while it does it.
            const sent = round % 3 === 0 ? undefined : send();
            if (round % 3 === 1) await sent;
            publisher?.child.kill('SIGKILL');
            await sent?.catch(() => undefined);
          });
          publisher = project.start(['publish', ...version(round + 1)]);
          await publisher.ended;
        }
        await done('publish', ...version(ROUNDS + 1));
        const { looks, wrong } = await watched.stop();
        expect(wrong).toEqual([]);
        expect(looks).toBeGreaterThan(ROUNDS);
        expect([killed > 0, crashed > 0]).toEqual([true, true]);
        if (LONG !== undefined) process.stdout.write(`${looks} looks, ${killed} kills, ${crashed} crashes\n`);
        expect(await server.rows(`select toString(max(version)), toString(count()) from serving.${table}`)).toEqual([
          [String(ROUNDS + 1), String(ROWS)],
        ]);
        expect(
          await server.rows(
            `select name from system.tables where database = 'serving' and startsWith(name, '${table}')`,
          ),
        ).toEqual([[table]]);
        await done('publish', ...version(ROUNDS + 1));
      },
    );

  function publication(table: string, mode: string): object {
    const place = { to: 'analytics', table: `serving.${table}`, mode };
    if (mode === 'partitions') return { ...place, partition_by: 'part', key: 'id' };
    return mode === 'upsert' ? { ...place, key: 'id' } : { ...place, order_by: 'id' };
  }
});
