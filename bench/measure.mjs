// Times programs that take dbt's command line, side by side: least CPU and wall seconds of some repetitions, greatest memory.
//
//   node bench/measure.mjs PROJECT [--reps 3] [--only parse,run] NAME=COMMAND...
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** `before` makes the state that the step wants; it is not timed. */
const STEPS = {
  parse: { what: 'parse, nothing kept', before: (p) => forget(p), args: ['parse'] },
  same: { what: 'parse, nothing changed', before: () => {}, args: ['parse'] },
  sql: { what: 'parse, one model changed', before: (p) => appendFileSync(join(p.dir, firstModel(p.dir)), '-- touched\n'), args: ['parse'] },
  ls: { what: 'ls of one model', before: () => {}, args: ['ls', '--select', 'mart_00001'] },
  one: { what: 'compile of one model', before: () => {}, args: ['compile', '--select', 'mart_00001'] },
  compile: { what: 'compile', before: () => {}, args: ['compile'] },
  seed: { what: 'seed', before: () => {}, args: ['seed'] },
  run: { what: 'run --threads 4', before: () => {}, args: ['run', '--threads', '4'] },
  again: { what: 'run once more', before: () => {}, args: ['run', '--threads', '4'] },
  test: { what: 'test --threads 4', before: () => {}, args: ['test', '--threads', '4'] },
  docs: { what: 'docs generate', before: () => {}, args: ['docs', 'generate'] },
};
const TICKS = 100;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { reps: { type: 'string', default: '3' }, only: { type: 'string', default: 'parse,same,sql,ls,one,seed,run,again,docs' } } });
const [dir, ...named] = positionals;
if (!dir || named.length === 0) throw new Error('usage: measure.mjs PROJECT [--reps N] [--only STEPS] NAME=COMMAND...');
const project = { dir: resolve(dir) };
const tools = named.map((text) => ({ name: text.slice(0, text.indexOf('=')), command: text.slice(text.indexOf('=') + 1).split(' ') }));

function firstModel(root) {
  return join('models', 'marts', readdirSync(join(root, 'models', 'marts')).find((f) => f.endsWith('.sql')));
}

function forget({ target }) {
  for (const file of ['partial_parse.msgpack', 'partial_parse.json', 'manifest.json']) rmSync(join(target, file), { force: true });
}

/** Seconds of processor time of the children that have ended, with theirs. */
function childrenSeconds() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

function run(tool, args) {
  const began = process.hrtime.bigint();
  const cpu = childrenSeconds();
  const child = spawn(tool.command[0], [...tool.command.slice(1), ...args, '--target-path', tool.target, '--log-path', join(tool.target, 'logs')], {
    cwd: project.dir, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DBT_PROFILES_DIR: project.dir, BENCH_SCHEMA: `bench_${tool.name}`, DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' },
  });
  let memory = 0;
  const watch = setInterval(() => {
    try {
      memory = Math.max(memory, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    } catch { /* it has just ended */ }
  }, 20);
  let errors = '';
  child.stderr.on('data', (text) => { errors += text; });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      clearInterval(watch);
      if (code !== 0) process.stderr.write(`${tool.name} ${args.join(' ')}: exit ${code}\n${errors.slice(-600)}\n`);
      done({ wall: Number(process.hrtime.bigint() - began) / 1e9, cpu: childrenSeconds() - cpu, memory });
    });
  });
}

const table = [];
for (const tool of tools) tool.target = join(project.dir, `target_${tool.name}`);
for (const key of values.only.split(',')) {
  const step = STEPS[key];
  if (!step) throw new Error(`no step ${key}; there are ${Object.keys(STEPS).join(', ')}`);
  const row = { step: step.what };
  for (const tool of tools) {
    let best = { wall: Infinity, cpu: Infinity, memory: 0 };
    const changed = key === 'sql' ? join(project.dir, firstModel(project.dir)) : null;
    const text = changed && readFileSync(changed, 'utf8');
    for (let rep = 0; rep < Number(values.reps); rep += 1) {
      step.before({ ...project, target: tool.target });
      const took = await run(tool, step.args);
      best = { wall: Math.min(best.wall, took.wall), cpu: Math.min(best.cpu, took.cpu), memory: Math.max(best.memory, took.memory) };
    }
    if (changed) writeFileSync(changed, text);
    row[`${tool.name} CPU s`] = best.cpu.toFixed(2);
    row[`${tool.name} wall s`] = best.wall.toFixed(2);
    row[`${tool.name} MB`] = Math.round(best.memory);
  }
  table.push(row);
}
console.table(table);
