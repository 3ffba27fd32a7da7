// Brings the projects of strangers.json, each repository at its commit, into the cache folder and lays them out with
// their packages beside them, so that neither program asks a hub. Leaves playing and measuring to its callers.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from './servers.mjs';

const { TSDBT_STRANGERS: mirrors, TSDBT_ORACLE, XDG_CACHE_HOME } = process.env;

/** @returns repositories by name, named lists of steps, projects by name */
export const strangers = () => JSON.parse(readFileSync(join(root, 'tests', 'oracle', 'strangers.json'), 'utf8'));

/** Where repositories and projects are kept; never in this repository. */
const kept = () => join(TSDBT_ORACLE || join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-oracle'), 'strangers');

/** The Git directory that holds a commit of OWNER/NAME: of the folder of mirrors, or fetched from GitHub once. */
function gitDirectory({ git, commit }) {
  const flat = git.replace('/', '+');
  const has = (dir) => {
    try {
      execFileSync('git', ['--git-dir', dir, 'cat-file', '-e', `${commit}^{commit}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  const given =
    mirrors === undefined ? [] : [`${git}.git`, flat, `${flat}/repo`, `${flat}/repo/.git`].map((p) => join(mirrors, p));
  const own = join(kept(), 'git', `${flat}.git`);
  const found = [...given, own].find((dir) => existsSync(join(dir, 'HEAD')) && has(dir));
  if (found !== undefined) return found;
  execFileSync('git', ['init', '-q', '--bare', own]);
  execFileSync('git', ['--git-dir', own, 'fetch', '-q', '--depth', '1', `https://github.com/${git}`, commit], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return own;
}

/** Writes a folder of a repository (`git`, `commit`) to `into`; what `without` names is too large for a mirror. */
export function extract(repository, folder, into) {
  const { commit, without = [] } = repository;
  const tree = folder === '' ? commit : `${commit}:${folder}`;
  const below = folder === '' ? '' : `${folder}/`;
  const left = without.filter((path) => path.startsWith(below)).map((path) => `:(exclude)${path.slice(below.length)}`);
  const git = ['--git-dir', gitDirectory(repository), 'archive', '--format=tar', tree, '.', ...left];
  const tar = execFileSync('git', git, { maxBuffer: 1 << 30 });
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-x', '-C', into], { input: tar });
}

/** Removes what `deps` reads, and a profile for another warehouse. */
function forget(dir) {
  for (const file of ['packages.yml', 'dependencies.yml', 'package-lock.yml', 'profiles.yml'])
    rmSync(join(dir, file), { force: true });
}

/**
 * Lays a project out: its files, its packages in `dbt_packages/`, `steps.json`.
 * @param list the commands, in the place of its own
 * @returns its folder, made anew
 */
export function checkOut(name, list) {
  const { repositories, steps, projects } = strangers();
  const project = projects[name];
  const dir = join(kept(), 'projects', name);
  rmSync(dir, { recursive: true, force: true });
  extract(repositories[project.from], project.folder ?? '', dir);
  for (const [folder, at] of Object.entries(project.beside ?? {}))
    extract(repositories[project.from], folder, join(dir, at));
  rmSync(join(dir, 'dbt_packages'), { recursive: true, force: true }); // some commit theirs
  // Packages lie where `deps` would have put them, and `packages.yml` names as many: no program asks a hub.
  for (const each of project.packages ?? []) {
    const copy = join(dir, 'dbt_packages', each);
    extract(repositories[each], '', copy);
    rmSync(join(copy, 'integration_tests'), { recursive: true, force: true });
    forget(copy);
  }
  for (const each of project.locals ?? [])
    cpSync(join(dir, each), join(dir, 'dbt_packages', each), { recursive: true });
  forget(dir);
  const local = [...(project.packages ?? []), ...(project.locals ?? [])].map((each) => ({
    local: `dbt_packages/${each}`,
  }));
  if (local.length > 0) writeFileSync(join(dir, 'packages.yml'), JSON.stringify({ packages: local }));
  for (const [file, changes] of Object.entries(project.replace ?? {})) {
    if (changes === null) {
      rmSync(join(dir, file));
      continue;
    }
    let text = readFileSync(join(dir, file), 'utf8');
    for (const [old, other] of changes) {
      if (!text.includes(old)) throw new Error(`${name}: ${file} has no '${old}' to replace`);
      text = text.replaceAll(old, other);
    }
    writeFileSync(join(dir, file), text);
  }
  const commands = list ?? steps[project.steps] ?? project.steps;
  const all = commands.map((step) => ({ env: project.env, ...(typeof step === 'string' ? { run: step } : step) }));
  // What dbt left is kept by these files: that of a project that reads today's date, for a day.
  const day = project.daily ? { day: new Date().toISOString().slice(0, 10) } : {};
  writeFileSync(join(dir, 'steps.json'), JSON.stringify({ steps: all, ...day }, null, 2));
  return dir;
}
