// Measures projects that others wrote (tests/oracle/strangers.json names the commits), and the generated one of 1,000
// models as a yardstick: every step with every program in turns, CPU seconds with child processes, minimum of several
// repetitions, with the load of the machine; of the first step the memory, too. Saves the results; prints several saved
// files, of a quiet and a busy machine, as one Markdown table.
//
//   node bench/real.mjs [--reps 3] [--projects tuva,jaffle-shop] [--steps 'parse|ls'] [--save FILE] NAME=COMMAND...
//   node bench/real.mjs --table FILE...
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startPostgres } from '../tests/oracle/support/servers.mjs';
import { checkOut, strangers } from '../tests/oracle/support/strangers.mjs';
import { best, forget, NOTHING, run, toolsOf } from './timing.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reps: { type: 'string', default: '3' },
    projects: { type: 'string', default: '' },
    steps: { type: 'string', default: '' },
    save: { type: 'string' },
    table: { type: 'boolean', default: false },
  },
});

const kept = (tool) => ['parse', tool.v2 ? '--partial-parse' : '--write-json'];
const COLD = 'parse, no cache';
/**
 * `warm` comes once before the step and `before` before each repetition; neither is timed. `one` is the project's model
 * in the table.
 */
const STEPS = [
  {
    name: COLD,
    before: (target) => forget(target),
    args: (tool) => ['parse', ...(tool.v2 ? [] : ['--no-partial-parse'])],
  },
  { name: 'parse, unchanged', warm: kept, args: kept },
  { name: 'parse, one model edited', warm: kept, before: (_target, file) => touch(file), args: kept },
  { name: 'ls', warm: kept, args: () => ['--quiet', 'ls'] },
  { name: 'run -s one', warm: kept, args: (_tool, one) => ['run', '-s', one] },
  { name: 'test -s one', warm: kept, args: (_tool, one) => ['test', '-s', one] },
  { name: 'compile', args: () => ['compile', '--threads', '4'] },
];
/** The project of generate.mjs. */
const YARDSTICK = 'generated';

const touch = (file) => appendFileSync(file, `\n-- touched ${process.hrtime.bigint()}\n`);

/** The file of a model of the project or its packages; without a name the one in the middle. */
function modelFile(dir, one) {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'));
  const own = files.filter((file) => file.startsWith('models/')).sort();
  const file = files.find((each) => basename(each, '.sql') === one) ?? own[Math.floor(own.length / 2)];
  return join(dir, file);
}

/** The files of a project, made anew. */
function layOut(name) {
  if (name !== YARDSTICK) return checkOut(name);
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-'));
  const script = join(dirname(fileURLToPath(import.meta.url)), 'generate.mjs');
  execFileSync(process.execPath, [script, '--models', '1000', '--out', dir], { stdio: 'ignore' });
  return dir;
}

/** Times one project. @returns a row per step: seconds by program, null where it failed; the load before and after */
async function measure(name, { one, prepare = [], steps: own = '' }, tools, server) {
  const dir = layOut(name);
  const { host, port, user, password } = server;
  const output = { type: 'postgres', host, port, user, password, dbname: 'real', schema: 'dev', threads: 4 };
  const profile = /^profile:\s*['"]?([\w-]+)/m.exec(readFileSync(join(dir, 'dbt_project.yml'), 'utf8'))?.[1];
  writeFileSync(
    join(dir, 'profiles.yml'),
    JSON.stringify({ [profile ?? 'default']: { target: 'dev', outputs: { dev: output } } }),
  );
  await server.psql('postgres', 'drop database if exists real with (force)');
  await server.psql('postgres', 'create database real');
  for (const args of prepare) await run(dir, tools[0], args.split(' '));
  const rows = [];
  const file = modelFile(dir, one);
  for (const step of STEPS.filter(({ name: step }) =>
    [values.steps, own].every((text) => new RegExp(text).test(step)),
  )) {
    const found = {};
    const loads = [];
    for (const tool of tools) {
      const target = join(dir, `target_${tool.name}`);
      mkdirSync(target, { recursive: true });
      if (step.before === undefined || step.warm !== undefined)
        await run(dir, tool, (step.warm ?? step.args)(tool, one));
      found[tool.name] = NOTHING;
    }
    for (let rep = 0; rep < Number(values.reps); rep += 1)
      for (const tool of tools) {
        if (found[tool.name] === null) continue;
        step.before?.(join(dir, `target_${tool.name}`), file);
        const took = await run(dir, tool, step.args(tool, one));
        loads.push(loadavg()[0]);
        found[tool.name] = took.code === 0 ? best(found[tool.name], took) : null;
      }
    rows.push({ project: name, step: step.name, load: Math.max(...loads), found });
    const cells = tools.map((tool) => `${tool.name} ${found[tool.name]?.cpu.toFixed(2) ?? 'failed'}`);
    process.stderr.write(`${name}: ${step.name}: ${cells.join(', ')} (load ${Math.max(...loads).toFixed(1)})\n`);
  }
  rmSync(dir, { recursive: true, force: true });
  return rows;
}

/** One Markdown table of several saved runs: a column for each program of each run. */
function table(runs) {
  const loads = runs.map(({ rows }) => rows.map(({ load }) => load));
  const columns = runs.flatMap(({ tools }, i) =>
    tools.map((tool) => ({
      i,
      tool,
      title: `${tool}, load ${Math.min(...loads[i]).toFixed(0)}–${Math.max(...loads[i]).toFixed(0)}`,
    })),
  );
  const keys = new Map(runs.flatMap(({ rows }) => rows.map((row) => [`${row.project}\0${row.step}`, row])));
  const lines = [...keys.values()].flatMap(({ project, step }) => {
    const found = columns.map(
      ({ i, tool }) => runs[i].rows.find((each) => each.project === project && each.step === step)?.found[tool],
    );
    const line = (what, cells) => `| ${[project, what, ...cells].join(' | ')} |`;
    const seconds = line(
      step,
      found.map((each) => each?.cpu.toFixed(2) ?? '–'),
    );
    if (step !== COLD) return [seconds];
    return [
      seconds,
      line(
        'its memory, MiB',
        found.map((each) => each?.memory.toFixed(0) ?? '–'),
      ),
    ];
  });
  return [
    `| project | step | ${columns.map(({ title }) => title).join(' | ')} |`,
    `|---|---|${columns.map(() => '---').join('|')}|`,
    ...lines,
  ].join('\n');
}

if (values.table) {
  console.log(table(positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')))));
} else {
  const tools = toolsOf(positionals);
  if (tools.length === 0) throw new Error('usage: real.mjs [--reps N] [--projects A,B] [--save FILE] NAME=COMMAND...');
  const bench = { [YARDSTICK]: { one: 'mart_00001', prepare: ['seed', 'run -s +mart_00001'] }, ...strangers().bench };
  const names = values.projects === '' ? Object.keys(bench) : values.projects.split(',');
  const server = await startPostgres();
  process.once('SIGINT', () => {
    server.stop();
    process.exit(130);
  });
  const rows = [];
  try {
    for (const name of names) rows.push(...(await measure(name, bench[name], tools, server)));
  } finally {
    server.stop();
  }
  const found = {
    machine: `${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.versions.node}`,
    date: new Date().toISOString(),
    reps: Number(values.reps),
    tools: tools.map(({ name }) => name),
    rows,
  };
  if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(found, null, 1));
  console.log(`${found.machine}; CPU seconds, least of ${found.reps}.\n\n${table([found])}`);
}
