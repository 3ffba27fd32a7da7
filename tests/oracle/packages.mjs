// `npm run oracle -- packages [--reuse] [PACKAGE...]`: the integration projects of well-known packages, at pinned
// versions which tsdbt's own `deps` gets from the hub, run with real dbt and with tsdbt on one Postgres and compared
// like the cases of cases.mjs; the trees of all their .sql files beside jinja2's. Prints a table: package, trees,
// nodes, passed with dbt, passed with tsdbt. Exits 1 on any difference. With TSDBT_PACKAGES_FROM=folder of
// OWNER/NAME.git repositories they come from a hub that is started here.
import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, differencesText } from './support/compare.mjs';
import { startHub } from './support/hub.mjs';
import { play, playDbt, TSDBT } from './support/play.mjs';
import { oracleBin, startPostgres } from './support/servers.mjs';
import { differentTrees, sqlFiles } from './support/trees.mjs';

const { TSDBT_PACKAGES_FROM: from } = process.env;
const build = [{ run: 'seed' }, { run: 'run' }, { run: 'test' }];
const POSTGRES = {
  POSTGRES_HOST: '127.0.0.1',
  POSTGRES_USER: 'postgres',
  DBT_ENV_SECRET_POSTGRES_PASS: 'postgres',
  POSTGRES_PORT: '5432',
  POSTGRES_DATABASE: 'oracle',
  POSTGRES_SCHEMA: 'dev',
};

/** Name → where it is, the folder of its integration project, what that needs, its steps. */
const PACKAGES = {
  dbt_utils: {
    hub: 'dbt-labs/dbt_utils',
    version: '1.4.1',
    git: 'dbt-labs/dbt-utils',
    tag: '1.4.1',
    tests: 'integration_tests',
    steps: build,
    ignore: { tables: ['recency_time_included'], why: 'yesterday at this hour' },
  },
  dbt_date: {
    hub: 'godatadriven/dbt_date',
    version: '0.21.0',
    git: 'godatadriven/dbt-date',
    tag: '0.21.0',
    tests: 'integration_tests',
    steps: build,
  },
  dbt_expectations: {
    hub: 'metaplane/dbt_expectations',
    version: '0.10.9',
    git: 'metaplane/dbt-expectations',
    tag: '0.10.9',
    tests: 'integration_tests',
    needs: ['dbt_date'],
    steps: build,
    ignore: { tables: ['timeseries_'], results: ['stdevs_timeseries_data_'], why: 'random numbers' },
  },
  audit_helper: {
    hub: 'dbt-labs/audit_helper',
    version: '0.12.2',
    git: 'dbt-labs/dbt-audit-helper',
    tag: '0.12.2',
    tests: 'integration_tests',
    needs: ['dbt_utils'],
    steps: build,
    ignore: {
      tables: ['event_time|created_at|compare_and_classify_query_results|unit_test_model'],
      'compiled SQL': ['compare_and_classify_query_results'],
      'run SQL': ['compare_and_classify_query_results'],
      manifest: ['compare_and_classify_query_results'],
      why: 'the clock of the run is in them',
    },
  },
  codegen: {
    hub: 'dbt-labs/codegen',
    version: '0.14.1',
    git: 'dbt-labs/dbt-codegen',
    tag: '0.14.1',
    tests: 'integration_tests',
    needs: ['dbt_utils'],
    steps: [{ run: 'run-operation create_source_table' }, ...build],
  },
  dbt_project_evaluator: {
    hub: 'dbt-labs/dbt_project_evaluator',
    version: '1.3.2',
    git: 'dbt-labs/dbt-project-evaluator',
    tag: 'v1.3.2',
    tests: 'integration_tests',
    needs: ['dbt_utils'],
    steps: [{ run: 'build --full-refresh' }],
    ignore: {
      'compiled SQL': ['int_all_graph_resources'],
      'run SQL': ['int_all_graph_resources'],
      tables: ['int_all_graph_resources|int_model_test_summary|stg_node_relationships|base_node_relationships'],
      manifest: ['int_all_graph_resources', 'stg_model_2\\.(sources|depends_on)'],
      why: 'the order of a Python set',
    },
  },
  elementary: {
    hub: 'elementary-data/elementary',
    version: '0.25.1',
    git: 'elementary-data/dbt-data-reliability',
    tag: '0.25.1',
    tests: 'integration_tests/dbt_project',
    needs: ['dbt_utils'],
    steps: build,
    ignore: {
      tables: [
        'dev_elementary\\.(alerts_\\w+|\\w*run_results|dbt_invocations|elementary_test_results)\\.',
        'dev_elementary\\.(job_\\w+|dbt_artifacts_hashes|monitors_runs)\\.',
        'metrics_python_table',
      ],
      'compiled SQL': ['metrics_python_table'],
      manifest: ['metrics_python_table'],
      why: 'seconds and identities of the run; our own words in a Python model',
    },
  },
};

/** Has tsdbt put every package below `dir`, as a user would. */
async function fetchPackages(dir) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'dbt_project.yml'), "name: pinned\nversion: '1.0.0'\n");
  const entries = Object.values(PACKAGES).map(({ hub, version }) => `  - package: ${hub}\n    version: ${version}\n`);
  writeFileSync(join(dir, 'packages.yml'), `packages:\n${entries.join('')}`);
  const hub = from === undefined ? undefined : await startHub(from, PACKAGES);
  const [program, ...args] = TSDBT();
  const env = hub === undefined ? process.env : { ...process.env, DBT_PACKAGE_HUB_URL: hub.url };
  const code = await new Promise((done) =>
    spawn(program, [...args, 'deps'], { cwd: dir, env, stdio: ['ignore', 'inherit', 'inherit'] }).once('close', done),
  );
  hub?.stop();
  if (code !== 0) throw new Error('tsdbt deps failed');
}

/** The integration project of a package, with what it needs in folders of its own. */
function project(name, pinned, dir) {
  const { tests, needs = [] } = PACKAGES[name];
  cpSync(join(pinned, name, tests), dir, { recursive: true });
  for (const each of [name, ...needs]) {
    const copy = join(dir, 'pinned', each);
    cpSync(join(pinned, each), copy, {
      recursive: true,
      filter: (path) => !/\/(integration_tests[^/]*|\.git|package-lock\.yml)$/.test(path.slice(pinned.length)),
    });
    rmSync(join(copy, 'packages.yml'), { force: true });
  }
  const excluded = existsSync(join(dir, 'exclude_package')) ? ['exclude_package'] : [];
  const locals = [...[name, ...needs].map((each) => `pinned/${each}`), ...excluded];
  writeFileSync(join(dir, 'packages.yml'), `packages:\n${locals.map((each) => `  - local: ${each}\n`).join('')}`);
  rmSync(join(dir, 'package-lock.yml'), { force: true });
  appendFileSync(join(dir, '.dbtignore'), '\npinned/\n');
  const plan = { ignore: {}, ...PACKAGES[name] };
  return {
    ...plan,
    steps: [{ run: 'deps' }, ...plan.steps].map((step) => ({ ...step, env: { ...POSTGRES, ...step.env } })),
  };
}

const counts = ({ seen }) => {
  const results = Object.assign({}, ...seen.map((step) => step.results));
  const all = Object.values(results);
  return { nodes: all.length, passed: all.filter((r) => r.status === 'success' || r.status === 'pass').length };
};

const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const names = Object.keys(PACKAGES).filter((name) => wanted.length === 0 || wanted.includes(name));
const work = mkdtempSync(join(tmpdir(), 'tsdbt-packages-'));
const server = await startPostgres();
const table = [];
try {
  await fetchPackages(join(work, 'pins'));
  for (const name of names) {
    const dir = join(work, name);
    const plan = project(name, join(work, 'pins', 'dbt_packages'), dir);
    const since = Date.now() - 60_000;
    const theirs = await playDbt(dir, plan, server, since, process.argv.includes('--reuse'));
    const ours = await play(TSDBT, dir, plan, server, since);
    const files = sqlFiles(join(work, 'pins', 'dbt_packages', name));
    const trees = await differentTrees(join(oracleBin(), 'python'), files);
    const areas = Object.entries({ ...compare(theirs, ours, plan), ...(trees.length > 0 ? { trees } : {}) });
    table.push({
      package: name,
      trees: files.length,
      nodes: counts(theirs).nodes,
      'passed with dbt': counts(theirs).passed,
      'passed with tsdbt': counts(ours).passed,
      differences: areas.length,
    });
    process.stdout.write(
      `${areas.length === 0 ? 'same     ' : 'DIFFERENT'} ${name} (${Object.keys(theirs.compiled).length} ` +
        'compiled files)\n',
    );
    for (const [area, lines] of areas) process.stdout.write(differencesText(area, lines));
  }
} finally {
  server.stop();
  rmSync(work, { recursive: true, force: true });
}
console.table(table);
process.exitCode = table.length > 0 && table.every((row) => row.differences === 0) ? 0 : 1;
