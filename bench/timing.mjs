// Runs one command of a tool in a project and measures CPU seconds with child processes, wall seconds and resident
// memory.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const TICKS = 100;

/** Parses `NAME=COMMAND …` of the command line. A name that contains v2 uses the arguments of dbt Core v2. */
export function toolsOf(named) {
  return named.map((text) => ({
    name: text.slice(0, text.indexOf('=')),
    command: text.slice(text.indexOf('=') + 1).split(' '),
    v2: text.slice(0, text.indexOf('=')).includes('v2'),
  }));
}

/** Removes the kept parse of an earlier command. */
export function forget(target) {
  for (const file of ['partial_parse.msgpack', 'partial_parse.json', 'manifest.json'])
    rmSync(join(target, file), { force: true });
}

/**
 * CPU seconds of a process, from its line in /proc.
 * @param own counts the process itself; otherwise its children that have ended
 */
export function processorSeconds(pid, own) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  const [user, system] = own ? [11, 12] : [13, 14];
  return (Number(fields[user]) + Number(fields[system])) / TICKS;
}

/** Starts a tool in the project, with artifacts and a schema of its own. */
export function start(dir, tool, args) {
  const target = join(dir, `target_${tool.name}`);
  return spawn(
    tool.command[0],
    [...tool.command.slice(1), ...args, '--target-path', target, '--log-path', join(target, 'logs')],
    {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        DBT_PROFILES_DIR: dir,
        BENCH_SCHEMA: `bench_${tool.name}`,
        DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
        DBT_ALLOW_EXPERIMENTAL_ADAPTERS: 'true',
        DO_NOT_TRACK: '1',
      },
    },
  );
}

/** Runs a command to its end. @returns seconds, megabytes, exit code */
export function run(dir, tool, args) {
  const began = process.hrtime.bigint();
  const cpu = processorSeconds('self', false);
  const child = start(dir, tool, args);
  let memory = 0;
  const watch = setInterval(() => {
    try {
      memory = Math.max(
        memory,
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      );
    } catch {
      /* it has just ended */
    }
  }, 20);
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      out = (out + text).slice(-2000);
    });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      clearInterval(watch);
      if (code !== 0) process.stderr.write(`${tool.name} ${args.join(' ')}: exit ${code}\n${out.slice(-600)}\n`);
      done({
        wall: Number(process.hrtime.bigint() - began) / 1e9,
        cpu: processorSeconds('self', false) - cpu,
        memory,
        code,
      });
    });
  });
}

/** The better of two measurements. */
export const best = (a, b) => ({
  wall: Math.min(a.wall, b.wall),
  cpu: Math.min(a.cpu, b.cpu),
  memory: Math.max(a.memory, b.memory),
});
export const NOTHING = { wall: Infinity, cpu: Infinity, memory: 0 };
