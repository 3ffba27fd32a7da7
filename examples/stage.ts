// What every example plays on: a project's folder, commands of tsdbt in it with their output shown, and servers that
// are ended in turn, by their own handles.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../src/cli/pause.ts';

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

/** A server of a play. */
interface Part {
  close(): Promise<unknown>;
  /** Whether its process has ended by itself. */
  readonly ended?: boolean;
}

const LOOK_MS = 500;
/** Below the project. */
const ENV_FILE = '.tsdbt/play.env';

export class Stage {
  /** Of every command, beside this process's own environment. */
  readonly env: Record<string, string> = {};
  readonly #play: Play;
  readonly #running = new Set<ChildProcess>();
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #parts: { readonly name: string; readonly part: Part }[] = [];
  /** A command that should run until the end of the play has ended. */
  #left: string | null = null;
  #closing = false;

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

  /**
   * From now on `close` ends this, too; what was started last ends first.
   * @param name of a server without which the play cannot go on
   */
  ends<T extends Part>(part: T, name: string | null = null): T {
    this.#ends.push(() => part.close());
    if (name !== null) this.#parts.push({ name, part });
    return part;
  }

  /**
   * Writes the addresses and passwords of the servers into a file that only the user can read, and says where. The
   * variables of every command are in it, too: they let the user type commands in the project.
   * @param more variables for other programs
   */
  publish(more: Readonly<Record<string, string>> = {}): void {
    const { dir } = this.#play;
    const values = { DBT_PROFILES_DIR: dir, ...this.env, ...more };
    const lines = Object.entries(values).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
    mkdirSync(join(dir, '.tsdbt'), { recursive: true });
    writeFileSync(join(dir, ENV_FILE), lines.join(''), { mode: 0o600 });
    this.say(`Addresses and passwords are in ${join(dir, ENV_FILE)}. In that folder: . ${ENV_FILE}`);
    for (const name of Object.keys(more)) this.say(`  $${name}`);
  }

  /** Waits until the time is over or the play is stopped. @throws when something that the play needs has ended */
  async pause(ms: number): Promise<void> {
    const { signal } = this.#play;
    for (const end = Date.now() + ms; Date.now() < end && !signal.aborted; ) {
      this.#needAll();
      await pause(Math.min(LOOK_MS, end - Date.now()), signal);
    }
    if (!signal.aborted) this.#needAll();
  }

  #needAll(): void {
    const missing = this.#missing();
    if (missing !== null) throw new Error(`${missing}. The play ends; the project keeps what was loaded.`);
  }

  #missing(): string | null {
    const gone = this.#parts.find(({ part }) => part.ended === true);
    return gone === undefined ? this.#left : `${gone.name} has ended by itself`;
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
    // A command may wait long for a server that is gone.
    const looking = setInterval(() => {
      if (this.#missing() !== null) child.kill('SIGTERM');
    }, LOOK_MS);
    const code = await ended(child);
    clearInterval(looking);
    this.#play.signal.throwIfAborted();
    this.#needAll();
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
    child.once('close', (code, signal) => {
      if (this.#closing || this.#play.signal.aborted) return;
      this.#left ??= `tsdbt ${args.join(' ')} has ended by itself (${signal ?? `exit code ${code}`})`;
    });
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
    this.#closing = true;
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
