// A project on an embedded ClickHouse, and between the two a proxy that sees every statement: it can kill the command,
// or the server, before a statement is sent on, after it was answered, or send it on when the command is long dead. A
// reader looks at a table all the while.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { ClickhouseProxy } from '../support/clickhouse-proxy.ts';
import { BIN, run } from '../support/program.ts';
import { pause } from './project.ts';

/** Who builds: this program or real dbt. */
export type Program = { readonly command: string; readonly args: readonly string[] };
export const TSDBT: Program = { command: process.execPath, args: [BIN] };

/** What to do at a statement: the first that matches, or by number from 0. */
export interface Fault {
  readonly at: number | RegExp;
  /** late: the command is dead when the statement reaches the server, perhaps in the midst of the next run. */
  readonly how: 'before' | 'after' | 'late' | 'server';
  readonly delay?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly killed: boolean;
  readonly statements: readonly string[];
}

/** What a reader has seen while something ran. */
export interface Reading {
  readonly looks: number;
  readonly states: ReadonlySet<string>;
}

export class ClickhouseLab extends ClickhouseProxy {
  private fault: Fault | null = null;
  private statements: string[] = [];
  private child: ChildProcess | null = null;
  /** Of every command, beside this process's own environment. */
  env: Readonly<Record<string, string>> = {};
  /** Statements that reach the server twice, as by a proxy that repeats a POST. */
  repeats: RegExp | null = null;
  /** Milliseconds that every statement takes longer: as far away as a server in the same region. */
  latency = 0;
  /**
   * Told of each statement; the server is asked at once, and its answer is held back until the promise is fulfilled.
   */
  hold: (sql: string) => Promise<unknown> | undefined = () => undefined;

  /** Rows that a statement has written, where answers are to say so: the embedded server does not. */
  written: ((sql: string) => number) | null = null;

  static async open(files: Readonly<Record<string, string>>): Promise<ClickhouseLab> {
    const lab = new ClickhouseLab('tsdbt-faults-ch-');
    await lab.start();
    lab.write({
      'dbt_project.yml':
        'name: faults\nversion: "1.0.0"\nconfig-version: 2\nprofile: faults\nflags: ' +
        '{send_anonymous_usage_stats: false}\n',
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, host: 127.0.0.1, port: ${lab.port}, user: ` +
        `${lab.server.user}, password: "${lab.server.password}", schema: s, threads: 1, use_lw_deletes: true, ` +
        'retries: 0}}}\n',
      ...files,
    });
    return lab;
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, path)), { recursive: true });
      writeFileSync(join(this.dir, path), text);
    }
  }

  remove(path: string): void {
    rmSync(join(this.dir, path), { force: true });
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), 'utf8');
  }

  /** A statement of the command: text, and what the fault wants done. */
  protected override async forward(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void> {
    const text = `${new URL(req.url ?? '/', 'http://proxy').searchParams.get('query') ?? ''}${body.toString('utf8')}`
      .replace(/\s+/g, ' ')
      .trim();
    if (req.method !== 'POST') return this.pass(req, body, res);
    if (this.written !== null) {
      const summary = `{"read_rows":"1","read_bytes":"8","written_rows":"${this.written(text)}"}`;
      const send = res.writeHead.bind(res) as (status: number, headers: object) => ServerResponse;
      res.writeHead = ((status: number, headers: object) =>
        send(status, { ...headers, 'x-clickhouse-summary': summary })) as typeof res.writeHead;
    }
    const held = this.hold(text);
    const at = this.statements.push(text) - 1;
    const wanted = this.fault?.at;
    const fault = wanted === at || (wanted instanceof RegExp && wanted.test(text)) ? this.fault : null;
    if (this.latency > 0) await pause(this.latency);
    if (this.repeats?.test(text)) await this.pass(req, body, null);
    if (fault === null) return this.pass(req, body, res, { held });
    this.fault = null;
    if (fault.how === 'server') {
      void this.pass(req, body, res).catch(() => res.destroy());
      await this.crash();
      return;
    }
    if (fault.how === 'after') await this.pass(req, body, null);
    this.child?.kill('SIGKILL');
    if (fault.how === 'late') {
      await pause(fault.delay ?? 0);
      await this.pass(req, body, null).catch(() => undefined);
    }
    res.destroy();
  }

  /**
   * Runs a command to its end, or to the fault: as a process where it may be killed, or where something else goes on
   * meanwhile (`beside`).
   */
  async run(
    args: readonly string[],
    options: {
      readonly fault?: Fault;
      readonly killAfter?: number;
      readonly program?: Program;
      readonly target?: string;
      readonly beside?: boolean;
    } = {},
  ): Promise<Ended> {
    const program = options.program ?? TSDBT;
    const { command, args: first } = program;
    this.fault = options.fault ?? null;
    this.statements = [];
    // What dbt 1.11 and 1.12 write of snapshots does not go into one folder.
    const target = options.target ?? (program === TSDBT ? 'target' : 'target-dbt');
    const all = [...args, '--target-path', target, '--log-path', `logs-${target}`, '--no-use-colors'];
    const place = { cwd: this.dir, env: { ...process.env, DBT_PROFILES_DIR: this.dir, ...this.env } };
    if (program === TSDBT && !options.beside && options.fault === undefined && options.killAfter === undefined) {
      const { code, out } = await run(all, place);
      return { code, out, killed: false, statements: this.statements };
    }
    const child = spawn(command, [...first, ...all], { ...place, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      out += String(chunk);
    });
    const timer =
      options.killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.killAfter);
    const code = await new Promise<number | null>((resolve) => {
      child.on('close', resolve);
    });
    clearTimeout(timer);
    this.fault = null;
    return { code, out, killed: child.signalCode === 'SIGKILL', statements: this.statements };
  }

  /** Looks at a table again and again while something runs. @param state a query of one row */
  async watch<T>(state: string, work: () => Promise<T>): Promise<[T, Reading]> {
    let done = false;
    let looks = 0;
    const states = new Set<string>();
    const look = async (): Promise<void> => {
      while (!done) {
        try {
          states.add(JSON.stringify(await this.rows(state)));
          looks++;
        } catch (error) {
          // A server that is away is no answer; a table that is away is one.
          if (error instanceof Error && /UNKNOWN_TABLE/.test(error.message)) states.add('no table');
        }
        await pause(2);
      }
    };
    const reader = look();
    try {
      return [
        await work(),
        {
          get looks() {
            return looks;
          },
          states,
        },
      ];
    } finally {
      done = true;
      await reader;
    }
  }

  /** Working tables that a run has left. */
  async orphans(): Promise<string[]> {
    return (
      await this.rows(
        "select name from system.tables where name like '%\\_\\_tsdbt\\_%' or name like '%_\\_\\_dbt\\_%' order by 1",
      )
    )
      .flat()
      .map(String);
  }
}
