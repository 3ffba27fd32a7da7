// deps: git, tarballs, the hub and local folders, from repositories and a server that the test makes itself. Messages,
// the lock file and its checksum are those of dbt 1.12.6, seen by running it on the same files.
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import { formatError } from '../../../../src/errors.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { type InstallOptions, installPackages } from '../../../../src/project/deps/install.ts';
import { packagesHash } from '../../../../src/project/deps/lock-file.ts';
import { loadProject } from '../../../../src/project/project.ts';

let root = '';
let server: Server;
let base = '';
/** The answers of the server by path. A list is consumed from its start. */
const answers = new Map<string, (Buffer | string | number)[]>();
const asked: string[] = [];
const events: LogEvent[] = [];
const logger = { fire: (event: LogEvent): void => void events.push(event) };
let env: Record<string, string> = {};
/** False: an answer ends when the connection closes, so that a client cannot tell whether it is complete. */
let saysLength = true;
const render = (text: string): Json =>
  text.replace(/\{\{ env_var\('(\w+)'\) \}\}/g, (_, name: string) => env[name] ?? '');

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tsdbt-deps-'));
  for (const list of [events, asked]) list.length = 0;
  answers.clear();
  saysLength = true;
  server = createServer((request, response) => {
    asked.push(`${request.url ?? ''}${request.headers.authorization === undefined ? '' : ' with a password'}`);
    const list = answers.get(request.url ?? '') ?? [];
    const answer = (list.length > 1 ? list.shift() : list[0]) ?? 404;
    response.statusCode = typeof answer === 'number' ? answer : 200;
    if (!saysLength) {
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.flushHeaders();
    }
    if (answer === 302) response.setHeader('location', `${request.url ?? ''}/moved`);
    response.end(typeof answer === 'number' ? '' : answer);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  env = { DBT_PACKAGE_HUB_URL: base, PATH: process.env['PATH'] ?? '', HOME: root };
  write({ 'p/dbt_project.yml': 'name: o\n' });
});
afterEach(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

async function deps(packages: string, more: Partial<InstallOptions> = {}): Promise<string> {
  write({ 'p/packages.yml': packages });
  const scope = { target: null, vars: {}, requireVars: false, env, secrets: true };
  try {
    const project = loadProject(join(root, 'p'), {
      render,
      scope,
      versionCheck: true,
      logger,
      allowOutside: true,
    });
    await installPackages({
      project,
      render,
      scope,
      env,
      logger,
      lockOnly: false,
      upgrade: false,
      versionCheck: true,
      retryDelay: 0,
      ...more,
    });
  } catch (error) {
    return formatError(error).replaceAll(root, '/r').replaceAll(base, 'http://hub');
  }
  return 'ok';
}

const read = (path: string): string =>
  readFileSync(join(root, path), 'utf8').replaceAll(root, '/r').replaceAll(base, 'http://hub');
const said = (level: string): string[] =>
  events
    .filter((event) => event.level === level)
    .map((event) => event.msg.replaceAll(root, '/r').replaceAll(base, 'http://hub'));

function git(...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
    cwd: join(root, 'repo'),
    encoding: 'utf8',
    env: { ...env, GIT_COMMITTER_DATE: '2024-01-01T00:00:00Z', GIT_AUTHOR_DATE: '2024-01-01T00:00:00Z' },
  }).trim();
}

/** A repository with a tag v1, and one more commit on main; `sub` is a package of its own. @returns the commit of v1 */
function repository(): string {
  write({
    'repo/dbt_project.yml': 'name: one\n',
    'repo/macros/m.sql': 'first',
    'repo/sub/dbt_project.yml': 'name: below\n',
    'repo/sub/packages.yml': 'packages: [{local: near}]\n',
    'p/near/dbt_project.yml': 'name: near\n',
  });
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'a');
  git('tag', 'v1');
  const commit = git('rev-parse', 'HEAD');
  write({ 'repo/macros/m.sql': 'second' });
  git('commit', '-q', '-a', '-m', 'b');
  return commit;
}

interface TarEntry {
  readonly path: string;
  readonly text?: string;
  readonly link?: string;
}

function tarball(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.map(({ path, text = '', link }) => {
    const data = Buffer.from(text);
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('0000644\0', 100);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(link === undefined ? '0' : '2', 156);
    header.write(link ?? '', 157);
    header.write('ustar\x0000', 257);
    header.write('        ', 148);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

const packed = (name: string, text = 'x'): Buffer =>
  tarball([
    { path: `top-${name}/dbt_project.yml`, text: `name: ${name}\n` },
    { path: `top-${name}/macros/m.sql`, text },
  ]);

/** Puts a package on the hub. */
function onHub(
  name: string,
  versions: Record<string, { packages?: unknown[]; require?: string | string[]; tarball?: Buffer }>,
): void {
  const short = name.slice(name.indexOf('/') + 1);
  const listed = Object.entries(versions).map(([version, { packages = [], require, tarball: archive }]) => {
    answers.set(`/tar/${name}/${version}`, [archive ?? packed(short, version)]);
    return [
      version,
      {
        name: short,
        packages,
        require_dbt_version: require ?? [],
        downloads: { tarball: `${base}/tar/${name}/${version}` },
      },
    ];
  });
  answers.set(`/api/v1/${name}.json`, [
    JSON.stringify({ name: short, namespace: name.split('/')[0], versions: Object.fromEntries(listed) }),
  ]);
  const index = JSON.parse(String(answers.get('/api/v1/index.json')?.[0] ?? '[]')) as string[];
  answers.set('/api/v1/index.json', [JSON.stringify([...index, name])]);
}

describe('a local package', () => {
  it('is linked with its dependencies, and the lock file is the same as in dbt', async () => {
    write({
      'p/one/dbt_project.yml': 'name: first\n',
      'p/one/packages.yml': 'packages: [{local: two}]\n',
      'p/two/dbt_project.yml': 'name: second\n',
    });
    expect(await deps('packages:\n  - local: one\n')).toBe('ok');
    expect(readlinkSync(join(root, 'p/dbt_packages/first'))).toBe(join(root, 'p/one'));
    expect(readlinkSync(join(root, 'p/dbt_packages/second'))).toBe(join(root, 'p/two'));
    expect(read('p/package-lock.yml')).toBe(
      'packages:\n  - local: one\n    name: first\n  - local: two\n    name: second\nsha1_hash: ' +
        'd7fa696e0d0a7e255dbf7923a48e3c6bbafb2fcc\n',
    );
  });

  it('may depend on another in a cycle, but cannot have a name that is in use', async () => {
    write({
      'p/one/dbt_project.yml': 'name: first\n',
      'p/one/packages.yml': 'packages: [{local: two}]\n',
      'p/two/dbt_project.yml': 'name: second\n',
      'p/two/packages.yml': 'packages: [{local: one}]\n',
      'p/same/dbt_project.yml': 'name: o\n',
      'p/twin/dbt_project.yml': 'name: second\n',
    });
    expect(await deps('packages: [{local: one}]\n')).toBe('ok');
    expect(await deps('packages: [{local: same}]\n')).toContain(
      'Found a dependency with the same name as the root project "o".',
    );
    expect(await deps('packages: [{local: two}, {local: twin}]\n')).toContain('Found duplicate project "second".');
  });

  it('cannot leave the package folder by its name', async () => {
    write({ 'p/one/dbt_project.yml': 'name: ../../evil\n' });
    expect(await deps('packages: [{local: one}]\n')).toContain(
      "Invalid package name '../../evil': resolves outside of the packages-install-path ('dbt_packages')",
    );
    expect(existsSync(join(root, 'evil'))).toBe(false);
  });
});

describe('a git package', () => {
  it('is checked out at its revision, and the lock file contains the commit', async () => {
    const commit = repository();
    expect(await deps(`packages:\n  - git: file://${root}/repo\n    revision: v1\n`)).toBe('ok');
    expect(read('p/dbt_packages/one/macros/m.sql')).toBe('first');
    expect(existsSync(join(root, 'p/dbt_packages/one/.git'))).toBe(false);
    expect(read('p/package-lock.yml')).toMatch(
      new RegExp(
        `^packages:\n  - git: file:///r/repo\n    name: one\n    revision: ${commit}\nsha1_hash: [0-9a-f]{40}\n$`,
      ),
    );
    expect(said('info').slice(1)).toEqual(['Installing file:///r/repo', `Installed from revision ${commit}`]);
    expect(said('warn')).toEqual([]);
  });

  it(
    'without a revision comes from the default branch, with a warning unless that is turned off, and the lock ' +
      'file pins its commit',
    async () => {
      repository();
      expect(await deps(`packages:\n  - git: file://${root}/repo\n`)).toBe('ok');
      expect(read('p/dbt_packages/one/macros/m.sql')).toBe('second');
      expect(said('warn')[0]).toContain(
        'The git package "file:///r/repo" \n\tis not pinned, using HEAD (default branch).\n\tThis can introduce ' +
          'breaking changes into your project without warning!',
      );
      write({ 'repo/macros/m.sql': 'third' });
      git('commit', '-q', '-a', '-m', 'c');
      expect(await deps(`packages:\n  - git: file://${root}/repo\n`)).toBe('ok');
      expect(read('p/dbt_packages/one/macros/m.sql')).toBe('second');
      expect(await deps(`packages:\n  - git: file://${root}/repo\n    warn-unpinned: false\n`, { upgrade: true })).toBe(
        'ok',
      );
      expect(read('p/dbt_packages/one/macros/m.sql')).toBe('third');
      expect(said('warn')).toHaveLength(1);
    },
  );

  it('in a subdirectory installs only that folder and its dependencies', async () => {
    repository();
    expect(
      await deps(
        `packages:\n  - git: file://${root}/repo\n    revision: main\n    subdirectory: sub\n    ` +
          'warn-unpinned: false\n',
      ),
    ).toBe('ok');
    expect(readdirSync(join(root, 'p/dbt_packages'))).toEqual(['below', 'near']);
    expect(readdirSync(join(root, 'p/dbt_packages/below')).sort()).toEqual(['dbt_project.yml', 'packages.yml']);
    expect(said('info')).toContain('and subdirectory sub');
    expect(
      await deps(`packages:\n  - git: file://${root}/repo\n    revision: v1\n    subdirectory: ../..\n`),
    ).toContain("The subdirectory '../..' of file:///r/repo is outside of the repository");
  });

  it('at two revisions, at an unknown one or with git options as revision fails with a reason', async () => {
    repository();
    const twice =
      `packages:\n  - git: file://${root}/repo\n    revision: v1\n  - git: file://${root}/repo.git\n    ` +
      'revision: main\n';
    expect(await deps(twice)).toContain(
      "git dependencies should contain exactly one version. file:///r/repo contains: {'main', 'v1'}",
    );
    expect(await deps(`packages:\n  - git: file://${root}/repo\n    revision: v9\n`)).toContain(
      "Error checking out spec='v9' for repo file:///r/repo\n  fatal: couldn't find remote ref v9",
    );
    expect(await deps(`packages:\n  - git: --upload-pack=touch ${root}/evil\n    revision: v1\n`)).toContain(
      'cannot begin with a dash',
    );
    expect(existsSync(join(root, 'evil'))).toBe(false);
  });

  it('shows its password in no message, and its secret not in the lock file', async () => {
    env['DBT_ENV_SECRET_TOKEN'] = 'tok-en';
    const message = await deps(`packages:\n  - git: http://me:pass-word@127.0.0.1:9/x.git\n    revision: v1\n`);
    expect(message).toContain('http://*****@127.0.0.1:9/x.git');
    expect(message).not.toContain('pass-word');
    repository();
    expect(
      await deps(`packages:\n  - git: "file://{{ env_var('DBT_ENV_SECRET_TOKEN') }}@${root}/repo"\n    revision: v1\n`),
    ).not.toContain('tok-en@');
    env['DBT_ENV_SECRET_TOKEN'] = `${root}/repo`;
    expect(await deps(`packages:\n  - git: "file://{{ env_var('DBT_ENV_SECRET_TOKEN') }}"\n    revision: v1\n`)).toBe(
      'ok',
    );
    expect(read('p/package-lock.yml')).toContain("git: file://{{ env_var('DBT_ENV_SECRET_TOKEN') }}");
    expect(await deps(`packages:\n  - git: "file://${root}/repo"\n    revision: v1\n`, { lockOnly: true })).toBe('ok');
    expect(read('p/package-lock.yml')).toContain('git: file://*****');
    expect(said('warn').at(-1)).toContain('Detected secret env var in file://*****');
  });

  it('with a private name comes from the URL in the environment', async () => {
    repository();
    mkdirSync(join(root, 'acme'));
    execFileSync('git', ['clone', '-q', '--bare', join(root, 'repo'), join(root, 'acme/one.git')], { env });
    env['DBT_ENV_PRIVATE_GIT_PROVIDER_INFO'] = JSON.stringify([
      { org: 'acme', url: `file://${root}/acme/{repo}.git`, token: 't', provider: 'github' },
    ]);
    expect(await deps('packages:\n  - private: other/one\n    revision: v1\n')).toContain(
      'No matching Git URLs for private definition other/one with provider None',
    );
    expect(await deps('packages:\n  - private: x\n    provider: nobody\n')).toContain('No matching Git URLs');
  });
});

describe('a tarball package', () => {
  const entry = (): string => `packages:\n  - tarball: ${base}/x.tar.gz\n    name: boxed\n`;

  it('is unpacked under the name in packages.yml', async () => {
    answers.set('/x.tar.gz', [302]);
    answers.set('/x.tar.gz/moved', [packed('inner')]);
    expect(await deps(entry())).toBe('ok');
    expect(read('p/dbt_packages/boxed/macros/m.sql')).toBe('x');
    expect(read('p/package-lock.yml')).toMatch(
      new RegExp(
        String.raw`^packages:\n {2}- name: boxed\n {4}tarball: http://hub/x.tar.gz\nsha1_hash: [0-9a-f]{40}\n` +
          String.raw`# sha256 [0-9a-f]{64} "http://hub/x.tar.gz tarball"\n$`,
      ),
    );
    expect(said('info').slice(1)).toEqual(['Installing boxed', 'Installed from tarball (url: http://hub/x.tar.gz)']);
  });

  it(
    'is downloaded again when it is missing or may be truncated, but not when it does not exist or is ' + 'invalid',
    async () => {
      answers.set('/x.tar.gz', [503, packed('inner')]);
      expect(await deps(entry())).toBe('ok');
      expect(asked).toHaveLength(2);
      answers.set('/x.tar.gz', [404]);
      expect(await deps(entry(), { upgrade: true })).toContain(
        'External connection exception occurred: 404 Client Error: Not Found for url: http://hub/x.tar.gz\n' +
          '  If the server is unreachable, set another hub in DBT_PACKAGE_HUB_URL, or install from git: or local:.',
      );
      expect(asked).toHaveLength(3);
      answers.set('/x.tar.gz', [packed('inner').subarray(0, 60)]);
      expect(await deps(entry(), { upgrade: true })).toBe(
        'Runtime Error\n  http://hub/x.tar.gz is not a readable .tar.gz: unexpected end of file',
      );
      expect(asked).toHaveLength(4);
      answers.set('/x.tar.gz', [500]);
      expect(await deps(entry(), { upgrade: true })).toContain('500 Server Error');
      expect(asked).toHaveLength(10);
      saysLength = false;
      answers.set('/x.tar.gz', [packed('inner').subarray(0, 60), packed('inner')]);
      expect(await deps(entry(), { upgrade: true })).toBe('ok');
      expect(asked).toHaveLength(12);
    },
  );

  it.each<[string, TarEntry[]]>([
    ['a path above', [{ path: 'top/../../evil', text: 'x' }]],
    ['an absolute path', [{ path: '/tmp/evil', text: 'x' }]],
    ['a link to outside', [{ path: 'top/evil', link: '../../..' }]],
    ['a link to an absolute path', [{ path: 'top/evil', link: '/etc' }]],
  ])('with %s installs nothing', async (_, entries) => {
    answers.set('/x.tar.gz', [packed('inner')]);
    await deps(entry());
    answers.set('/x.tar.gz', [tarball([{ path: 'top/dbt_project.yml', text: 'name: inner\n' }, ...entries])]);
    expect(await deps(entry(), { upgrade: true })).toContain('points outside of the package. Nothing was installed.');
    expect(read('p/dbt_packages/boxed/macros/m.sql')).toBe('x');
  });

  it('needs exactly one folder at the top', async () => {
    answers.set('/x.tar.gz', [
      tarball([
        { path: 'a/x', text: '' },
        { path: 'b/x', text: '' },
      ]),
    ]);
    expect(await deps(entry())).toContain(
      'Incorrect structure for package extracted from http://hub/x.tar.gz.The extracted package needs to ' +
        'follow the structure boxed/<package_contents>.',
    );
  });
});

describe('the package hub', () => {
  it('provides the newest matching version and its dependencies', async () => {
    onHub('a/one', {
      '1.0.0': {},
      '1.2.0': { packages: [{ package: 'a/two', version: ['>=0.1.0', '<1.0.0'] }] },
      '2.0.0': {},
      '1.9.0-rc1': {},
    });
    onHub('a/two', { '0.1.0': {}, '0.9.0': {}, '0.9.5': { require: '>=9.0.0' }, '1.0.0': {} });
    expect(await deps('packages:\n  - package: a/one\n    version: [">=1.0.0", "<2.0.0"]\n')).toBe('ok');
    expect(read('p/package-lock.yml')).toMatch(
      new RegExp(
        String.raw`^packages:\n {2}- name: one\n {4}package: a/one\n {4}version: 1.2.0\n {2}- name: two\n {4}pac` +
          String.raw`kage: a/two\n {4}version: 0.9.0\nsha1_hash: \w{40}\n` +
          String.raw`# sha256 \w{64} "a/one 1.2.0"\n# sha256 \w{64} "a/two 0.9.0"\n$`,
      ),
    );
    expect(read('p/dbt_packages/two/macros/m.sql')).toBe('0.9.0');
    expect(said('info').slice(1)).toEqual([
      'Installing a/one',
      'Installed from version 1.2.0',
      'Updated version available: 2.0.0',
      'Installing a/two',
      'Installed from version 0.9.0',
      'Updated version available: 1.0.0',
      '',
      "Updates available for packages: ['a/one', 'a/two']\nUpdate your versions in packages.yml, then run dbt deps",
    ]);
  });

  it('provides prereleases only if they are requested', async () => {
    onHub('a/one', { '1.0.0': {}, '1.1.0-rc1': {} });
    const locked = async (entry: string): Promise<string | undefined> =>
      (await deps(`packages:\n  - ${entry}\n`, { lockOnly: true })) === 'ok'
        ? /version: (.*)/.exec(read('p/package-lock.yml'))?.[1]
        : undefined;
    expect(await locked('{package: a/one, version: ">=1.0.0"}')).toBe('1.0.0');
    expect(await locked('{package: a/one, version: ">=1.0.0", install_prerelease: true}')).toBe('1.1.0-rc1');
    expect(await locked('{package: a/one, version: ">=1.1.0-rc1"}')).toBe('1.1.0-rc1');
    expect(existsSync(join(root, 'p/dbt_packages'))).toBe(false);
  });

  it('needs complete metadata only for the chosen version', async () => {
    onHub('a/one', { '1.0.0': {}, '1.1.0': {} });
    const bare = JSON.parse(String(answers.get('/api/v1/a/one.json')?.[0])) as { versions: Record<string, object> };
    bare.versions['1.1.0'] = { name: 'one', downloads: {} };
    answers.set('/api/v1/a/one.json', [JSON.stringify(bare)]);
    expect(await deps('packages:\n  - {package: a/one, version: 1.0.0}\n')).toBe('ok');
    expect(await deps('packages:\n  - {package: a/one, version: 0.0.0}\n')).toContain(
      "Requested range: =0.0.0, =0.0.0\n    Compatible versions: ['1.0.0', '1.1.0']\n",
    );
    expect(await deps('packages:\n  - {package: a/one, version: 1.1.0}\n')).toBe(
      "Runtime Error\n  The hub's answer for version 1.1.0 of a/one has no packages, no downloads.tarball: it cannot " +
        'be installed',
    );
    bare.versions = { '1.1.0': { name: 'one', downloads: {} } };
    answers.set('/api/v1/a/one.json', [JSON.stringify(bare)]);
    expect(await deps('packages:\n  - {package: a/one, version: 1.1.0}\n')).toContain(
      'Expected the response for the version to contain keys name, packages and downloads, but it is missing packages',
    );
  });

  it('reports which version requests conflict', async () => {
    onHub('a/one', { '1.0.0': { packages: [{ package: 'a/two', version: '2.0.0' }] } });
    onHub('a/two', { '1.0.0': {}, '2.0.0': {}, '3.0.0': { require: ['>=9.0.0'] } });
    expect(
      await deps('packages:\n  - {package: a/one, version: 1.0.0}\n  - {package: a/two, version: 1.0.0}\n'),
    ).toContain(
      "Version error for package a/two: Could not find a satisfactory version from options: ['=1.0.0', '=2.0.0']",
    );
    expect(await deps('packages:\n  - {package: a/two, version: [">2.0.0", "<4.0.0"]}\n')).toContain(
      'Could not find a matching compatible version for package a/two\n    Requested range: >2.0.0, <4.0.0\n   ' +
        " Compatible versions: ['1.0.0', '2.0.0']\n",
    );
    expect(
      await deps('packages:\n  - {package: a/two, version: [">2.0.0", "<4.0.0"]}\n', { versionCheck: false }),
    ).toBe('ok');
    expect(await deps('packages:\n  - {package: a/none, version: 1.0.0}\n')).toContain(
      'Package a/none was not found in the package index',
    );
    expect(await deps('packages:\n  - {package: a/two, version: "1.0"}\n')).toContain(
      '"1.0" is not a valid semantic version.',
    );
  });

  it('reports a package that has moved, and is queried again after an invalid answer', async () => {
    onHub('a/one', { '1.0.0': {} });
    const good = JSON.parse(String(answers.get('/api/v1/a/one.json')?.[0])) as Record<string, unknown>;
    answers.set('/api/v1/a/one.json', [
      'null',
      '{"name": "one"}',
      'no json',
      JSON.stringify({ ...good, redirectnamespace: 'b' }),
    ]);
    expect(await deps('packages:\n  - {package: a/one, version: 1.0.0}\n')).toBe('ok');
    expect(said('warn')[0]).toContain('The `a/one` package is deprecated in favor of `b/one`.');
  });
});

describe('the lock file', () => {
  it('has the same checksum as in dbt', () => {
    const hash = (entry: { [key: string]: Json }): string =>
      packagesHash([{ entry, unrendered: entry, foreign: false }]);
    expect(hash({ git: 'https://x', revision: 'a' })).toBe('f284e92916a57ba32849021470ac0c257c0e942a');
    expect(hash({ package: 'a/b', version: ['>=1.0.0'] })).toBe('b9b816bb7698036720d2bcccb3342e4af0cb23fa');
  });

  it('is used unchanged while packages.yml stays the same', async () => {
    onHub('a/one', { '1.0.0': {} });
    const asks = 'packages:\n  - {package: a/one, version: ">=1.0.0"}\n';
    await deps(asks);
    onHub('a/one', { '1.0.0': {}, '1.1.0': {} });
    await deps(asks);
    expect(read('p/dbt_packages/one/macros/m.sql')).toBe('1.0.0');
    await deps(asks, { upgrade: true });
    expect(read('p/dbt_packages/one/macros/m.sql')).toBe('1.1.0');
    await deps('packages:\n  - {package: a/one, version: 1.0.0}\n');
    expect(read('p/dbt_packages/one/macros/m.sql')).toBe('1.0.0');
  });
});

describe('a deps that fails or is killed', () => {
  it('keeps the previous packages', async () => {
    onHub('a/one', { '1.0.0': {} });
    onHub('a/two', { '1.0.0': {} });
    await deps('packages:\n  - {package: a/one, version: 1.0.0}\n');
    answers.set('/tar/a/two/1.0.0', [404]);
    expect(
      await deps('packages:\n  - {package: a/one, version: 1.0.0}\n  - {package: a/two, version: 1.0.0}\n'),
    ).toContain('404');
    expect(readdirSync(join(root, 'p/dbt_packages'))).toEqual(['one']);
    expect(readdirSync(join(root, 'p')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is cleaned up by the next deps', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((done) => dead.once('close', done));
    write({ [`p/.dbt_packages.new-${dead.pid ?? 0}/half/x`]: '', 'p/.dbt_packages.new-1/x': '' });
    onHub('a/one', { '1.0.0': {} });
    expect(await deps('packages:\n  - {package: a/one, version: 1.0.0}\n')).toBe('ok');
    expect(readdirSync(join(root, 'p')).filter((name) => name.startsWith('.'))).toEqual(['.dbt_packages.new-1']);
  });

  it('never deletes the project', async () => {
    write({ 'p/dbt_project.yml': 'name: o\npackages-install-path: ..\n', 'p/one/dbt_project.yml': 'name: one\n' });
    expect(await deps('packages: [{local: one}]\n')).toContain(
      "packages-install-path '..' contains the project itself",
    );
    expect(lstatSync(join(root, 'p/dbt_project.yml')).isFile()).toBe(true);
  });

  it('deletes only packages through a link or outside of the project', async () => {
    write({ 'p/one/dbt_project.yml': 'name: one\n', 'shared/old/dbt_project.yml': 'name: old\n' });
    symlinkSync('../shared', join(root, 'p/dbt_packages'));
    expect(await deps('packages: [{local: one}]\n')).toBe('ok');
    expect(readdirSync(join(root, 'shared'))).toEqual(['one']);
    write({ 'shared/notes.txt': 'mine' });
    const refused = "resolves to '[^']+', which contains more than packages: notes\\.txt\\. Nothing was installed\\.";
    expect(await deps('packages: [{local: one}]\n')).toMatch(
      new RegExp(`packages-install-path 'dbt_packages' ${refused}`),
    );
    write({ 'p/dbt_project.yml': 'name: o\npackages-install-path: ../shared\n' });
    expect(await deps('packages: [{local: one}]\n')).toMatch(new RegExp(refused));
    expect(readFileSync(join(root, 'shared/notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('--add-package', () => {
  it('replaces an entry for the same package', async () => {
    onHub('dbt-labs/dbt_utils', { '1.0.0': {}, '1.1.0': {} });
    const add = (name: string, version: string | null, source: string): Promise<string> =>
      deps(read('p/packages.yml'), { lockOnly: true, add: { name, version, source } });
    write({ 'p/packages.yml': 'packages:\n  - git: https://github.com/dbt-labs/dbt-utils.git\n    revision: 0.1.0\n' });
    expect(await add('dbt-labs/dbt_utils', '>=1.0.0,<1.1.0', 'hub')).toBe('ok');
    expect(read('p/packages.yml')).toBe(
      "packages:\n  - package: dbt-labs/dbt_utils\n    version:\n      - '>=1.0.0'\n      - <1.1.0\n",
    );
    expect(read('p/package-lock.yml')).toContain('version: 1.0.0');
    expect(said('info')).toContain('Added new package dbt-labs/dbt_utils@>=1.0.0,<1.1.0 to /r/p/packages.yml');
  });
});
