// Real dbt, loaded once for many commands: most of a small command's time is Python's imports. Each command runs in a
// process of its own, forked from the one that has loaded dbt (loaded_dbt.py).
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './servers.mjs';

const running = new Map();

/**
 * @param {string} program dbt, in the bin folder of its environment
 * @returns {{ run(cwd: string, args: string[], env: object, options?: { apart?: boolean, timeout?: number }):
 *   Promise<{ code: number, out: string }> }} what a command gave; apart: standard error behind the rest; timeout: in
 *   milliseconds. One command at a time. It keeps no process alive.
 */
export function loadedDbt(program) {
  const known = running.get(program) ?? startDbt(program);
  running.set(program, known);
  return known;
}

function startDbt(program) {
  const child = spawn(join(dirname(program), 'python'), [join(root, 'tests/oracle/support/loaded_dbt.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const handles = [child, child.stdin, child.stdout];
  for (const handle of handles) handle.unref();
  return {
    async run(cwd, args, env, { apart = false, timeout = 300_000 } = {}) {
      for (const handle of handles) handle.ref();
      child.stdin.write(`${JSON.stringify({ cwd, args, env, apart, seconds: timeout / 1000 })}\n`);
      const { value, done } = await lines.next();
      for (const handle of handles) handle.unref();
      if (done) throw new Error('dbt has ended');
      return JSON.parse(value);
    },
  };
}
