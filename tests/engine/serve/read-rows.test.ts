// Tests the rows and bytes that nodes have read on ClickHouse, in the history of serve: counted by the engine, and sent
// in response headers as by a server. The embedded engine counts all statements together, so they run one after the
// other here.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pause } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseProxy } from '../support/clickhouse-proxy.ts';
import { type Ended, run, type Running, start } from '../support/program.ts';

type Counted = readonly [rows: number, bytes: number, written: number];

class CountingProxy extends ClickhouseProxy {
  #last: Promise<void> = Promise.resolve();

  static async open(): Promise<CountingProxy> {
    const proxy = new CountingProxy('tsdbt-counting-');
    await proxy.start();
    return proxy;
  }

  protected override forward(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void> {
    const answered = this.#last.then(() => this.#counted(req, body, res));
    this.#last = answered.catch(() => undefined);
    return answered;
  }

  async #counted(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void> {
    // The cost of reading the counters.
    const [first, before] = [await this.#look(), await this.#look()];
    await this.pass(req, body, res, {
      heads: async () => {
        const after = await this.#look();
        const [rows, bytes, written] = after.map((value, i) =>
          String(Math.max(0, value - 2 * (before[i] ?? 0) + (first[i] ?? 0))),
        );
        return {
          'x-clickhouse-summary': JSON.stringify({ read_rows: rows, read_bytes: bytes, written_rows: written }),
        };
      },
    });
  }

  async #look(): Promise<Counted> {
    const of = (event: string): string => `sumIf(value, event = '${event}')`;
    const [counted = []] = await this.rows(
      `select ${['SelectedRows', 'SelectedBytes', 'InsertedRows'].map(of).join(', ')} from system.events`,
    );
    const [rows, bytes, written] = counted.map(Number);
    return [rows ?? 0, bytes ?? 0, written ?? 0];
  }
}

let proxy: CountingProxy;
let serve: Running;
const place = () => ({ cwd: proxy.dir, env: { ...process.env, DBT_PROFILES_DIR: proxy.dir } });
const tsdbt = (...args: string[]): Promise<Ended> => run(['--no-use-colors', '-q', ...args], place());

interface Node {
  readonly unique_id: string;
  readonly rows: number;
  readonly read_rows: number;
  readonly read_bytes: number;
}

beforeAll(async () => {
  if (clickhouseMissing !== null) return;
  proxy = await CountingProxy.open();
  await proxy.rows('create database raw');
  for (const [name, rows] of [
    ['small', 1000],
    ['big', 101_000],
  ] as const) {
    await proxy.rows(`create table raw.${name} (id UInt32) engine = MergeTree order by id`);
    await proxy.rows(`insert into raw.${name} select number from numbers(${rows})`);
  }
  const model = (name: string): string =>
    `{{ config(materialized='table') }} select id from {{ source('raw', '${name}') }}`;
  const { host, port, user, password } = proxy.credentials as unknown as Record<string, string>;
  mkdirSync(join(proxy.dir, 'models'));
  for (const [path, text] of Object.entries({
    'dbt_project.yml': 'name: p\nprofile: p\nflags: {send_anonymous_usage_stats: false}\n',
    'profiles.yml':
      `p: {target: dev, outputs: {dev: {type: clickhouse, host: ${host}, port: ${port}, user: ${user}, ` +
      `password: "${password}", schema: s, threads: 1}}}\n`,
    'models/sources.yml': 'sources: [{name: raw, tables: [{name: small}, {name: big}]}]\n',
    'models/of_small.sql': model('small'),
    'models/of_big.sql': model('big'),
    'jobs.yml': 'jobs:\n  measured: { run: }\n',
  }))
    writeFileSync(join(proxy.dir, path), text);
  serve = start(['serve', '--port', '0', '--no-use-colors'], place());
});
afterAll(async () => {
  if (clickhouseMissing !== null) return;
  if (serve.child.exitCode === null) serve.child.kill('SIGKILL');
  await serve.ended;
  await proxy.close();
});

it.skipIf(clickhouseMissing !== null)('the rows that a node read are in runs show and on the page', async () => {
  const url = async (): Promise<string> => {
    for (;;) {
      const [, found] = /jobs of \S+ at (http:\S+)/.exec(serve.out()) ?? [];
      if (found !== undefined) return found;
      if (serve.child.exitCode !== null) throw new Error(serve.out());
      await pause(50);
    }
  };
  const page = await url();
  expect((await tsdbt('jobs', 'run', 'measured')).code).toBe(0);
  let runId: string | undefined;
  while (runId === undefined) {
    await pause(200);
    const { runs } = JSON.parse((await tsdbt('runs', '--status', 'success', '--output', 'json')).stdout) as {
      runs: { run_id: string }[];
    };
    runId = runs[0]?.run_id;
  }
  const [, token] = /\?token=(\S+)/.exec(serve.out()) ?? [];
  const answer = await fetch(`${page}/api/runs/${runId}/nodes/model.p.of_big`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const shown = (await answer.json()) as {
    node: { readRows: number; readBytes: number };
  };
  serve.child.kill('SIGTERM');
  expect((await serve.ended).code, serve.out()).toBe(0);
  const { nodes } = JSON.parse((await tsdbt('runs', 'show', runId, '--output', 'json')).stdout) as { nodes: Node[] };
  const of = (name: string): Node => nodes.find(({ unique_id: id }) => id === `model.p.${name}`)!;
  const [small, big] = [of('of_small'), of('of_big')];
  expect([small.rows, big.rows]).toEqual([1000, 101_000]);
  expect(small.read_rows).toBeGreaterThanOrEqual(1000);
  expect(small.read_bytes).toBeGreaterThanOrEqual(4000);
  // Both read the catalogue, too.
  expect(Math.round((big.read_rows - small.read_rows) / 10_000)).toBe(10);
  expect(Math.round((big.read_bytes - small.read_bytes) / 100_000)).toBe(4);
  expect([shown.node.readRows, shown.node.readBytes]).toEqual([big.read_rows, big.read_bytes]);
});
