// A package hub on the loopback address that serves the tags of Git repositories in a folder (OWNER/NAME.git), for
// machines that reach no other hub. Knows only the packages that it is told of.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const yaml = createRequire(import.meta.url)('yaml');

/**
 * @param {string} folder
 * @param {Record<string, { hub: string, git: string, tag: string, version: string }>} packages by project name
 * @returns its URL and `stop()`
 */
export async function startHub(folder, packages) {
  const known = new Map(Object.entries(packages).map(([name, each]) => [each.hub, { name, ...each }]));
  const git = (repository, ...args) =>
    execFileSync('git', ['-C', join(folder, `${repository}.git`), ...args], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const show = (repository, tag, file) => {
    try {
      return yaml.parse(git(repository, 'show', `${tag}:${file}`).toString('utf8')) ?? {};
    } catch {
      return {};
    }
  };
  let base = '';
  const answer = (path) => {
    if (path === '/api/v1/index.json') return JSON.stringify([...known.keys()]);
    const tarball = /^\/tar\/(.*)$/.exec(path)?.[1];
    const each = known.get(tarball ?? /^\/api\/v1\/(.*)\.json$/.exec(path)?.[1]);
    if (each === undefined) return undefined;
    if (tarball !== undefined)
      return git(each.git, 'archive', '--format=tar.gz', `--prefix=${each.name}-${each.version}/`, each.tag);
    const { packages: asks = [] } = show(each.git, each.tag, 'packages.yml') ?? {};
    const require = show(each.git, each.tag, 'dbt_project.yml')['require-dbt-version'] ?? [];
    return JSON.stringify({
      name: each.name,
      namespace: each.hub.split('/')[0],
      versions: {
        [each.version]: {
          name: each.name,
          version: each.version,
          packages: asks ?? [],
          require_dbt_version: require,
          downloads: { tarball: `${base}tar/${each.hub}`, format: 'tgz' },
        },
      },
    });
  };
  const server = createServer((request, response) => {
    const body = answer(request.url);
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  base = `http://127.0.0.1:${server.address().port}/`;
  return { url: base, stop: () => server.close() };
}
