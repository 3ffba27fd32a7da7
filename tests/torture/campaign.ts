// What both databases' campaigns share: how long they are, what counts as wrong, and the table that they print at the
// end.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `small` runs in CI, `long` by hand: `npm run torture`. */
export const LONG = process.env['TSDBT_TORTURE'] === 'long';
export const SEED = Number(process.env['TSDBT_TORTURE_SEED'] ?? Date.now() % 1_000_000);
/** A piece of a campaign ends when its time is over, and prints what it has. */
const UNTIL = performance.now() + Number(process.env['TSDBT_TORTURE_MINUTES'] ?? 240) * 60_000;
export const timeIsLeft = (): boolean => performance.now() < UNTIL;
/** How long a command may take before it counts as hanging; milliseconds. */
const PATIENCE = 240_000;
const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));

/** Who builds: this program or real dbt. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}
export const TSDBT: Program = { command: process.execPath, args: [CLI] };

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly killed: boolean;
  readonly hung: boolean;
}
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out(): string;
}

/** Starts a command in a project; one that hangs is ended, and says so. */
export function start(
  cwd: string,
  args: readonly string[],
  target: string,
  { command, args: first }: Program = TSDBT,
): Running {
  const child = spawn(
    command,
    [...first, ...args, '--target-path', target, '--log-path', `logs-${target}`, '--no-use-colors'],
    {
      cwd,
      env: { ...process.env, DBT_PROFILES_DIR: cwd, DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let hung = false;
  child.stdout!.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr!.on('data', (chunk) => {
    out += String(chunk);
  });
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, PATIENCE);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out, killed: child.signalCode === 'SIGKILL', hung });
    });
  });
  return { child, ended, out: () => out };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Counts what happened by kind, and keeps what was wrong. */
export class Tally {
  readonly wrong: string[] = [];
  private readonly rows = new Map<
    string,
    { times: number; 'not struck': number; failed: number; wrong: number; looks: number }
  >();

  /**
   * @param failed the disturbed command ended with an error, as it may @param wrong what nobody may ever see
   * @param struck false: the command ended before its fault came, which does not count
   */
  add(
    kind: string,
    {
      failed,
      wrong,
      looks,
      struck = true,
    }: { failed: boolean; wrong: readonly string[]; looks: number; struck?: boolean },
  ): void {
    const row = this.rows.get(kind) ?? { times: 0, 'not struck': 0, failed: 0, wrong: 0, looks: 0 };
    row[struck ? 'times' : 'not struck']++;
    row.failed += failed ? 1 : 0;
    row.wrong += wrong.length;
    row.looks += looks;
    this.rows.set(kind, row);
    for (const each of wrong) {
      this.wrong.push(`${kind}: ${each}`);
      console.log(`WRONG ${kind}: ${each}`);
    }
  }

  get times(): number {
    return [...this.rows.values()].reduce((sum, { times }) => sum + times, 0);
  }

  print(title: string): void {
    console.log(`\n${title} (seed ${SEED})`);
    console.table(Object.fromEntries(this.rows));
  }
}

/** Words that no disturbance excuses. */
export function unfit({ out, hung }: Ended): string[] {
  const found = /Internal Error|TypeError|RangeError|is not a function|Cannot read prop|^\s+at .*\(.*:\d+:\d+\)/m.exec(
    out,
  );
  return [
    ...(hung ? [`it hung:\n${out.slice(-600)}`] : []),
    ...(found === null ? [] : [`it said "${found[0]}":\n${out.slice(-1500)}`]),
  ];
}
