// `npm start`: builds the program, then runs this folder's project on its target as a user would: load, build, docs,
// and the first rows of the mart. Writes a profiles.yml here if ~/.dbt/profiles.yml belongs to other projects. Stops
// at the first step that fails, with its exit code.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const more = process.argv.slice(2);
const clickhouse = /(?:^|\s)(?:--target|-t)[=\s]clickhouse(?:\s|$)/.test(more.join(' '));

function run(title, file, args) {
  if (title) process.stdout.write(`\n\u25b8 ${title}\n`);
  const done = spawnSync(process.execPath, [join(root, file), ...args], { cwd: root, stdio: 'inherit' });
  if (done.status !== 0) process.exit(done.status ?? 1);
}
const tsdbt = (...args) => run(`tsdbt ${args.join(' ')}`, 'bin/tsdbt.js', [...args, ...more]);

// A profiles.yml of other projects would replace the built-in servers.
const { HOME, USERPROFILE = '', DBT_PROFILES_DIR = '', DBT_ENGINE_PROFILES_DIR = '' } = process.env;
const theirs = join(HOME ?? USERPROFILE, '.dbt', 'profiles.yml');
const own = join(root, 'profiles.yml');
if (
  DBT_PROFILES_DIR + DBT_ENGINE_PROFILES_DIR === '' &&
  !/--profile/.test(more.join(' ')) &&
  !existsSync(own) &&
  existsSync(theirs) &&
  !/^["']?session_analytics\b/m.test(readFileSync(theirs, 'utf8'))
) {
  copyFileSync(join(root, 'profiles.example.yml'), own);
  process.stdout.write(`${theirs} has no profile session_analytics: profiles.example.yml is now profiles.yml here.\n`);
}
const began = Date.now();
run('', 'scripts/build.mjs', []);
run('', 'scripts/link.mjs', []);
// `load` writes to Postgres; on other databases `build` loads the sample from the seeds.
if (!clickhouse) tsdbt('load', '--from', 'seeds/session_events.csv', '--select', 'source:raw.session_events');
tsdbt('build');
tsdbt('docs', 'generate');
tsdbt('show', '--inline', "select * from {{ ref('mart_session_metrics') }}", '--limit', '5');
const target = clickhouse ? ' --target clickhouse' : '';
process.stdout.write(
  `
Done in ${((Date.now() - began) / 1000).toFixed(1)} s. What next:
  npx tsdbt docs serve${target}        the models, their columns, tests and the graph, in a browser
  npx tsdbt serve${target}             keep the marts fresh: what jobs.yml says, when it says
  npx tsdbt jobs${target}              those jobs, with their last and their next run
  npx tsdbt show${target} --inline "select * from {{ ref('user_sessions') }}" --limit 5
  npx tsdbt db url${target}            the address of the embedded ` +
    `${clickhouse ? "ClickHouse's HTTP interface" : 'Postgres'}, for ${clickhouse ? '' : 'psql, '}Grafana or a BI ` +
    `tool (after: npx tsdbt db start${target})
  models/                     the models: change one and run npx tsdbt build${target} again
`,
);
