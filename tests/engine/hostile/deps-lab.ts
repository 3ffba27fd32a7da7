// A project, archives of packages and a server for them, for the tests of `deps`.
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
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { formatError } from '../../../src/errors.ts';
import { createFileRenderer } from '../../../src/context/yaml-scope.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import { installPackages } from '../../../src/project/deps/install.ts';
import { loadProject } from '../../../src/project/project.ts';
import { loadYaml } from '../../../src/project/yaml.ts';
import { file, folder, link, type TarEntry } from './tar.ts';

export const LONG = process.env['TSDBT_HOSTILE'] === 'long';
export const PROJECT = file('p/dbt_project.yml', "name: evil\nversion: '1.0'\nconfig-version: 2\n");

export let root = '';
let server: Server;
export let base = '';
/** What the server answers, by path. */
export const answers = new Map<
  string,
  | Buffer
  | ((headers: NodeJS.Dict<string | string[]>) => { status: number; headers: Record<string, string>; body?: string })
>();
export const asked: { url: string; authorization: string | undefined }[] = [];

/** Other tests download, too: what is left behind is looked for where only these do. */
const ownTmp = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-hostile-tmp-'));

/** The server before all tests of a file, a world of its own for each of them. */
export function prepareLab(): void {
  process.env['TMPDIR'] = ownTmp;
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
}

export function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** `deps` of a list of packages. @returns `ok` or the whole error */
export async function deps(
  packages: string,
  more: Readonly<Record<string, string>> = {},
  upgrade = true,
): Promise<string> {
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
      env,
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
export function contents(path: string): Record<string, string> {
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
export function world(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(contents(root)).filter(
      ([path]) => !/^p\/(dbt_packages\/|package-lock\.yml$|packages\.yml$)/.test(path),
    ),
  );
}

/** Links of the installed packages that lead out of them, and what else is no plain file. */
export function escapes(): string[] {
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

export const downloads = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tsdbt-downloads-'));
/** JavaScript's own words, which no user should read. */
export const JS_WORDS = /TypeError|RangeError|Internal Error|undefined|is not a function|\[object|\n\s+at /;

export const DEEP = `p/${Array.from({ length: 14 }, (_, i) => `d${i}`).join('/')}`;
/** From the folder DEEP to p, and on through that link out of the package: inside as text, outside for the kernel. */
export const chained = (): TarEntry[] => [PROJECT, folder(DEEP), link(`${DEEP}/up`, Array(14).fill('..').join('/'))];
export const hop = (to = 'outside'): TarEntry => link(`${DEEP}/y`, `up/${'../'.repeat(12)}${root.slice(1)}/${to}`);
export const OUTSIDE = /contains '.*', which points outside of the package\. Nothing was installed\.$/;
export const NO_FILE = /which is neither a file nor a folder nor a symbolic link\. Nothing was installed\.$/;
export const TWICE = /, where '.*' is a \w+ and a [\w ]+\. Nothing was installed\.$/;
export const BROKEN = /^Runtime Error\n {2}http:\/\/hub\/x\.tar\.gz is n/;
export const STRUCTURE = /Incorrect structure for package extracted from/;
export const OK = /^ok$/;
