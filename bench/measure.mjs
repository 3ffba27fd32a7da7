// Times programs with dbt's command line side by side: minimum CPU and wall seconds of several repetitions, maximum
// memory.
//
//   node bench/measure.mjs PROJECT [--reps 3] [--only parse,run] NAME=COMMAND...
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { best, forget, NOTHING, run, toolsOf } from './timing.mjs';

/** `before` prepares the state of the step; it is not timed. */
const STEPS = {
  parse: { what: 'parse, no cache', before: (p) => forget(p.target), args: ['parse'] },
  same: { what: 'parse, unchanged', before: () => {}, args: ['parse'] },
  sql: {
    what: 'parse, one model changed',
    before: (p) => appendFileSync(join(p.dir, firstModel(p.dir)), '-- touched\n'),
    args: ['parse'],
  },
  ls: { what: 'ls of one model', before: () => {}, args: ['ls', '--select', 'mart_00001'] },
  one: { what: 'compile of one model', before: () => {}, args: ['compile', '--select', 'mart_00001'] },
  compile: { what: 'compile', before: () => {}, args: ['compile'] },
  seed: { what: 'seed', before: () => {}, args: ['seed'] },
  run: { what: 'run --threads 4', before: () => {}, args: ['run', '--threads', '4'] },
  again: { what: 'run once more', before: () => {}, args: ['run', '--threads', '4'] },
  test: { what: 'test --threads 4', before: () => {}, args: ['test', '--threads', '4'] },
  docs: { what: 'docs generate', before: () => {}, args: ['docs', 'generate'] },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reps: { type: 'string', default: '3' },
    only: { type: 'string', default: 'parse,same,sql,ls,one,seed,run,again,docs' },
  },
});
const [dir, ...named] = positionals;
if (!dir || named.length === 0) throw new Error('usage: measure.mjs PROJECT [--reps N] [--only STEPS] NAME=COMMAND...');
const project = { dir: resolve(dir) };
const tools = toolsOf(named);

function firstModel(root) {
  return join(
    'models',
    'marts',
    readdirSync(join(root, 'models', 'marts')).find((f) => f.endsWith('.sql')),
  );
}

const table = [];
for (const key of values.only.split(',')) {
  const step = STEPS[key];
  if (!step) throw new Error(`no step ${key}; there are ${Object.keys(STEPS).join(', ')}`);
  const row = { step: step.what };
  for (const tool of tools) {
    let found = NOTHING;
    const changed = key === 'sql' ? join(project.dir, firstModel(project.dir)) : null;
    const text = changed && readFileSync(changed, 'utf8');
    for (let rep = 0; rep < Number(values.reps); rep += 1) {
      step.before({ ...project, target: join(project.dir, `target_${tool.name}`) });
      found = best(found, await run(project.dir, tool, step.args));
    }
    if (changed) writeFileSync(changed, text);
    row[`${tool.name} CPU s`] = found.cpu.toFixed(2);
    row[`${tool.name} wall s`] = found.wall.toFixed(2);
    row[`${tool.name} MB`] = Math.round(found.memory);
  }
  table.push(row);
}
console.table(table);
