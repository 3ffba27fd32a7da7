// Prints the whole speed table as Markdown: projects of several sizes, every step with every tool in turns, and bare
// psql with the same SQL. Single steps are left to measure.mjs.
//
//   node bench/table.mjs [--reps 3] [--sizes 1,100,1000,5000,10000] [--steps 'parse|tick'] [--dir DIR] NAME=COMMAND...
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { best, forget, NOTHING, processorSeconds, run, start, toolsOf } from './timing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reps: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '1,100,1000,5000,10000' },
    dir: { type: 'string', default: join(tmpdir(), 'tsdbt-bench') },
    steps: { type: 'string', default: '' },
  },
});
const tools = toolsOf(positionals);
if (tools.length === 0) throw new Error('usage: table.mjs [--reps N] [--sizes 1,100,1000] [--dir DIR] NAME=COMMAND...');

const first = (dir, folder, pattern) =>
  join(
    dir,
    'models',
    folder,
    readdirSync(join(dir, 'models', folder)).find((name) => pattern.test(name)),
  );
const touch = (file, comment) => appendFileSync(file, `${comment} ${process.hrtime.bigint()}\n`);
const kept = (tool) => ['parse', tool.v2 ? '--partial-parse' : '--write-json'];

/** Sizes at which a step is measured, its preparation, its arguments and the values shown. */
const STEPS = [
  {
    name: 'parse, no cache',
    sizes: [100, 1000, 5000, 10000],
    before: (dir, tool) => forget(join(dir, `target_${tool.name}`)),
    args: () => ['parse', '--no-partial-parse'],
    show: ['cpu'],
  },
  { name: 'parse, no cache: memory', sizes: [10000], same: 'parse, no cache', show: ['memory'] },
  { name: 'parse, unchanged', sizes: [1000, 5000], args: kept, show: ['cpu'] },
  {
    name: 'parse, one SQL file edited',
    sizes: [1000],
    before: (dir) => touch(first(dir, 'staging', /\.sql$/), '--'),
    args: kept,
    show: ['cpu'],
  },
  {
    name: 'parse, one YAML file edited',
    sizes: [1000],
    before: (dir) => touch(first(dir, 'staging', /\.yml$/), '#'),
    args: kept,
    show: ['cpu'],
  },
  { name: 'compile, with tests', sizes: [1000], args: () => ['compile', '--threads', '4'], show: ['cpu'] },
  { name: 'build', sizes: [100], args: () => ['build', '--threads', '4'], show: ['cpu'] },
  { name: 'run, 4 threads', sizes: [1, 1000], args: () => ['run', '--threads', '4'], show: ['wall'] },
  {
    name: 'run, 4 threads, over bare psql on one connection',
    sizes: [1000],
    same: 'run, 4 threads',
    show: ['ratio'],
    psql: 1,
  },
  {
    name: 'run, 4 threads, over bare psql on four connections',
    sizes: [1000],
    same: 'run, 4 threads',
    show: ['ratio'],
    psql: 4,
  },
];
const wanted = (size) => STEPS.filter((step) => step.sizes.includes(size) && new RegExp(values.steps).test(step.name));
const UNITS = { cpu: 'CPU s', wall: 'wall s', memory: 'MiB', ratio: '×' };

/** Seconds that psql needs for the SQL of a tool's last run, after a warm-up run. */
function floorSeconds(dir, tool, connections) {
  const out = execFileSync(
    process.execPath,
    [join(here, 'floor.mjs'), dir, '--target', `target_${tool.name}`, '--threads', String(connections)],
    { encoding: 'utf8' },
  );
  return Number(/([\d.]+) s\s*$/.exec(out)[1]);
}

/** CPU seconds of an idle tick of `run --every`: the minimum of five. */
async function tickSeconds(dir, tool) {
  const child = start(dir, tool, ['run', '--threads', '4', '--every', '2s', '--if-changed']);
  let before = null;
  let least = Infinity;
  let count = 0;
  await new Promise((done) => {
    child.stdout.on('data', (text) => {
      if (!String(text).includes('Tick ')) return;
      const now = processorSeconds(child.pid, true);
      if (before !== null && String(text).includes('unchanged')) {
        least = Math.min(least, now - before);
        count += 1;
      }
      before = now;
      if (count === 5) child.kill('SIGTERM');
    });
    child.on('close', done);
  });
  return least;
}

const rows = [];
for (const size of values.sizes.split(',').map(Number)) {
  const dir = join(values.dir, `p${size}`);
  execFileSync(process.execPath, [join(here, 'generate.mjs'), '--models', String(size), '--out', dir]);
  for (const tool of tools) await run(dir, tool, ['seed']);
  const found = new Map();
  const floors = new Map();
  for (const step of wanted(size).filter((each) => each.same === undefined)) {
    // One untimed run per tool: it prepares the state of the step and warms the disk cache.
    if (step.before === undefined) for (const tool of tools) await run(dir, tool, step.args(tool));
    for (let rep = 0; rep < Number(values.reps); rep += 1) {
      for (const tool of tools) {
        step.before?.(dir, tool);
        const key = `${step.name} ${tool.name}`;
        found.set(key, best(found.get(key) ?? NOTHING, await run(dir, tool, step.args(tool))));
        for (const { psql } of STEPS.filter(
          (each) => each.same === step.name && each.psql !== undefined && each.sizes.includes(size),
        )) {
          floors.set(
            `${tool.name} ${psql}`,
            Math.min(floors.get(`${tool.name} ${psql}`) ?? Infinity, floorSeconds(dir, tool, psql)),
          );
        }
      }
    }
  }
  for (const step of wanted(size)) {
    for (const what of step.show) {
      const cell = (tool) => {
        const took = found.get(`${step.same ?? step.name} ${tool.name}`);
        if (what === 'memory') return Math.round(took.memory);
        return (what === 'ratio' ? took.wall / floors.get(`${tool.name} ${step.psql}`) : took[what]).toFixed(
          what === 'ratio' ? 1 : 2,
        );
      };
      rows.push([size.toLocaleString('en'), `${step.name}, ${UNITS[what]}`, ...tools.map(cell)]);
    }
  }
  if (size === 1000 && new RegExp(values.steps).test('tick')) {
    const ticks = [];
    for (const tool of tools)
      ticks.push(tool.command.join(' ').includes('tsdbt') ? (await tickSeconds(dir, tool)).toFixed(2) : '–');
    rows.push(['1,000', 'tick of `run --every --if-changed` with nothing new, CPU s', ...ticks]);
  }
}

const version = (tool) =>
  /\d+\.\d+\.\d+\S*/.exec(
    spawnSync(tool.command[0], [...tool.command.slice(1), '--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[0] ?? '';
const postgres = execFileSync('psql', ['-XAtc', 'show server_version'], { encoding: 'utf8' }).trim().split(' ')[0];
console.log(
  `${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ` +
    `${process.versions.node}, Postgres ${postgres}; least of ${values.reps}.\n`,
);
console.log(`| models | step | ${tools.map((tool) => `${tool.name} ${version(tool)}`.trim()).join(' | ')} |`);
console.log(`|---|---|${tools.map(() => '---').join('|')}|`);
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
