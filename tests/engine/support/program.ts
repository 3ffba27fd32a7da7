// Runs commands of the built program, as a process or within this one, which costs a fifth of the CPU. Each run within
// this process evaluates the bundle again, so that commands share no state.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { Script } from 'node:vm';
import { shiftedTime } from './shifted-time.mjs';

const ROOT = join(import.meta.dirname, '../../..');
const CLI = join(ROOT, 'dist/cli.cjs');
/** The program that users start; it uses the bundle's code cache. */
export const BIN = join(ROOT, 'bin/tsdbt.js');

export interface Place {
  readonly cwd: string;
  /** The whole environment; default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Ended {
  readonly code: number | null;
  /** stdout and stderr combined, in order of arrival. */
  readonly out: string;
  readonly stdout: string;
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The output so far. */
  out(): string;
}

/**
 * Starts a command as a process: for tests of signals, kills, stdin, memory, timing, and of two concurrent commands.
 */
export function start(args: readonly string[], { cwd, env = process.env }: Place): Running {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, stdout] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return {
    child,
    out: () => out,
    ended: new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, out, stdout }));
    }),
  };
}

/**
 * Runs a command to its end within this process, or as a process with TSDBT_TEST_PROCESSES=1. For commands whose
 * process is not under test. Commands in different folders wait for each other, because a process has one working
 * folder.
 */
export async function run(args: readonly string[], place: Place): Promise<Ended> {
  if (process.env['TSDBT_TEST_PROCESSES']) return start(args, place).ended;
  const leave = await enter(place.cwd);
  try {
    return await within(args, place.env ?? process.env);
  } finally {
    leave();
  }
}

const home = process.cwd();
let commands = 0;
let current = home;
let free: Promise<void> = Promise.resolve();
let left: () => void = () => undefined;

/** Changes this process's working folder. @returns a function to call when the command has ended */
async function enter(folder: string): Promise<() => void> {
  while (commands > 0 && folder !== current) await free;
  if (commands++ === 0) {
    process.chdir(folder);
    current = folder;
    free = new Promise((resolve) => {
      left = resolve;
    });
  }
  return () => {
    if (--commands > 0) return;
    process.chdir(home);
    left();
  };
}

let compiled: Script | undefined;

/** Parameters of the bundle's wrapper function: Node's module scope, and what belongs to a process. */
const OWN = ['exports', 'require', 'module', '__filename', '__dirname', 'process', 'Date', 'performance'];

function program(): Script {
  compiled ??= new Script(`(function (${OWN.join(', ')}) {\n${readFileSync(CLI, 'latin1')}\n})`, {
    filename: CLI,
    lineOffset: -1,
  });
  return compiled;
}

async function within(args: readonly string[], env: NonNullable<Place['env']>): Promise<Ended> {
  let [out, stdout] = ['', ''];
  const seen = ownProcess(args, env, (text, stream) => {
    out += text;
    if (stream === 'stdout') stdout += text;
  });
  const { TSDBT_TEST_CLOCK: clock } = env;
  const time = clock === undefined ? { Date, performance } : shiftedTime(clock);
  const plain = createRequire(CLI);
  const required = Object.assign(
    (name: string): unknown => (name === 'process' || name === 'node:process' ? seen : plain(name)),
    plain,
    { import: (name: string): unknown => import(plain.resolve(name)) },
  );
  const module: { exports: { finished?: Promise<void> } } = { exports: {} };
  program().runInThisContext()(module.exports, required, module, CLI, dirname(CLI), seen, time.Date, time.performance);
  await module.exports.finished;
  seen.emit('exit', Number(seen.exitCode ?? 0));
  return { code: Number(seen.exitCode ?? 0), out, stdout };
}

/** The `process` of a command: arguments, environment, output, listeners and exit code are its own. */
function ownProcess(
  args: readonly string[],
  env: NonNullable<Place['env']>,
  write: (text: string, stream: 'stdout' | 'stderr') => void,
): NodeJS.Process {
  const stream = (name: 'stdout' | 'stderr'): PropertyDescriptor => ({
    value: new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        write(String(chunk), name);
        done();
      },
    }),
  });
  const refused = (what: string) => ({
    value: () => {
      throw new Error(`process.${what} would end the tests: this command is for a process of its own`);
    },
  });
  // Environment variables are strings; undefined ones are absent.
  const own = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  const events = new EventEmitter();
  const made: NodeJS.Process = Object.create(process, {
    argv: { value: [process.execPath, BIN, ...args] },
    env: { value: own },
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    exitCode: { value: undefined, writable: true },
    exit: refused('exit'),
    abort: refused('abort'),
    kill: {
      value: (pid: number, signal?: NodeJS.Signals | number) =>
        pid === process.pid && signal !== 0 ? refused('kill').value() : process.kill(pid, signal),
    },
    ...Object.fromEntries(
      (['on', 'once', 'off', 'addListener', 'removeListener', 'emit'] as const).map((name) => [
        name,
        { value: events[name].bind(events) },
      ]),
    ),
  });
  return made;
}
