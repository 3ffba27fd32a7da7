// What a list of packages, a hub, a repository or a URL may ask for: `deps` ends in one clear error or in a harmless
// package, writes and links nothing outside, and gives a credential to nobody else.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkOut } from '../../../src/project/deps/git.ts';
import { start } from '../support/program.ts';
import { file, packed } from './tar.ts';
import {
  answers,
  asked,
  base,
  deps,
  escapes,
  JS_WORDS,
  OK,
  OUTSIDE,
  prepareLab,
  PROJECT,
  root,
  world,
  write,
} from './deps-lab.ts';

prepareLab();

/** What a package that was downloaded asks for itself, and how `deps` ends. */
const DEMANDS: Readonly<Record<string, readonly [file: string, text: () => string, ends: RegExp]>> = {
  'a folder outside': [
    'packages.yml',
    () => 'packages: [{local: ../outside}]',
    /refers to the folder '\.\.\/outside', which is outside of this project/,
  ],
  'an absolute folder': [
    'packages.yml',
    () => `packages: [{local: ${root}/outside}]`,
    /which is outside of this project/,
  ],
  'a folder outside, in dependencies.yml': [
    'dependencies.yml',
    () => 'packages: [{local: ../outside}]',
    /which is outside of this project/,
  ],
  'a folder inside that is a link to outside': [
    'packages.yml',
    () => 'packages: [{local: linked}]',
    /which is outside of this project/,
  ],
  'a folder inside': ['packages.yml', () => 'packages: [{local: near}]', OK],
  'a repository of this machine': [
    'packages.yml',
    () => `packages: [{git: "file://${root}/outside", revision: main}]`,
    /transport 'file' not allowed/,
  ],
  'a repository by its path': [
    'packages.yml',
    () => `packages: [{git: "${root}/outside", revision: main}]`,
    /transport 'file' not allowed/,
  ],
  'a command by ext': [
    'packages.yml',
    () => `packages: [{git: "ext::sh -c touch% ${root}/outside/pwned", revision: main}]`,
    /transport 'ext' not allowed/,
  ],
  'an option as URL': [
    'packages.yml',
    () => `packages: [{git: "--upload-pack=touch ${root}/outside/pwned", revision: main}]`,
    /cannot begin with a dash/,
  ],
  'an option as revision': [
    'packages.yml',
    () => 'packages: [{git: "https://127.0.0.1:9/x", revision: "--upload-pack=x"}]',
    /cannot begin with a dash/,
  ],
  'a host that is an option': [
    'packages.yml',
    () => `packages: [{git: "ssh://-oProxyCommand=touch ${root}/outside/pwned/x", revision: main}]`,
    /strange hostname|blocked/,
  ],
  'a subdirectory above': [
    'packages.yml',
    () => 'packages: [{git: "https://127.0.0.1:9/x", revision: main, subdirectory: ../../..}]',
    /is outside of the repository/,
  ],
  'a subdirectory at the root': [
    'packages.yml',
    () => 'packages: [{git: "https://127.0.0.1:9/x", revision: main, subdirectory: /etc}]',
    /is outside of the repository/,
  ],
  'a file as an archive': [
    'packages.yml',
    () => `packages: [{tarball: "file://${root}/outside/x.tar.gz", name: n}]`,
    /No connection adapters were found/,
  ],
  'a name upwards': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz", name: "../../outside/pwned"}]`,
    /Invalid package name '\.\.\/\.\.\/outside\/pwned'/,
  ],
  'a name of dots': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz", name: ".."}]`,
    /Invalid package name/,
  ],
  'a name with NUL': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz", name: "a\\0b"}]`,
    /Invalid package name/,
  ],
  'the name of this project': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz", name: o}]`,
    /same name as the root project/,
  ],
  'a secret of the environment': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/{{ env_var('DBT_ENV_SECRET_T') }}.tar.gz", name: n}]`,
    /Secret env vars are allowed only/,
  ],
  'a secret by a name that is put together': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/{{ env_var('DBT_ENV_' ~ 'SECRET_T') }}.tar.gz", name: n}]`,
    /Secret env vars are allowed only/,
  ],
  'a variable of the environment': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/{{ env_var('AWS_SECRET_ACCESS_KEY') }}.tar.gz", name: n}]`,
    /Env var required but not provided: 'AWS_SECRET_ACCESS_KEY'/,
  ],
  'a variable of the environment, or a default': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/{{ env_var('AWS_SECRET_ACCESS_KEY', 'good') }}.tar.gz", name: n}]`,
    OK,
  ],
  'a secret when the lock file is read': [
    'dependencies.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz?{{ env_var('DBT_ENV_SECRET_T') }}", name: n}]`,
    /It contains a template, which is not rendered/,
  ],
  'a secret in a text of a template': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz?{{ '{{' }} env_var('DBT_ENV_SECRET_T') {{ '}}' }}", name: n}]`,
    /It contains a template, which is not rendered/,
  ],
  itself: ['packages.yml', () => `packages: [{tarball: "${base}/x.tar.gz", name: evil}]`, OK],
  'a bomb of aliases': [
    'packages.yml',
    () => {
      const lists = [...'abcdefghi'].map((name, i, names) => {
        const item = i === 0 ? 'x,' : `*${names[i - 1]},`;
        return `${name}: &${name} [${item.repeat(9)}]\n`;
      });
      return `${lists.join('')}packages: *i\n`;
    },
    /alias/i,
  ],
  'no list': ['packages.yml', () => 'packages: 5', /malformed/],
  'a list of nulls': ['packages.yml', () => 'packages: [null]', /malformed/],
};

describe('a hostile package', () => {
  it.each(Object.entries(DEMANDS))('is rejected or harmless if it asks for %s', async (_, [name, text, ends]) => {
    symlinkSync(join(root, 'outside'), join(root, 'p/linked'));
    answers.set('/x.tar.gz', packed([PROJECT, file(`p/${name}`, text())]));
    answers.set('/good.tar.gz', packed([file('g/dbt_project.yml', 'name: good\n')]));
    const before = world();
    const said = await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`, {
      DBT_ENV_SECRET_T: 'canary-of-deps',
      AWS_SECRET_ACCESS_KEY: 'canary-of-deps',
    });
    expect(said).toMatch(ends);
    expect(said).not.toMatch(JS_WORDS);
    expect(world()).toEqual(before);
    expect(asked.filter(({ url }) => url.includes('canary'))).toEqual([]);
    expect(asked.filter(({ url }) => url === '/x.tar.gz')).toHaveLength(1);
  });

  it('cannot get a secret through a lock file of another program', async () => {
    answers.set('/good.tar.gz', packed([file('g/dbt_project.yml', 'name: good\n')]));
    const list = `packages:\n  - tarball: ${base}/good.tar.gz\n    name: good\n`;
    expect(await deps(list)).toBe('ok');
    const lock = readFileSync(join(root, 'p/package-lock.yml'), 'utf8');
    writeFileSync(
      join(root, 'p/package-lock.yml'),
      lock.replace('packages:', `packages:\n  - name: x\n    tarball: "${base}/{{ env_var('DBT_ENV_SECRET_T') }}"`),
    );
    asked.length = 0;
    // As `deps` without --upgrade, which takes the lock file as it is.
    expect(await deps(list, { DBT_ENV_SECRET_T: 'canary-of-deps' }, false)).toContain(
      'Secret env vars are allowed only',
    );
    expect(asked).toEqual([]);
  });
});

it('variables in a lock file of another program are rendered only for its own and local packages', async () => {
  answers.set('/good.tar.gz', packed([file('g/dbt_project.yml', 'name: good\n')]));
  answers.set('/more.tar.gz', packed([file('g/dbt_project.yml', 'name: more\n')]));
  const url = (path: string): string => `"{{ env_var('BASE') }}/${path}.tar.gz"`;
  const list = `packages:\n  - local: near\n  - tarball: ${url('good')}\n    name: good\n`;
  write({ 'p/near/packages.yml': `packages: [{tarball: ${url('more')}, name: more}]\n` });
  expect(await deps(list, { BASE: base })).toBe('ok');
  expect(await deps(list, { BASE: base }, false)).toBe('ok');
  const lock = readFileSync(join(root, 'p/package-lock.yml'), 'utf8');
  writeFileSync(join(root, 'p/package-lock.yml'), lock.replace('/more', '/other'));
  expect(await deps(list, { BASE: base }, false)).toContain("Env var required but not provided: 'BASE'");
});

describe('a package whose contents change under the same name', () => {
  const LIST = {
    tarball: () => `packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`,
    hub: () => 'packages:\n  - package: a/evil\n    version: 1.0.0\n',
  };
  const serve = (text: string): void => {
    answers.set('/api/v1/index.json', Buffer.from('["a/evil"]'));
    const version = { name: 'evil', packages: [], downloads: { tarball: `${base}/x.tar.gz` } };
    answers.set(
      '/api/v1/a/evil.json',
      Buffer.from(JSON.stringify({ name: 'evil', namespace: 'a', versions: { '1.0.0': version } })),
    );
    answers.set('/x.tar.gz', packed([PROJECT, file('p/macros/m.sql', text)]));
  };
  const installed = (): string => readFileSync(join(root, 'p/dbt_packages/evil/macros/m.sql'), 'utf8');
  const lock = (): string => readFileSync(join(root, 'p/package-lock.yml'), 'utf8');

  it.each(['tarball', 'hub'] as const)('is rejected when it comes from a %s, until deps --upgrade', async (kind) => {
    const list = LIST[kind]();
    serve('good');
    expect(await deps(list)).toBe('ok');
    const first = lock();
    expect(first).toMatch(/\n# sha256 [0-9a-f]{64} ".+"\n$/);
    expect(await deps(list, {}, false)).toBe('ok');
    expect(lock()).toBe(first);
    serve('evil');
    expect(await deps(list, {}, false)).toMatch(/The contents of package .* have changed since package-lock\.yml/);
    expect([installed(), lock()]).toEqual(['good', first]);
    // A change of the list resolves all packages again, and keeps what is known of them.
    expect(await deps(`${list}  - local: near\n`, {}, false)).toMatch(/have changed since package-lock\.yml/);
    expect(installed()).toBe('good');
    expect(await deps(list, {}, true)).toBe('ok');
    expect(installed()).toBe('evil');
    expect(lock()).not.toBe(first);
  });

  it('is accepted the first time with a lock file of dbt, which has no hash', async () => {
    serve('good');
    expect(await deps(LIST.tarball())).toBe('ok');
    const first = lock();
    writeFileSync(join(root, 'p/package-lock.yml'), first.replace(/^#.*\n/gm, ''));
    expect(await deps(LIST.tarball(), {}, false)).toBe('ok');
    expect(lock()).toBe(first);
  });
});

describe('a hostile hub', () => {
  const hub = (version: unknown): void => {
    answers.set('/api/v1/index.json', Buffer.from('["a/evil"]'));
    answers.set(
      '/api/v1/a/evil.json',
      Buffer.from(JSON.stringify({ name: 'evil', namespace: 'a', versions: { '1.0.0': version } })),
    );
    answers.set('/good.tar.gz', packed([file('g/dbt_project.yml', 'name: good\n')]));
  };
  it.each<[string, () => unknown, RegExp]>([
    [
      'a name upwards',
      () => ({ name: '../../outside/pwned', packages: [], downloads: { tarball: `${base}/good.tar.gz` } }),
      /Invalid package name/,
    ],
    [
      'a folder of this machine',
      () => ({ name: 'evil', packages: [{ local: '../outside' }], downloads: { tarball: `${base}/good.tar.gz` } }),
      /which is outside of this project/,
    ],
    [
      'a secret',
      () => ({
        name: 'evil',
        packages: [{ tarball: `${base}/{{ env_var('DBT_ENV_SECRET_T') }}`, name: 'n' }],
        downloads: { tarball: `${base}/good.tar.gz` },
      }),
      /Error/,
    ],
    [
      'packages that are none',
      () => ({ name: 'evil', packages: [null, 5], downloads: { tarball: `${base}/good.tar.gz` } }),
      /returned invalid dependencies/,
    ],
    ['a version that is none', () => null, /Expected the response/],
    [
      'a file as archive',
      () => ({ name: 'evil', packages: [], downloads: { tarball: `file://${root}/outside/x` } }),
      /No connection adapters/,
    ],
    [
      'a needed version of dbt that is a number',
      () => ({ name: 'evil', packages: [], require_dbt_version: 5, downloads: { tarball: `${base}/good.tar.gz` } }),
      OK,
    ],
  ])('is handled as expected: %s', async (_, version, ends) => {
    hub(version());
    const before = world();
    const said = await deps('packages:\n  - package: a/evil\n    version: 1.0.0\n', {
      DBT_ENV_SECRET_T: 'canary-of-deps',
    });
    expect(said).toMatch(ends);
    expect(said).not.toMatch(JS_WORDS);
    expect(world()).toEqual(before);
    expect(asked.filter(({ url }) => url.includes('canary'))).toEqual([]);
  });
});

describe('a hostile repository', () => {
  function git(...args: string[]): void {
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
      cwd: join(root, 'repo'),
      env: { PATH: process.env['PATH'], HOME: root },
    });
  }
  it.each<[string, () => void, string, RegExp]>([
    ['a link inside', () => symlinkSync('dbt_project.yml', join(root, 'repo/x')), '', OK],
    ['a link to outside', () => symlinkSync('../../outside', join(root, 'repo/x')), '', OUTSIDE],
    ['a link to an absolute path', () => symlinkSync('/etc', join(root, 'repo/x')), '', OUTSIDE],
    [
      'chained links',
      () => {
        mkdirSync(join(root, 'repo/a/b'), { recursive: true });
        symlinkSync('../..', join(root, 'repo/a/b/up'));
        symlinkSync('up/../outside', join(root, 'repo/a/b/y'));
      },
      '',
      OUTSIDE,
    ],
    [
      'a subdirectory that is a link to outside',
      () => symlinkSync('../../../../../../..', join(root, 'repo/sub')),
      'subdirectory: sub',
      /outside of the repository|has no folder/,
    ],
    [
      'a subdirectory that is a link to an absolute path',
      () => symlinkSync(join(root, 'outside'), join(root, 'repo/sub')),
      'subdirectory: sub',
      /outside of the repository|has no folder/,
    ],
    [
      'a subdirectory behind a link',
      () => symlinkSync(root, join(root, 'repo/sub')),
      'subdirectory: sub/outside',
      /outside of the repository|has no folder/,
    ],
    [
      'a link from the subdirectory into the rest',
      () => {
        write({ 'repo/sub/dbt_project.yml': 'name: sub\n' });
        symlinkSync('../dbt_project.yml', join(root, 'repo/sub/x'));
      },
      'subdirectory: sub',
      OUTSIDE,
    ],
    [
      'a submodule',
      () => write({ 'repo/.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ${root}/outside\n` }),
      '',
      OK,
    ],
    [
      'a name upwards',
      () => write({ 'repo/dbt_project.yml': 'name: ../../outside/pwned\n' }),
      '',
      /Invalid package name/,
    ],
  ])('is handled as expected: %s', async (_, prepare, more, ends) => {
    write({ 'repo/dbt_project.yml': 'name: one\n' });
    git('init', '-q');
    prepare();
    git('add', '.');
    git('commit', '-q', '-m', 'a');
    const before = world();
    const said = await deps(
      `packages:\n  - git: file://${root}/repo\n    revision: main\n    warn-unpinned: false\n    ${more}\n`,
    );
    expect(said).toMatch(ends);
    expect(world()).toEqual(before);
    expect(escapes()).toEqual([]);
  });
});

describe('a repository whose trees name one another', () => {
  const made = (args: string[], input: string): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: join(root, 'repo'),
      env: { PATH: process.env['PATH'], HOME: root },
      encoding: 'utf8',
      input,
    }).trim();
  const times = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');

  /** `width` ** `depth` entries of one file, in a few objects. */
  function bomb(width: number, depth: number, size: number): void {
    write({ 'repo/dbt_project.yml': 'name: one\n' });
    made(['init', '-q', '-b', 'main'], '');
    const project = made(['hash-object', '-w', '--stdin'], 'name: one\n');
    let at = `100644 blob ${made(['hash-object', '-w', '--stdin'], 'x'.repeat(size))}`;
    for (let level = 0; level < depth; level++)
      at = `040000 tree ${made(
        ['mktree'],
        times(width, (i) => `${at}\tf${i}`),
      )}`;
    const top = made(['mktree'], `100644 blob ${project}\tdbt_project.yml\n${at}\tmodels\n`);
    made(['update-ref', 'refs/heads/main', made(['commit-tree', top, '-m', 'a'], '')], '');
  }

  it.each<[string, [number, number, number], string, string]>([
    ['entries', [100, 4, 1], '', 'more than 100000 entries'],
    ['entries beside a subdirectory', [100, 4, 1], 'subdirectory: models/f1/f1/f1', 'more than 1000000 entries'],
    ['bytes', [40, 2, 2 ** 20], '', 'more than 1073741824 bytes'],
  ])('is rejected before it is written: %s', async (_, shape, more, ends) => {
    bomb(...shape);
    const before = world();
    const said = await deps(
      `packages:\n  - git: file://${root}/repo\n    revision: main\n    warn-unpinned: false\n    ${more}\n`,
    );
    expect(said).toContain(ends);
    expect(world()).toEqual(before);
  });
});

describe('the credentials in a URL', () => {
  it('are sent with a redirect to the same scheme, host and port, and no other', async () => {
    const elsewhere: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.headers.authorization);
      response.end(packed([PROJECT]));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => other.once('listening', done));
    const to = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    answers.set('/near', () => ({ status: 302, headers: { location: '/there' } }));
    answers.set('/there', packed([PROJECT]));
    answers.set('/far', () => ({ status: 302, headers: { location: `http://${to}/x` } }));
    answers.set('/scheme', () => ({ status: 302, headers: { location: `https://${new URL(base).host}/x` } }));
    answers.set('/nowhere', () => ({ status: 302, headers: { location: 'http://[' } }));
    const list = (path: string): string =>
      `packages:\n  - tarball: ${base.replace('//', '//me:pass-word@')}/${path}\n    name: evil\n`;
    expect(await deps(list('near'))).toBe('ok');
    expect(await deps(list('far'))).toBe('ok');
    expect(await deps(list('scheme'))).toContain('https://127.0.0.1');
    expect(await deps(list('nowhere'))).toContain('answered with a redirect to no URL');
    const basic = `Basic ${Buffer.from('me:pass-word').toString('base64')}`;
    expect(new Set(asked.map(({ url, authorization }) => `${url} ${authorization}`))).toEqual(
      new Set(['/near', '/there', '/far', '/scheme', '/nowhere'].map((url) => `${url} ${basic}`)),
    );
    expect(elsewhere).toEqual([undefined]);
    other.closeAllConnections();
    other.close();
  });

  it('are in no argument of git, and are sent only to the host that requests them, not after a redirect', async () => {
    // A git that writes down what it is told, and then is the real one.
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const path = execFileSync(real, ['--exec-path'], { encoding: 'utf8' }).trim();
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/git'), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${root}/tmp/argv\nexec ${real} "$@"\n`, {
      mode: 0o755,
    });
    answers.set('/repo/info/refs', ({ authorization }) =>
      authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        : { status: 404, headers: { 'www-authenticate': '' } },
    );
    const url = base.replace('//', '//me:pass-word@');
    const said = await deps(`packages:\n  - git: ${url}/repo\n    revision: main\n`, {
      PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
      GIT_TRACE: `${root}/tmp/trace`,
    });
    expect(said).toContain("Error checking out spec='main' for repo http://*****@127.0.0.1");
    expect(said).not.toContain('pass-word');
    expect(asked.at(-1)?.authorization).toBe(`Basic ${Buffer.from('me:pass-word').toString('base64')}`);
    const argv = readFileSync(join(root, 'tmp/argv'), 'utf8') + readFileSync(join(root, 'tmp/trace'), 'utf8');
    expect(argv).toContain('fetch -q --depth 1 http://127.0.0.1');
    expect(argv).not.toContain('pass-word');
    expect(path).not.toBe('');
    const elsewhere: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' });
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise((done) => other.once('listening', done));
    const to = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    answers.set('/moved/info/refs', () => ({
      status: 302,
      headers: { location: `${to}/x/info/refs?service=git-upload-pack` },
    }));
    await deps(`packages:\n  - git: ${url}/moved\n    revision: main\n`);
    expect(elsewhere).toEqual([undefined]);
    other.closeAllConnections();
    other.close();
  });
});

describe('a repository with more bytes than allowed', () => {
  it.each([
    ['git fetches them', randomBytes(3_000_000), null],
    ['git writes the files of a subdirectory', Buffer.alloc(40_000_000), 'sub'],
  ])('is rejected while %s', async (_, content, subdirectory) => {
    write({ 'repo/sub/dbt_project.yml': 'name: one\n' });
    writeFileSync(join(root, 'repo/sub/x'), content);
    const env = { PATH: process.env['PATH'], HOME: root };
    for (const args of [
      ['init', '-q', '-b', 'main'],
      ['add', '.'],
      ['commit', '-q', '-m', 'a'],
    ])
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: join(root, 'repo'), env });
    const folder = join(root, 'checkout');
    const logger = { fire: () => undefined };
    const url = `file://${root}/repo`;
    const checkout = { url, revision: 'main', subdirectory, folder, env, logger, delay: 0, foreign: false };
    await expect(checkOut({ ...checkout, maxBytes: 1_000_000 })).rejects.toThrow(/more than 2000000 bytes/);
    expect(existsSync(folder)).toBe(false);
  });
});

it('a signal while git waits for a server leaves neither downloads nor packages', async () => {
  let reached = (): void => undefined;
  const waiting = new Promise<void>((done) => {
    reached = done;
  });
  const server = createServer(() => reached());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  mkdirSync(join(root, 'signal-tmp'));
  write({
    'signal/dbt_project.yml': 'name: o\n',
    'signal/packages.yml': `packages: [{git: "http://127.0.0.1:${port}/x", revision: main}]`,
  });
  const cwd = join(root, 'signal');
  const env = { PATH: process.env['PATH'], HOME: root, TMPDIR: join(root, 'signal-tmp'), XDG_STATE_HOME: root };
  const { child, ended } = start(['deps'], { cwd, env });
  await waiting;
  child.kill('SIGTERM');
  expect((await ended).code).not.toBe(0);
  expect(readdirSync(join(root, 'signal-tmp'))).toEqual([]);
  expect(readdirSync(cwd).sort()).toEqual(['dbt_project.yml', 'logs', 'packages.yml']);
  server.closeAllConnections();
  server.close();
});
