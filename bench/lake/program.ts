// A project in a folder of its own, its commands run as processes, and what each of them took.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SECRET_KEY } from '../../tests/engine/support/s3-server.ts';
import { familySeconds } from '../load/processor-time.ts';

/** From one look at a process to the next. */
const LOOK_MS = 10;

export interface Taken {
  readonly out: string;
  readonly seconds: number;
  /** Of the process itself. */
  readonly cpu: number;
  /** The greatest resident memory. */
  readonly megabytes: number;
}

export class BenchProject {
  readonly dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-lake-'));

  constructor(files: Readonly<Record<string, string>>) {
    this.write({
      'dbt_project.yml': 'name: shop\nversion: "1.0"\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n',
      ...files,
    });
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.dir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  /** @throws with what was said, when the command fails */
  run(...args: string[]): Promise<Taken> {
    const began = performance.now();
    const env = { ...process.env, DBT_PROFILES_DIR: this.dir, S3_SECRET: SECRET_KEY };
    const child = spawn(process.execPath, [join(process.cwd(), 'bin/tsdbt.js'), ...args, '--no-use-colors'], {
      cwd: this.dir,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, peak, cpu] = ['', 0, 0];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (out += text.toString()));
    const look = setInterval(() => {
      try {
        const kb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
        peak = Math.max(peak, Number(kb ?? 0) / 1024);
        cpu = Math.max(cpu, familySeconds(child.pid ?? 0));
      } catch {
        // It has ended.
      }
    }, LOOK_MS);
    return new Promise((resolve, reject) => {
      child.on('close', (code) => {
        clearInterval(look);
        const seconds = (performance.now() - began) / 1000;
        if (code === 0) resolve({ out, seconds, cpu, megabytes: peak });
        else reject(new Error(`${args.join(' ')}\n${out}`));
      });
    });
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The least of the times and the greatest memory, as cells of a table. */
export function cells(all: readonly Taken[]): string {
  const least = (of: (taken: Taken) => number): string => Math.min(...all.map(of)).toFixed(2);
  const most = Math.max(...all.map(({ megabytes }) => megabytes)).toFixed(0);
  return `${least(({ seconds }) => seconds)} | ${least(({ cpu }) => cpu)} | ${most}`;
}
