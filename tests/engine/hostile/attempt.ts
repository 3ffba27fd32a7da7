// Runs hostile inputs with the built program and judges what comes of them: one process after another with a limit of
// memory, many inputs in each, or, in the long form, a process an input. Leaves the inputs to the lists.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type HostileInput, PROJECT } from './input.ts';

/** The user's key that signs kept state, which is made once. */
const STATE_FOLDER = /^home\/\.local(?:\/state(?:\/tsdbt(?:\/key)?)?)?$/;

export interface Attempt {
  readonly exit: number | null;
  readonly output: string /** Of the processor: others use the machine too. */;
  readonly seconds: number;
  readonly megabytes: number;
  readonly outside: readonly string[];
}

const CHILD = join(import.meta.dirname, 'child.mjs');
/**
 * What an input may take: megabytes of memory at its peak, seconds of the processor; and until the process is ended, on
 * a busy machine.
 */
export const MOST = { megabytes: 2_000, seconds: 60, wait: 240 };
const OUTPUT =
  /^(?:manifest\.json|semantic_manifest\.json|graph_summary\.json|partial_parse\.\w+|run_results\.json|dbt\.log)$/;

/** JavaScript's words, the system's, and what no message may hold. */
const FORBIDDEN = [
  /Internal Error/,
  /RangeError|ReferenceError|SyntaxError: /,
  /call stack/i,
  /heap out of memory|heap limit/i,
  /Invalid (?:string|array|count|typed array|regular expression|time|date|code point)/,
  /Cannot (?:read|set|convert|destructure|access|assign|create|mix|perform)/,
  /(?<! object )is not (?:a function|iterable|a constructor|extensible|an object)/,
  /(?<!is )\bundefined\b(?! (?:alias|macro|variable))/,
  /\[object /,
  /\bE(?:NOENT|ISDIR|NOTDIR|ACCES|LOOP|NAMETOOLONG|INVAL|PERM|NXIO|EXIST|MFILE|BUSY|XDEV)\b/,
  /node:(?:internal|fs)/,
  /^\s+at .*:\d+:\d+\)?$/m,
  /in JSON at position|is not valid JSON|Unexpected (?:token|end of JSON|identifier|number|string)/,
  /\bReflect\b|\bSymbol\(/,
  /(?<!"|\{)polluted/,
  /Assertion|FATAL ERROR/,
  /must be of type|ERR_[A-Z_]+/,
];

/** What is wrong with an attempt, in words; nothing when all is well. */
export function faults(input: HostileInput, attempt: Attempt): string[] {
  const found: string[] = [];
  const allowed = input.exit ?? [1, 2];
  if (attempt.exit === null || !allowed.includes(attempt.exit)) found.push(`exit code ${attempt.exit}`);
  for (const word of FORBIDDEN) {
    const match = word.exec(attempt.output);
    if (match !== null)
      found.push(
        `says “${attempt.output.slice(Math.max(0, match.index - 60), match.index + 60).replaceAll('\n', '⏎')}”`,
      );
  }
  if (attempt.exit !== 0 && attempt.output.trim() === '') found.push('says nothing');
  if (
    attempt.exit !== 0 &&
    input.names !== undefined &&
    !(typeof input.names === 'string' ? attempt.output.includes(input.names) : input.names.test(attempt.output))
  )
    found.push(`does not name ${input.names}`);
  const most = (input.says ?? 200_000) + input.command.join(' ').length;
  if (attempt.output.length > most) found.push(`says ${attempt.output.length} characters`);
  if (attempt.seconds > MOST.seconds) found.push(`takes ${attempt.seconds.toFixed(0)} s`);
  if (attempt.megabytes > MOST.megabytes) found.push(`takes ${attempt.megabytes.toFixed(0)} MB`);
  if (!input.anywhere) for (const path of attempt.outside) if (!STATE_FOLDER.test(path)) found.push(`writes ${path}`);
  return found;
}

/** A place for projects, with things around them that nobody may touch. */
export class Arena {
  readonly base = mkdtempSync(join(tmpdir(), 'tsdbt-hostile-'));
  readonly profile: string;
  #child: ChildProcess | null = null;
  #count = 0;
  readonly #isolated: boolean;

  /** @param isolated a process of its own for each input */
  constructor(credentials: Readonly<Record<string, unknown>> | null, isolated: boolean) {
    this.#isolated = isolated;
    const dev = {
      type: 'postgres',
      host: '127.0.0.1',
      port: 1,
      user: 'u',
      password: 'hidden-word',
      schema: 's',
      threads: 1,
      connect_timeout: 1,
      retries: 0,
      ...credentials,
    };
    this.profile = JSON.stringify({ p: { target: 'dev', outputs: { dev: { dbname: 'd', ...dev } } } });
  }

  async attempt(input: HostileInput): Promise<Attempt> {
    const top = join(this.base, String(this.#count++));
    const dir = join(top, 'x/y/project');
    mkdirSync(dir, { recursive: true });
    for (const [path, text] of [
      ['canary', 'c'],
      ['x/canary', 'c'],
      ['x/y/canary', 'c'],
      ['home/canary', 'c'],
    ] as const) {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), text);
    }
    for (const [path, content] of Object.entries({
      'dbt_project.yml': PROJECT,
      'profiles.yml': this.profile,
      ...input.files,
    }))
      put(join(dir, path), content);
    const before = snapshot(top, dir);
    // No system starts a process with a NUL byte in its arguments, nor Linux one with a word of 128 KiB.
    const startable = input.command.every((word) => !word.includes('\0') && word.length < 1 << 17);
    const alone = this.#isolated && startable;
    const done = await (alone ? isolated(dir, top, input) : this.#inChild(dir, top, input));
    const after = snapshot(top, dir);
    const outside = [...after]
      .filter(([path, text]) => before.get(path) !== text && !OUTPUT.test(path.split('/').at(-1)!))
      .map(([path]) => path);
    outside.push(...[...before.keys()].filter((path) => !after.has(path)).map((path) => `(removed) ${path}`));
    rmSync(top, { recursive: true, force: true });
    return { ...done, outside };
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.base, { recursive: true, force: true });
  }

  async #inChild(dir: string, top: string, input: HostileInput): Promise<Omit<Attempt, 'outside'>> {
    const child = (this.#child ??= fork(CHILD, [], {
      execArgv: ['--max-old-space-size=1600'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    }));
    const words: string[] = [];
    const listen = (data: Buffer): void => void words.push(data.toString());
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    return new Promise((resolve) => {
      const settle = (result: Omit<Attempt, 'outside'>): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        child.stdout?.removeListener('data', listen);
        child.stderr?.removeListener('data', listen);
        resolve(result);
      };
      const gone = (): void => {
        this.#child = null;
        settle({ exit: null, output: words.join(''), seconds: 0, megabytes: 0 });
      };
      const timer = setTimeout(() => child.kill('SIGKILL'), MOST.wait * 1000);
      child.once('exit', gone);
      child.once('message', (message) => settle(message as Attempt));
      child.send({ dir, argv: input.command, env: environment(top, dir, input) });
    });
  }
}

function environment(top: string, dir: string, input: HostileInput): Record<string, string> {
  return {
    HOME: join(top, 'home'),
    DBT_PROFILES_DIR: dir,
    NO_COLOR: '1',
    DBT_USE_COLORS: 'false',
    PATH: process.env['PATH'] ?? '',
    ...input.env,
  };
}

function isolated(dir: string, top: string, input: HostileInput): Omit<Attempt, 'outside'> {
  const report = join(top, 'peak');
  const done = spawnSync(
    process.execPath,
    [
      '--require',
      join(import.meta.dirname, 'peak.cjs'),
      join(import.meta.dirname, '../../../bin/tsdbt.js'),
      ...input.command,
    ],
    {
      cwd: dir,
      env: { ...environment(top, dir, input), TSDBT_HOSTILE_PEAK: report },
      timeout: MOST.wait * 1000,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    },
  );
  let used = { megabytes: 0, seconds: 0 };
  try {
    used = JSON.parse(readFileSync(report, 'utf8')) as typeof used;
    rmSync(report);
  } catch {
    // Killed: the exit code says so.
  }
  return { exit: done.status, output: done.stdout + done.stderr, ...used };
}

function put(path: string, content: HostileInput['files'][string]): void {
  mkdirSync(dirname(path), { recursive: true });
  // In the place of what stands there.
  rmSync(path, { recursive: true, force: true });
  if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, path);
  else if (typeof content === 'object' && 'put' in content) {
    if (content.put === 'folder') mkdirSync(path, { recursive: true });
    else spawnSync('mkfifo', [path]);
  } else writeFileSync(path, typeof content === 'function' ? content() : content);
}

/** Path and contents of all that is not the project's. */
function snapshot(top: string, project: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (dir: string): void => {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (path === project) continue;
      const stat = statSync(path);
      found.set(path.slice(top.length + 1), stat.isDirectory() ? '' : readFileSync(path, 'utf8').slice(0, 100));
      if (stat.isDirectory()) visit(path);
    }
  };
  visit(top);
  return found;
}
