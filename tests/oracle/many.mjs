// Several oracles, with one table at the end. `npm run oracle -- all` plays all that compare, one after the other;
// `npm run oracle -- sample [--part N]` what each run of CI can afford: built-in macros, the root project, two
// handovers, and a tenth of the cases, another one each day (N says which, 0 to 9). It plays two of these at a time.
// --outputFile.json=FILE takes the counts, as vitest's. Exits 1 when one of them differs, or could not be played:
// without real dbt nothing passes.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nameOf, projects, readSteps } from './support/play.mjs';
import { oracleBin, root } from './support/servers.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: 'string' },
    'outputFile.json': { type: 'string' },
    reporter: { type: 'string', multiple: true },
  },
});

/** @returns [title, name and arguments of an oracle][] */
function plan() {
  if (positionals[0] === 'all')
    return [
      ['macros'],
      ['jinja'],
      ['cases'],
      ['handover'],
      ['clickhouse'],
      ['artifacts'],
      ['packages'],
      ['strangers'],
      ['fuzz-parse', '1', '40'],
      ['fuzz-select', '1', '50'],
      ['fuzz-jinja', '1', '50'],
      ['conformance'],
    ].map((words) => [words.join(' '), words]);
  const part = Number(options.part ?? Math.floor(Date.now() / 86_400_000) % 10);
  const cases = projects([])
    .filter((project) => nameOf(project) !== 'root')
    .map((project) => ({ name: nameOf(project), steps: readSteps(project).steps.length }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  // Two lists that take about as long as each other.
  const halves = [
    { names: ['root'], steps: 0 },
    { names: [], steps: 0 },
  ];
  for (const { name, steps } of cases.filter((_case, i) => i % 10 === part).sort((a, b) => b.steps - a.steps)) {
    const [half] = halves.toSorted((a, b) => a.steps - b.steps);
    half.names.push(name);
    half.steps += steps;
  }
  return [
    ...halves.map(({ names }, i) => [
      `half ${i + 1} of part ${part} of the cases, ${names.length} of ${cases.length + 1}`,
      ['cases', ...names],
    ]),
    ['macros', ['macros']],
    ['two handovers', ['handover', 'incremental/strategies', 'snapshots/check']],
  ];
}

const alone = positionals[0] === 'all';

/** Plays one, and shows what it prints under its title. @returns its counts; one that tells none is one test */
function play(title, words) {
  return new Promise((resolve) => {
    const began = Date.now();
    if (alone) console.log(`== ${title}`);
    const child = spawn(process.execPath, [join(root, 'tests/oracle/main.mjs'), ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (alone) process.stdout.write(chunk);
    });
    child.on('close', (code) => {
      if (!alone) process.stdout.write(`== ${title}\n${out}`);
      const told = [...out.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
      const [passed, failed] = told === undefined ? [code === 0 ? 1 : 0, 0] : [Number(told[1]), Number(told[2])];
      const seconds = Math.round((Date.now() - began) / 1000);
      resolve({ title, passed, failed: code !== 0 && failed === 0 ? 1 : failed, seconds });
    });
  });
}

const table = [];
const waiting = [...plan().entries()];
async function playNext() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [i, [title, words]] = next;
    table[i] = await play(title, words);
  }
}
// Installs dbt once, before two oracles need it.
oracleBin();
await Promise.all(alone ? [playNext()] : [playNext(), playNext()]);
const sum = (key) => table.reduce((total, row) => total + row[key], 0);
const widest = Math.max(...table.map(({ title }) => title.length));
console.log();
for (const { title, passed, failed, seconds } of table)
  console.log(
    `${title.padEnd(widest)}  ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ` +
      `${String(seconds).padStart(5)} s`,
  );
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
if (options['outputFile.json'] !== undefined)
  writeFileSync(
    options['outputFile.json'],
    JSON.stringify({
      numPassedTests: sum('passed'),
      numFailedTests: sum('failed'),
      testResults: table
        .filter(({ failed }) => failed > 0)
        .map(({ title }) => ({ name: title, status: 'failed', message: 'differs from dbt, or could not be played' })),
    }),
  );
process.exitCode = sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
