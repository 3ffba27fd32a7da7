// Real dbt as a process that answers many projects, and projects on the disk for it. Leaves what is asked and compared
// to its callers.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { oracleBin, root } from '../support/servers.mjs';

export const ENV = {
  FUZZ_WORD: 'from_env',
  FUZZ_word: 'env_word',
  FUZZ_off: 'False',
  FUZZ_number: '8',
  DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
  PYTHONHASHSEED: '0',
  NO_COLOR: '1',
};

/** Writes a project where nothing is. */
export function writeProject(dir, files) {
  rmSync(dir, { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

export class Dbt {
  constructor() {
    this.process = spawn(join(oracleBin(), 'python'), [join(root, 'tests/oracle/fuzz/answers.py')], {
      stdio: ['pipe', 'pipe', process.env.FUZZ_STDERR ? 'inherit' : 'ignore'],
      env: { ...process.env, ...ENV },
    });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** @param {object} job see answers.py */
  async ask(job) {
    this.process.stdin.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error('answers.py ended: run it by hand on the project to see why');
    return JSON.parse(value);
  }

  close() {
    this.process.stdin.end();
  }
}

/** `[first seed] [how many]` of the command line, or `--minutes N`. @returns a generator of seeds */
export function* seeds(args) {
  const minutes = args.includes('--minutes') ? Number(args[args.indexOf('--minutes') + 1]) : null;
  const [first = 1, count = minutes === null ? 10 : Number.POSITIVE_INFINITY] = args
    .filter((arg, i) => /^\d+$/.test(arg) && args[i - 1] !== '--minutes')
    .map(Number);
  const end = minutes === null ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000;
  for (let seed = first; seed < first + count && Date.now() < end; seed++) yield seed;
}
