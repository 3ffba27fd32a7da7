// Common setup of the measurements of serve: an embedded server, a generated project of 1,000 models, the program as a
// process, what it costs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { embeddedClickhouse } from '../../src/adapters/clickhouse/embedded.ts';
import { embeddedPostgres } from '../../src/adapters/postgres/embedded.ts';

export type Kind = 'postgres' | 'clickhouse';

export interface Bench {
  readonly kind: Kind;
  /** Of the project. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** The first column of the first row. */
  ask(sql: string): Promise<string>;
  close(): Promise<void>;
}

/** A server and the project of bench/generate.mjs. */
export async function openBench(kind: Kind, models: number): Promise<Bench> {
  const root = mkdtempSync(join(tmpdir(), 'tsdbt-serve-'));
  const dir = join(root, 'project');
  execFileSync(process.execPath, ['bench/generate.mjs', '--models', String(models), '--out', dir, '--database', kind]);
  const options = { dir: join(root, 'server/.tsdbt', kind === 'postgres' ? 'pg' : 'ch') };
  const { server, ask, env } = kind === 'postgres' ? await postgres(options) : await clickhouse(options);
  return {
    kind,
    dir,
    env,
    ask,
    async close() {
      await server.release();
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface Opened extends Pick<Bench, 'ask' | 'env'> {
  readonly server: { release(): Promise<unknown> };
}

async function postgres(options: { dir: string }): Promise<Opened> {
  const server = await embeddedPostgres(options);
  const { host, port, user, password } = server;
  const address = { host, port, user, password };
  const admin = new pg.Client({ ...address, database: 'postgres' });
  await admin.connect();
  await admin.query('create database bench');
  await admin.end();
  const client = new pg.Client({ ...address, database: 'bench' });
  await client.connect();
  return {
    server: {
      async release() {
        await client.end();
        await server.release();
      },
    },
    env: { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: 'bench' },
    ask: async (sql) =>
      String(Object.values((await client.query<Record<string, unknown>>(sql)).rows?.[0] ?? {})[0] ?? ''),
  };
}

async function clickhouse(options: { dir: string }): Promise<Opened> {
  const server = await embeddedClickhouse({ ...options, projectDir: process.cwd() });
  const { host, port, user, password } = server;
  return {
    server,
    env: { CLICKHOUSE_HOST: host, CLICKHOUSE_PORT: String(port), CLICKHOUSE_USER: user, CLICKHOUSE_PASSWORD: password },
    async ask(sql) {
      const answer = await fetch(`http://${host}:${port}/`, {
        method: 'POST',
        headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
        body: sql,
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      return text.trim();
    },
  };
}

export function writeJobs({ dir }: Bench, jobs: string): void {
  writeFileSync(join(dir, 'jobs.yml'), jobs);
}

export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Milliseconds since 1970 when it was started. */
  readonly startedAt: number;
  readonly ended: Promise<number | null>;
  out(): string;
}

/** Starts the built program in the project. */
export function start({ dir, env }: Bench, args: readonly string[]): Program {
  const startedAt = Date.now();
  const child = spawn(process.execPath, [resolve('bin/tsdbt.js'), ...args, '--no-use-colors'], {
    cwd: dir,
    env: { ...process.env, ...env, DBT_PROFILES_DIR: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out = (out + text).slice(-100_000);
    });
  return {
    child,
    pid: child.pid ?? 0,
    startedAt,
    ended: once(child, 'close').then(() => child.exitCode),
    out: () => out,
  };
}

/** Runs a command to its end. @returns its output, wall and CPU seconds */
export async function run(bench: Bench, args: readonly string[]): Promise<{ out: string; wall: number; cpu: number }> {
  const before = childSeconds();
  const program = start(bench, args);
  const code = await program.ended;
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${program.out().slice(-3000)}`);
  return { out: program.out(), wall: (Date.now() - program.startedAt) / 1000, cpu: childSeconds() - before };
}

/** Waits until something is so. @throws when the program ends before */
export async function until(program: Program, what: string, asked: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (program.child.exitCode !== null) break;
    if (await asked()) return;
    await pause(20);
  }
  throw new Error(`never: ${what}\n${program.out().slice(-3000)}`);
}

/** Address of the page of a serve. */
export async function addressOf(program: Program): Promise<string> {
  const found = (): string | undefined => /jobs of \S+ at (http:\S+)/.exec(program.out())?.[1];
  await until(program, 'it serves', () => found() !== undefined);
  return found() ?? '';
}

const TICKS = 100;

/** CPU seconds of a process so far. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** CPU seconds of children that have ended. */
function childSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

export function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}
