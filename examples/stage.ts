// What every example plays on: a project's folder, commands of tsdbt in it with their output shown, and servers that
// are ended in turn, by their own handles.
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

export { pause } from '../src/cli/pause.ts';

export interface Play {
  /** The checkout, whose program is played. */
  readonly root: string;
  /** The project. */
  readonly dir: string;
  /** Ends by itself, with marts that hold all that was sent. */
  readonly once: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export class Stage {
  /** Of every command, beside this process's own environment. */
  readonly env: Record<string, string> = {};
  readonly #play: Play;
  readonly #running = new Set<ChildProcess>();
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(play: Play) {
    this.#play = play;
    play.signal.addEventListener('abort', () => {
      for (const child of this.#running) child.kill('SIGTERM');
    });
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Removes what an earlier play has left: the broker is a new one, so the positions begin anew, too. */
  async clear(): Promise<void> {
    await ended(this.#spawn(['db', 'stop']));
    for (const name of ['.tsdbt', 'target', 'logs'])
      rmSync(join(this.#play.dir, name), { recursive: true, force: true, maxRetries: 5 });
  }

  /** From now on `close` ends this, too; what was started last ends first. */
  ends<T extends { close(): Promise<unknown> }>(part: T): T {
    this.#ends.push(() => part.close());
    return part;
  }

  /** Runs a command to its end and shows it. @returns its output @throws when it fails */
  async tsdbt(...args: string[]): Promise<string> {
    this.#play.signal.throwIfAborted();
    this.say(`\n\u25b8 tsdbt ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(' ')}`);
    return this.quietly(...args);
  }

  /** The same without its name. */
  async quietly(...args: string[]): Promise<string> {
    const child = this.#spawn(args);
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        if (!this.#play.signal.aborted) process.stdout.write(text);
      });
    const code = await ended(child);
    this.#play.signal.throwIfAborted();
    if (code !== 0) throw new Error(`tsdbt ${args.join(' ')} has ended with exit code ${code}.`);
    return out;
  }

  /** The same without showing it, also once the play is stopped. */
  async ask(...args: string[]): Promise<string> {
    const child = this.#spawn(args);
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const code = await ended(child);
    if (code !== 0) throw new Error(`tsdbt ${args.join(' ')} has ended with exit code ${code}.`);
    return out;
  }

  /** Starts a command that runs until it is stopped. @param name stands before each of its lines */
  start(name: string, ...args: string[]): ChildProcess {
    this.#play.signal.throwIfAborted();
    this.say(`\n\u25b8 tsdbt ${args.join(' ')}`);
    const child = this.#spawn(args);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        if (!this.#play.signal.aborted) for (const line of lines) this.say(`${name} | ${line}`);
      });
    }
    this.#ends.push(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended(child);
    });
    return child;
  }

  #spawn(args: readonly string[]): ChildProcess {
    const { root, dir } = this.#play;
    const child = spawn(process.execPath, [join(root, 'bin', 'tsdbt.js'), ...args, '--no-use-colors'], {
      cwd: dir,
      env: { ...process.env, DBT_PROFILES_DIR: dir, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    return child;
  }

  /** Ends everything, also after one of them cannot be ended. */
  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end().catch((error: unknown) => this.say(String(error)));
  }
}

/** @returns the exit code; null after a signal */
async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code));
  });
}
