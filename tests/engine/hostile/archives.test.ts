// Packages that a stranger has made, from a server, a repository or a list of packages: whatever they hold, `deps` ends
// in one clear error or in a harmless package, asks for an archive once, and writes and links nothing outside. The
// cases are built here; 4 of them once escaped.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatError } from '../../../src/errors.ts';
import { createFileRenderer } from '../../../src/context/yaml-scope.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import { unpack } from '../../../src/project/deps/archive.ts';
import { download } from '../../../src/project/deps/download.ts';
import { installPackages } from '../../../src/project/deps/install.ts';
import { loadProject } from '../../../src/project/project.ts';
import { loadYaml } from '../../../src/project/yaml.ts';
import { file, folder, gnu, hardLink, link, packed, pax, tar, type TarEntry } from './tar.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';
const PROJECT = file('p/dbt_project.yml', "name: evil\nversion: '1.0'\nconfig-version: 2\n");

let root = '';
let server: Server;
let base = '';
/** What the server answers, by path. */
const answers = new Map<
  string,
  | Buffer
  | ((headers: NodeJS.Dict<string | string[]>) => { status: number; headers: Record<string, string>; body?: string })
>();
const asked: { url: string; authorization: string | undefined }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
    const answer = answers.get((request.url ?? '').split('?')[0] ?? '');
    if (answer === undefined) {
      response.statusCode = 404;
      response.end();
    } else if (Buffer.isBuffer(answer)) response.end(answer);
    else {
      const { status, headers, body = '' } = answer(request.headers);
      response.writeHead(status, headers);
      response.end(body);
    }
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(ownTmp, { recursive: true, force: true });
});

beforeEach((context) => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-hostile-'));
  answers.clear();
  asked.length = 0;
  write({
    'p/dbt_project.yml': 'name: o\n',
    'p/near/dbt_project.yml': 'name: near\n',
    'outside/dbt_project.yml': 'name: outside\n',
    'outside/secret.sql': 'secret',
  });
  mkdirSync(join(root, 'tmp'));
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** `deps` of a list of packages. @returns `ok` or the whole error */
async function deps(packages: string, more: Readonly<Record<string, string>> = {}, upgrade = true): Promise<string> {
  write({ 'p/packages.yml': packages });
  const env = { PATH: process.env['PATH'] ?? '', HOME: root, DBT_PACKAGE_HUB_URL: base, ...more };
  const logger = { fire: () => undefined };
  const settings = {
    env,
    logger,
    flags: null,
    invocation: { invocation_id: 'i', started_at: new Date(0), args: {}, command: 'deps' },
    loadYaml: (text: string) => loadYaml(text, null),
    clock: () => 0,
  };
  const render = createFileRenderer(settings, createTemplateEnvironments());
  const scope = { target: null, vars: {}, requireVars: false, env, secrets: true };
  try {
    const project = loadProject(join(root, 'p'), {
      render,
      scope: { ...scope, secrets: false },
      versionCheck: true,
      logger,
    });
    await installPackages({
      project,
      render,
      scope,
      logger,
      lockOnly: false,
      upgrade,
      versionCheck: true,
      retryDelay: 0,
    });
  } catch (error) {
    return formatError(error).replaceAll(root, '/r').replaceAll(base, 'http://hub');
  }
  return 'ok';
}

/** Everything below a folder: contents of files, targets of links. */
function contents(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(join(path, below)).sort()) {
      const each = join(below, name);
      const stat = lstatSync(join(path, each));
      if (stat.isSymbolicLink()) found[each] = `-> ${readlinkSync(join(path, each))}`;
      else if (stat.isDirectory()) visit(each);
      else
        found[each] = stat.isFile()
          ? createHash('sha1')
              .update(readFileSync(join(path, each)))
              .digest('hex')
          : 'special';
    }
  };
  if (existsSync(path)) visit('');
  return found;
}

/** The world without what `deps` is there to write. */
function world(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(contents(root)).filter(
      ([path]) => !/^p\/(dbt_packages\/|package-lock\.yml$|packages\.yml$)/.test(path),
    ),
  );
}

/** Links of the installed packages that lead out of them, and what else is no plain file. */
function escapes(): string[] {
  const packages = join(root, 'p/dbt_packages');
  return Object.entries(contents(packages))
    .filter(([path, what]) => {
      if (what === 'special') return true;
      if (!what.startsWith('-> ')) return lstatSync(join(packages, path)).nlink > 1;
      const top = path.split('/')[0] ?? '';
      return (
        !existsSync(join(packages, path)) ||
        !`${realpathSync(join(packages, path))}/`.startsWith(`${join(packages, top)}/`)
      );
    })
    .map(([path, what]) => `${path} ${what}`);
}

/** Other tests download, too: what is left behind is looked for where only these do. */
const ownTmp = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-hostile-tmp-'));
process.env['TMPDIR'] = ownTmp;
const downloads = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tsdbt-downloads-'));
/** JavaScript's own words, which no user should read. */
const JS_WORDS = /TypeError|RangeError|Internal Error|undefined|is not a function|\[object|\n\s+at /;

const DEEP = `p/${Array.from({ length: 14 }, (_, i) => `d${i}`).join('/')}`;
/** From the folder DEEP to p, and on through that link out of the package: inside as text, outside for the kernel. */
const chained = (): TarEntry[] => [PROJECT, folder(DEEP), link(`${DEEP}/up`, Array(14).fill('..').join('/'))];
const hop = (to = 'outside'): TarEntry => link(`${DEEP}/y`, `up/${'../'.repeat(12)}${root.slice(1)}/${to}`);
const OUTSIDE = /holds '.*', which points outside of the package\. Nothing was installed\.$/;
const NO_FILE = /which is neither a file nor a folder nor a symbolic link\. Nothing was installed\.$/;
const TWICE = /, where '.*' is a \w+ and a [\w ]+\. Nothing was installed\.$/;
const BROKEN = /^Runtime Error\n {2}http:\/\/hub\/x\.tar\.gz is n/;
const STRUCTURE = /Incorrect structure for package extracted from/;
const OK = /^ok$/;

/** Entries of an archive (or its bytes), and how `deps` ends. */
const ARCHIVES: Readonly<Record<string, readonly [make: () => readonly TarEntry[] | Buffer, ends: RegExp]>> = {
  // Harmless
  'an ordinary package': [() => [folder('p/'), PROJECT, file('p/macros/m.sql')], OK],
  'a link to a file beside it': [() => [PROJECT, link('p/README', 'dbt_project.yml')], OK],
  'a link up and down inside': [() => [PROJECT, file('p/a/x'), link('p/b/x', '../a/x')], OK],
  'a link to a folder inside': [() => [PROJECT, file('p/a/x'), link('p/b', 'a')], OK],
  'a link before the file that it names': [() => [link('p/README', 'dbt_project.yml'), PROJECT], OK],
  'a comment for all entries, as git writes it': [
    () => [pax({ comment: 'a'.repeat(40) }, 'g'), folder('p/'), PROJECT],
    OK,
  ],
  'a long name by PAX': [() => [PROJECT, pax({ path: `p/${'n'.repeat(200)}` }), file('p/short')], OK],
  'a long name by GNU': [() => [PROJECT, gnu('L', `p/${'n'.repeat(200)}`), file('p/short')], OK],
  'names that begin with a dot': [() => [folder('./'), file('./p/dbt_project.yml', 'name: evil\n'), file('./p/a')], OK],
  'the same file twice': [() => [PROJECT, file('p/a', '1'), file('p/a', '2')], OK],
  'two names that differ in case': [() => [PROJECT, file('p/README'), file('p/readme')], OK],
  'names of other scripts': [() => [PROJECT, file('p/モデル/é.sql'), file('p/\u202egnp.sql')], OK],
  'rights that nobody should have': [
    () => [PROJECT, file('p/a', 'x', { mode: '0006777' }), folder('p/d', { mode: '0000000' }), file('p/d/x')],
    OK,
  ],
  'an owner by name and number': [() => [PROJECT, pax({ uid: '12345', gid: '12345', uname: 'root' }), file('p/a')], OK],
  'a moment that no disk knows': [() => [PROJECT, pax({ mtime: '9e300' }), file('p/a')], OK],
  '30,000 empty files': [
    () => [PROJECT, ...Array.from({ length: LONG ? 30_000 : 300 }, (_, i) => file(`p/f${i}`, ''))],
    OK,
  ],
  'garbage behind the end': [() => Buffer.concat([packed([PROJECT]), Buffer.from('garbage')]), BROKEN],
  'two members of gzip': [
    () => {
      const all = tar([PROJECT]);
      return Buffer.concat([gzipSync(all.subarray(0, 700)), gzipSync(all.subarray(700))]);
    },
    OK,
  ],
  // Links
  'a link to outside': [() => [PROJECT, link('p/x', '../../../../outside')], OUTSIDE],
  'a link to outside and a file through it': [
    () => [PROJECT, link('p/x', '../../../../outside'), file('p/x/pwned')],
    TWICE,
  ],
  'a link to an absolute path': [() => [PROJECT, link('p/x', join(root, 'outside'))], OUTSIDE],
  'a link to the root of the disk': [() => [PROJECT, link('p/x', '/')], OUTSIDE],
  'a link to the folder above the package': [() => [PROJECT, link('p/x', '..')], OUTSIDE],
  'a link that leaves and comes back': [() => [PROJECT, link('p/x', '../p/dbt_project.yml')], OUTSIDE],
  'a link to a package that may lie beside': [() => [PROJECT, link('p/x', '../near/dbt_project.yml')], OUTSIDE],
  'chained links that read outside': [() => [...chained(), hop()], OUTSIDE],
  'chained links, and a file over the last': [
    () => [...chained(), hop('outside/pwned'), file(`${DEEP}/y`, 'PWNED')],
    TWICE,
  ],
  'chained links, and a file through a dot': [() => [...chained(), hop(), file(`${DEEP}/./y/pwned`, 'PWNED')], TWICE],
  'chained links, and a file through two slashes': [
    () => [...chained(), hop(), file(`${DEEP}//y/pwned`, 'PWNED')],
    TWICE,
  ],
  'chained links in the other order': [
    () => [PROJECT, folder(DEEP), hop(), link(`${DEEP}/up`, Array(14).fill('..').join('/'))],
    OUTSIDE,
  ],
  'chained links over three': [
    () => [
      PROJECT,
      folder('p/a/b/c'),
      link('p/a/b/c/up', '../..'),
      link('p/a/b/c/up2', 'up/..'),
      link('p/a/b/c/out', 'up2/../..'),
    ],
    OUTSIDE,
  ],
  'a file behind a link to its own folder': [() => [PROJECT, link('p/a', '.'), file('p/a/evil')], TWICE],
  'a file below a dot behind a link': [() => [PROJECT, link('p/x', '.'), file('p/./x/y/z')], TWICE],
  'a link behind a link': [() => [PROJECT, link('p/a', 'b'), folder('p/b'), link('p/a/c', '../..')], TWICE],
  'a link over a link': [() => [PROJECT, link('p/a', 'dbt_project.yml'), link('p/a', '../x')], TWICE],
  'a file over a link': [() => [PROJECT, link('p/x', 'dbt_project.yml'), file('p/x', 'name: other\n')], TWICE],
  'a link over a file': [() => [PROJECT, file('p/x'), link('p/x', 'dbt_project.yml')], TWICE],
  'a link over a folder with files': [() => [PROJECT, file('p/x/y'), link('p/x', '.')], TWICE],
  'a folder over a link': [() => [PROJECT, link('p/x', '.'), folder('p/x')], TWICE],
  'a folder over a file': [() => [PROJECT, file('p/x'), folder('p/x')], TWICE],
  'a file over a folder': [() => [PROJECT, folder('p/x'), file('p/x')], TWICE],
  'a link, and a file behind its name in another case': [() => [PROJECT, link('p/Up', '.'), file('p/UP/evil')], TWICE],
  'a link, and a file behind its name in another normal form': [
    () => [PROJECT, link('p/\u00e9', '.'), file('p/e\u0301/evil')],
    TWICE,
  ],
  'a link, and a file behind a ligature of its name': [
    () => [PROJECT, link('p/\ufb01', '.'), file('p/fi/evil')],
    TWICE,
  ],
  'a link in a circle': [() => [PROJECT, link('p/a', 'b'), link('p/b', 'a')], OUTSIDE],
  'a link to itself': [() => [PROJECT, link('p/a', 'a')], OUTSIDE],
  'a link with backslashes': [() => [PROJECT, link('p/x', '..\\..\\outside')], OUTSIDE],
  'a link to a drive': [() => [PROJECT, link('p/x', 'C:/Windows')], OUTSIDE],
  'a link without a target': [() => [PROJECT, link('p/x', '')], BROKEN],
  'a link whose target comes by PAX': [
    () => [PROJECT, pax({ linkpath: '../../../outside' }), link('p/x', 'dbt_project.yml')],
    OUTSIDE,
  ],
  'a link whose target comes by GNU': [
    () => [PROJECT, gnu('K', '../../../outside'), link('p/x', 'dbt_project.yml')],
    OUTSIDE,
  ],
  'a link with data': [() => [PROJECT, { ...link('p/x', '../../outside'), data: 'x' }], OUTSIDE],
  'the project file as a link to outside': [
    () => [link('p/dbt_project.yml', '../../../outside/dbt_project.yml'), file('p/x')],
    OUTSIDE,
  ],
  'a top that is a link': [() => [link('p', '.'), file('dbt_project.yml', 'name: evil\n')], STRUCTURE],
  'a top that is a link to another top': [() => [file('q/dbt_project.yml', 'name: evil\n'), link('p', 'q')], STRUCTURE],
  'nothing but a link': [() => [link('p', join(root, 'outside'))], STRUCTURE],
  // Hard links, devices
  'a hard link to a file of the system': [() => [PROJECT, hardLink('p/x', '/etc/passwd')], NO_FILE],
  'a hard link to a file inside': [() => [PROJECT, hardLink('p/x', 'p/dbt_project.yml')], NO_FILE],
  'a hard link to a link': [
    () => [PROJECT, link('p/l', 'dbt_project.yml'), hardLink('p/x', 'p/l'), file('p/x', 'PWNED')],
    NO_FILE,
  ],
  'a hard link upwards': [
    () => [PROJECT, hardLink('p/x', '../../../outside/secret.sql'), file('p/x', 'PWNED')],
    NO_FILE,
  ],
  'a hard link by PAX': [
    () => [PROJECT, pax({ linkpath: join(root, 'outside/secret.sql') }), hardLink('p/x', 'p/y')],
    NO_FILE,
  ],
  'a FIFO': [() => [PROJECT, { path: 'p/x', type: '6' }], NO_FILE],
  'a character device': [() => [PROJECT, { path: 'p/x', type: '3' }], NO_FILE],
  'a block device': [() => [PROJECT, { path: 'p/x', type: '4' }], NO_FILE],
  'a folder of an incremental dump': [() => [PROJECT, { path: 'p/x', type: 'D', data: 'Yfile\0\0' }], NO_FILE],
  'a sparse file': [
    () => [PROJECT, { path: 'p/x', type: 'S', change: (header) => void header.write('77777777777\0', 483) }],
    NO_FILE,
  ],
  'a kind that nobody knows': [() => [PROJECT, { path: 'p/x', type: '?' }], NO_FILE],
  // Names
  'a name upwards': [() => [PROJECT, file('p/../../../../../outside/pwned')], OUTSIDE],
  'a name upwards by PAX': [() => [PROJECT, pax({ path: 'p/../../outside/pwned' }), file('p/x')], OUTSIDE],
  'a name upwards by PAX for all': [
    () => [PROJECT, pax({ path: 'p/../../outside/pwned' }, 'g'), file('p/x')],
    /^ok$|outside of the package/,
  ],
  'a name upwards by GNU': [() => [PROJECT, gnu('L', '../../outside/pwned'), file('p/x')], OUTSIDE],
  'a name upwards in the prefix': [
    () => [PROJECT, file('pwned', 'x', { change: (header) => void header.write('p/../../../outside', 345) })],
    OUTSIDE,
  ],
  'an absolute name': [() => [PROJECT, file(join(root, 'outside/pwned'))], OUTSIDE],
  'an absolute name of two slashes': [() => [PROJECT, file(`/${join(root, 'outside/pwned')}`)], OUTSIDE],
  'a name with backslashes': [() => [PROJECT, file('p\\..\\..\\pwned')], OUTSIDE],
  'a name of a drive': [() => [PROJECT, file('C:/pwned')], OUTSIDE],
  'a name with NUL by PAX': [() => [PROJECT, pax({ path: 'p/a\0b' }), file('p/x')], OK],
  'a name with line breaks and colours': [
    () => [PROJECT, file('p/a\n\u001b[31mError: all is lost')],
    /a name with control characters\. Nothing/,
  ],
  'a name of 5,000 characters': [
    () => [PROJECT, pax({ path: `p/${'x'.repeat(5000)}` }), file('p/x')],
    /a name that is too long\. Nothing/,
  ],
  'a name 3,000 folders deep': [
    () => [PROJECT, pax({ path: `p/${'a/'.repeat(3000)}x` }), file('p/x')],
    /a name that is too long\. Nothing/,
  ],
  'an empty name': [() => [PROJECT, file('')], BROKEN],
  'a name of dots and slashes': [() => [PROJECT, file('././/.')], /without a name|outside of the package/],
  'two folders at the top': [() => [PROJECT, file('q/x')], STRUCTURE],
  'a file at the top': [() => [file('p')], STRUCTURE],
  // Headers that lie
  'a size beyond the end': [() => [PROJECT, file('p/x', 'x', { size: '77777777777\0' })], BROKEN],
  'a negative size': [() => [PROJECT, file('p/x', 'x', { size: '-0000000001\0' })], /^Runtime Error\n {2}/],
  'a size in base 256': [
    () => [
      PROJECT,
      file('p/x', 'x', {
        change: (header) => {
          header.fill(0xff, 124, 136);
          header[124] = 0x80;
        },
      }),
    ],
    /^Runtime Error\n {2}/,
  ],
  'a size by PAX that is none': [() => [PROJECT, pax({ size: 'NaN' }), file('p/x')], /^ok$|^Runtime Error\n {2}/],
  'a size by PAX beyond the end': [
    () => [PROJECT, pax({ size: '99999999999' }), file('p/x')],
    /^ok$|^Runtime Error\n {2}/,
  ],
  'a wrong sum': [() => [PROJECT, file('p/x', 'x', { broken: true })], BROKEN],
  'a header for the next of 100 KB': [
    () => [PROJECT, pax({ comment: 'c'.repeat(100_000) }), file('p/x')],
    /a header of more than 65536 bytes\. Nothing/,
  ],
  'a header of PAX that is none': [
    () => [PROJECT, { path: 'x', type: 'x', data: '999999 path=../../x\n-3 =\n' }, file('p/x')],
    /^ok$|^Runtime Error\n {2}/,
  ],
  'a header of PAX with names of objects': [
    () => [PROJECT, pax({ __proto__x: 'a', constructor: 'b', toString: 'c' }), file('p/x')],
    OK,
  ],
  // No archives
  'no gzip': [() => Buffer.from('hello'), BROKEN],
  nothing: [() => Buffer.alloc(0), BROKEN],
  'a web page': [() => Buffer.from('<!DOCTYPE html><title>Sign in</title>'), BROKEN],
  'a zip': [() => Buffer.from('504b0304140000000800', 'hex'), BROKEN],
  'gzip of nothing': [() => gzipSync(Buffer.alloc(0)), BROKEN],
  'gzip of text': [() => gzipSync('hello'.repeat(1000)), BROKEN],
  'gzip of gzip': [() => gzipSync(packed([PROJECT])), BROKEN],
  'half of an archive': [
    () => packed([PROJECT, file('p/x', createHash('sha512').update('x').digest('hex').repeat(50))]).subarray(0, 200),
    BROKEN,
  ],
  'a wrong sum of gzip': [
    () => {
      const bytes = Buffer.from(packed([PROJECT]));
      bytes.writeUInt32LE(1, bytes.length - 8);
      return bytes;
    },
    BROKEN,
  ],
  'an archive that ends in a file': [
    () => gzipSync(tar([PROJECT, file('p/x', 'x'.repeat(5000))], false).subarray(0, 2000)),
    BROKEN,
  ],
  'only zeros': [() => gzipSync(Buffer.alloc(LONG ? 2 ** 30 : 2 ** 24)), /^Runtime Error\n {2}/],
  // What the project says
  'no project': [() => [file('p/x')], /^Runtime Error\n {2}No dbt_project\.yml found/],
  'a project that is a folder': [
    () => [folder('p/dbt_project.yml'), file('p/x')],
    /is a folder; a plain file is expected here$/,
  ],
  'a project that is no YAML': [() => [file('p/dbt_project.yml', 'name: [')], /^\w+ Error\n/],
  'a project that is a list': [() => [file('p/dbt_project.yml', '- name')], /^\w+ Error\n/],
  'a project without a name': [() => [file('p/dbt_project.yml', 'version: 1\n')], /must have a name/],
  'a project of bombs': [() => [file('p/dbt_project.yml', bomb())], /^(ok$|\w+ Error\n)/],
};

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, i) =>
      `  v${i}: &v${i} [${Array(10)
        .fill(`*${i === 0 ? 'a' : `v${i - 1}`}`)
        .join(',')}]`,
  );
  return `name: evil\nvars:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\n`;
}

describe('an archive that holds', () => {
  it(`is one of at least 60 kinds: ${Object.keys(ARCHIVES).length}`, () => {
    expect(Object.keys(ARCHIVES).length).toBeGreaterThanOrEqual(60);
  });

  it.each(Object.entries(ARCHIVES))('%s', async (_, [make, ends]) => {
    const made = make();
    answers.set('/x.tar.gz', Buffer.isBuffer(made) ? made : packed(made as readonly TarEntry[]));
    const [before, temporary] = [world(), downloads()];
    const said = await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`);
    expect(said).toMatch(ends);
    expect(said).not.toMatch(JS_WORDS);
    expect(asked.map(({ url }) => url)).toEqual(['/x.tar.gz']);
    expect(world()).toEqual(before);
    expect(escapes()).toEqual([]);
    expect(existsSync(join(root, 'p/dbt_packages'))).toBe(said === 'ok');
    expect(downloads().filter((name) => !temporary.includes(name))).toEqual([]);
  });

  it('rights, owners and moments of its own gives files as this user makes them', async () => {
    answers.set(
      '/x.tar.gz',
      packed([PROJECT, pax({ uid: '12345', gid: '12345', mtime: '1' }), file('p/a', 'x', { mode: '0006777' })]),
    );
    expect(await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`)).toBe('ok');
    const { mode, uid, mtimeMs } = lstatSync(join(root, 'p/dbt_packages/evil/a'));
    expect([mode & 0o6111, uid, mtimeMs > 1e9]).toEqual([0, process.getuid?.() ?? 0, true]);
  });
});

describe('limits of an archive', () => {
  const at = (name: string): string => {
    const path = join(root, 'tmp', name);
    mkdirSync(path);
    return path;
  };

  it('stop it by bytes, by entries, and by headers without entries', async () => {
    const limits = { bytes: 2 ** 20, entries: 100 };
    const files = (count: number): Buffer =>
      packed([PROJECT, ...Array.from({ length: count }, (_, i) => file(`p/f${i}`, ''))]);
    const headers = (count: number): Buffer =>
      packed([PROJECT, ...Array.from({ length: count }, () => pax({ comment: 'c' })), file('p/x')]);
    await expect(unpack(files(99), at('a'), 'x', limits)).resolves.toEqual(['p']);
    await expect(unpack(files(100), at('b'), 'x', limits)).rejects.toThrow(
      'The package x holds more than 100 entries. Nothing was installed.',
    );
    await expect(unpack(headers(200), at('c'), 'x', limits)).rejects.toThrow('more than 100 entries');
    await expect(unpack(packed([PROJECT, file('p/x', Buffer.alloc(2 ** 20))]), at('d'), 'x', limits)).rejects.toThrow(
      'more than 1048576 bytes unpacked',
    );
    await expect(unpack(gzipSync(Buffer.alloc(2 ** 22)), at('e'), 'x', limits)).rejects.toThrow(
      'more than 1048576 bytes unpacked',
    );
  });

  it('and every other failure leave nothing that is still being written', async () => {
    const files = Array.from({ length: 60 }, (_, i) => file(`p/d${i}/f`, ''));
    const folder = at('f');
    await expect(unpack(packed([...files, file('p/x', 'x', { broken: true })]), folder, 'x')).rejects.toThrow(
      'checksum failure',
    );
    const left = readdirSync(folder, { recursive: true });
    await new Promise((done) => setTimeout(done, 300));
    expect(readdirSync(folder, { recursive: true })).toEqual(left);
  });

  it.runIf(LONG)('hold for a million entries and 3 GB', async () => {
    const block = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
    answers.set('/x.tar.gz', Buffer.concat(Array<Buffer>(3000).fill(block)));
    const list = `packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`;
    expect(await deps(list)).toContain('more than 1073741824 bytes unpacked');
    const entries = tar(
      Array.from({ length: 10_000 }, (_, i) => file(`p/f${i}`, '')),
      false,
    );
    answers.set('/x.tar.gz', Buffer.concat(Array<Buffer>(100).fill(gzipSync(entries))));
    expect(await deps(list)).toContain('more than 100000 entries');
    expect(process.resourceUsage().maxRSS).toBeLessThan(2 * 2 ** 20);
  });

  it('hold for a download that does not end', async () => {
    const endless = createServer((request, response) => {
      if (request.url?.includes('drip') === true) {
        const drops = setInterval(() => response.write('x'), 10);
        response.once('close', () => clearInterval(drops));
        return;
      }
      const more = (): void => {
        while (response.write(Buffer.alloc(2 ** 20))) if (response.destroyed) return;
      };
      response.on('drain', more);
      more();
    }).listen(0, '127.0.0.1');
    await new Promise((done) => endless.once('listening', done));
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}/x.tar.gz`;
    const options = { env: {}, logger: { fire: () => undefined }, timeout: 30_000, delay: 0, maxBytes: 2 ** 24 };
    await expect(download(url, options)).rejects.toThrow('/x.tar.gz is larger than 16777216 bytes');
    await expect(download(url.replace('x.tar', 'drip'), { ...options, timeout: 250 })).rejects.toThrow(
      'the download takes too long',
    );
    endless.closeAllConnections();
    endless.close();
  });
});

/** What a package that was downloaded asks for itself, and how `deps` ends. */
const DEMANDS: Readonly<Record<string, readonly [file: string, text: () => string, ends: RegExp]>> = {
  'a folder outside': [
    'packages.yml',
    () => 'packages: [{local: ../outside}]',
    /asks for the folder '\.\.\/outside', which is outside of this project/,
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
  'a secret when the lock file is read': [
    'dependencies.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz?{{ env_var('DBT_ENV_SECRET_T') }}", name: n}]`,
    /It holds a template that is not rendered/,
  ],
  'a secret in a text of a template': [
    'packages.yml',
    () => `packages: [{tarball: "${base}/good.tar.gz?{{ '{{' }} env_var('DBT_ENV_SECRET_T') {{ '}}' }}", name: n}]`,
    /It holds a template that is not rendered/,
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

describe('a package that asks for', () => {
  it.each(Object.entries(DEMANDS))('%s', async (_, [name, text, ends]) => {
    symlinkSync(join(root, 'outside'), join(root, 'p/linked'));
    answers.set('/x.tar.gz', packed([PROJECT, file(`p/${name}`, text())]));
    answers.set('/good.tar.gz', packed([file('g/dbt_project.yml', 'name: good\n')]));
    const before = world();
    const said = await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`, {
      DBT_ENV_SECRET_T: 'canary-of-deps',
    });
    expect(said).toMatch(ends);
    expect(said).not.toMatch(JS_WORDS);
    expect(world()).toEqual(before);
    expect(asked.filter(({ url }) => url.includes('canary'))).toEqual([]);
    expect(asked.filter(({ url }) => url === '/x.tar.gz')).toHaveLength(1);
  });

  it('a secret in a lock file that another program has written does not get it', async () => {
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

describe('a hub that answers with', () => {
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
      /in a way that is not understood/,
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
  ])('%s', async (_, version, ends) => {
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

describe('a repository with', () => {
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
  ])('%s', async (_, prepare, more, ends) => {
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

describe('credentials of a URL', () => {
  it('go along with a redirect on the same scheme, host and port, and with no other', async () => {
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

  it('are in no argument of git, and reach the host that asks for them, not the one that it redirects to', async () => {
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
    expect(argv).toContain('remote add origin http://127.0.0.1');
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
