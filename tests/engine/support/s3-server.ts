// Starts versitygw, an S3 server that checks signatures and honours conditional writes, on a folder of its own.
// scripts/versitygw.mjs builds it; a test without it skips with a reason.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findVersitygw } from '../../../scripts/versitygw.mjs';
import { s3Store } from '../../../src/object-store/s3-store.ts';
import type { ObjectStore, StoreSettings } from '../../../src/object-store/store.ts';
import { endChild, hasEnded } from './end-child.ts';
import { quietPort } from './quiet-port.ts';

export const ACCESS_KEY = 'tsdbt-test';
export const SECRET_KEY = 'canary-of-the-store';

/** Why tests of a store are skipped; null: they run. */
export const NO_STORE = findVersitygw() === null ? 'versitygw is missing: node scripts/versitygw.mjs' : null;

export class S3Server {
  readonly #dir: string;
  readonly #kept: boolean;
  #port = 0;
  #process: ChildProcess | null = null;

  /** @param dir keeps the objects when the server stops; without it they are deleted */
  constructor(dir: string | null = null) {
    this.#dir = dir ?? mkdtempSync(join(tmpdir(), 'tsdbt-s3-'));
    this.#kept = dir !== null;
  }

  /** Has its process ended by itself? */
  get ended(): boolean {
    return hasEnded(this.#process);
  }

  /** The program and its arguments. */
  get command(): readonly string[] {
    const program = findVersitygw();
    if (program === null) throw new Error(NO_STORE ?? '');
    return [
      ...[program, '--port', `127.0.0.1:${this.#port}`, '--access', ACCESS_KEY, '--secret', SECRET_KEY, '--quiet'],
      ...['posix', '--sidecar', join(this.#dir, 'meta'), join(this.#dir, 'data')],
    ];
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    // Nobody takes it while the store is away.
    if (this.#port === 0) this.#port = await quietPort();
    mkdirSync(join(this.#dir, 'data', 'lake'), { recursive: true });
    mkdirSync(join(this.#dir, 'meta'), { recursive: true });
    const [program = '', ...args] = this.command;
    this.#process = spawn(program, args, { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      try {
        await fetch(this.endpoint);
        return this;
      } catch (error) {
        if (tries > 2000) throw error;
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      }
    }
  }

  /** The store goes away; `start` brings it back with what it holds. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    await endChild(running);
  }

  /** All objects become so much older. */
  age(ms: number): void {
    for (const file of readdirSync(join(this.#dir, 'data'), { recursive: true, withFileTypes: true })) {
      const path = join(file.parentPath, file.name);
      const written = new Date(statSync(path).mtimeMs - ms);
      if (file.isFile()) utimesSync(path, written, written);
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    if (!this.#kept) rmSync(this.#dir, { recursive: true, force: true });
  }

  settings(own: Partial<StoreSettings> = {}): StoreSettings {
    return {
      name: 'lake',
      path: 'connections.yml',
      endpoint: this.endpoint,
      region: 'us-east-1',
      bucket: 'lake',
      accessKeyId: ACCESS_KEY,
      secretAccessKey: () => SECRET_KEY,
      sessionToken: null,
      pathStyle: true,
      ca: null,
      ...own,
    };
  }

  store(own: Partial<StoreSettings> = {}): ObjectStore {
    return s3Store(this.settings(own));
  }
}
