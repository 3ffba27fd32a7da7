// Compares node selection with `dbt ls` on random projects and expressions: npm run oracle -- fuzz-select [first seed]
// [projects] [--minutes N] Needs no database. Prints each expression on which the two differ; exit code 1 when there is
// one. The projects are project.mjs's.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dbt, seeds, writeProject } from './dbt.mjs';
import { makeProject } from './project.mjs';
import { criterion } from './selectors.mjs';
import { Random } from './random.mjs';
import { importSource } from '../support/source.mjs';

const MODES = ['eager', 'cautious', 'buildable', 'empty'];
const TYPES = ['model', 'test', 'unit_test', 'seed', 'snapshot', 'source', 'exposure', 'analysis', 'all', 'default'];
const work = mkdtempSync(join(tmpdir(), 'fuzz-select-'));
const dbt = new Dbt();
let different = 0;
let asked = 0;
let projects = 0;
try {
  const outfile = join(work, 'select.mjs');
  const contents = ['graph/selector', 'graph/selector-grammar', 'graph/dag', 'graph/resource-types', 'project/yaml']
    .map((name) => `export * from './src/${name}.ts';`)
    .join('\n');
  const ours = await importSource(contents, outfile);
  for (const seed of seeds(process.argv.slice(2))) {
    const { files, models } = makeProject(seed);
    const random = new Random(seed + 7);
    const dir = join(work, 'project');
    writeProject(dir, files);
    const questions = Array.from({ length: 400 }, () => question(random, models));
    const { error, answers } = await dbt.ask({ dir, questions });
    if (error !== null) {
      if (process.argv.includes('--verbose')) console.log(`seed ${seed}: dbt refuses the project: ${error}`);
      continue;
    }
    projects++;
    const manifest = JSON.parse(readFileSync(join(dir, 'target', 'manifest.json'), 'utf8'));
    const dag = ours.buildGraph(manifest);
    const selectors = existsSync(join(dir, 'selectors.yml')) ? ours.loadYaml(files['selectors.yml'], null) : null;
    for (const [i, one] of questions.entries()) {
      asked++;
      const theirs = answers[i];
      const mine = answer(ours, manifest, dag, selectors, one);
      if (theirs.error !== undefined ? mine.error !== undefined : JSON.stringify(theirs) === JSON.stringify(mine))
        continue;
      different++;
      console.log(`seed ${seed}: ${JSON.stringify(one)}`);
      for (const [name, { ids, warnings, error: failed }] of [
        ['dbt ', theirs],
        ['ours', mine],
      ]) {
        const other = name === 'ours' ? theirs : mine;
        const only = JSON.stringify(ids?.filter((id) => !other.ids?.includes(id)));
        const answer = failed ?? `${ids.length} nodes, only here: ${only}, warnings ${JSON.stringify(warnings)}`;
        console.log(`  ${name} ${answer}`);
      }
    }
  }
} finally {
  dbt.close();
  rmSync(work, { recursive: true, force: true });
}
console.log(`${projects} projects, ${asked} expressions, ${different} differ`);
process.exitCode = different > 0 || projects === 0 ? 1 : 0;

function question(random, models) {
  const mode = random.pick(MODES);
  const types = random.chance(0.15) ? { resource_types: random.some(TYPES, 1, 2) } : {};
  if (random.chance(0.1)) return { mode, ...types, selector: random.pick(['one', 'two', 'three', 'four', 'nothing']) };
  const term = () => Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => criterion(random, models)).join(',');
  const list = (counts) =>
    Array.from({ length: random.pick(counts) }, () => (random.chance(0.1) ? `${term()} ${term()}` : term()));
  return { mode, ...types, select: list([0, 1, 1, 1, 2, 3]), exclude: list([0, 0, 1, 2]) };
}

function answer(ours, manifest, dag, selectors, { mode, select, exclude, selector, resource_types }) {
  try {
    const { selected, warnings } = ours.select(manifest, dag, {
      select,
      exclude,
      selector,
      indirectSelection: mode,
      includeEmpty: true,
      definitions: ours.parseSelectorDefinitions(selectors, mode),
      resourceTypes: ours.resourceTypesFor('list', { include: resource_types ?? [] }),
    });
    return { ids: [...selected].sort(), warnings: warnings.map((warning) => warning.data.spec_raw) };
  } catch (error) {
    return { error: error.message };
  }
}
