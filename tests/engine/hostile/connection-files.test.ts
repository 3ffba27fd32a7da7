// Files that connections.yml, jobs.yml and links in place of settings files name: a cloned project reads none that lies
// outside of it, because it could send the content to its author's server or show it in an error.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Ended, run } from '../support/program.ts';

let root = '';

const PROFILE =
  'o:\n  target: dev\n  outputs:\n    dev: {type: postgres, host: 127.0.0.1, port: 9, user: u, password: p, ' +
  'dbname: d, schema: s}\n';

beforeEach((context) => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-connection-files-'));
  write({
    'p/dbt_project.yml': 'name: o\nprofile: o\n',
    'p/models/a.sql': 'select 1 as x',
    'p/profiles.yml': PROFILE,
    'out/secret': 'c4n4ry: [unclosed\n',
    '.dbt/profiles.yml': PROFILE,
  });
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const tsdbt = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  run([...args], {
    cwd: join(root, 'p'),
    env: { PATH: process.env['PATH'] ?? '', HOME: root, ...env },
  });

const S3 = 'type: s3, endpoint: "http://127.0.0.1:9", bucket: b, access_key_id: k';
const CATALOG = 'uri: "http://127.0.0.1:9", secret_access_key_file: own';
const ICEBERG = `${S3.replace('s3', 'iceberg')}, ${CATALOG}`;
const kafka = (options: string): string => `evil: {brokers: ["127.0.0.1:9"], ${options}}\n`;
const oauth = 'mechanism: OAUTHBEARER, token_endpoint_url: "http://127.0.0.1:9/", client_id: c';

/** A connection by the option that names FILE. */
const NAMING: readonly (readonly [option: string, connection: string])[] = [
  ['client_secret_file', kafka(`sasl: {${oauth}, client_secret_file: FILE}`)],
  ['ca', kafka(`sasl: {${oauth}, client_secret_file: own, tls: {ca: FILE}}`)],
  ['password_file', kafka('sasl: {username: u, password_file: FILE}')],
  ['token_file', kafka('sasl: {mechanism: OAUTHBEARER, token_file: FILE}')],
  ['password_file', kafka('registry: {url: "http://127.0.0.1:9", username: u, password_file: FILE}')],
  ['token_file', kafka('registry: {url: "http://127.0.0.1:9", token_file: FILE}')],
  ['ca', kafka('registry: {url: "http://127.0.0.1:9", tls: {ca: FILE}}')],
  ['ca', kafka('tls: {ca: FILE}')],
  ['cert', kafka('tls: {cert: FILE}')],
  ['key', kafka('tls: {key: FILE}')],
  ['secret_access_key_file', `evil: {${S3}, secret_access_key_file: FILE}\n`],
  ['session_token_file', `evil: {${S3}, secret_access_key_file: own, session_token_file: FILE}\n`],
  ['ca', `evil: {${S3}, secret_access_key_file: own, tls: {ca: FILE}}\n`],
  ['token_file', `evil: {${ICEBERG}, token_file: FILE}\n`],
  ['credential_file', `evil: {${ICEBERG}, credential_file: FILE}\n`],
  ['password_file', 'evil: {type: postgres, host: 127.0.0.1, port: 9, user: u, dbname: d, password_file: FILE}\n'],
];

const debug = (...more: string[]): Promise<Ended> => tsdbt(['debug', '--connection', 'evil', ...more]);
const OUTSIDE = /outside of .*\/p\. Move it into that folder, or allow it with --allow-outside-paths/;

describe("a project's connections.yml", () => {
  beforeEach(() => write({ 'p/own': 'mine' }));

  it.each(NAMING)('with %s outside of the project is rejected: %s', async (option, connection) => {
    symlinkSync(join(root, 'out'), join(root, 'p/linked'));
    for (const file of ['../out/secret', join(root, 'out/secret'), 'linked/secret']) {
      write({ 'p/connections.yml': connection.replace('FILE', file) });
      const { code, out } = await debug();
      expect(code, out).not.toBe(0);
      expect(out).toContain(`${option}' of connection 'evil'`);
      expect(out).toMatch(OUTSIDE);
      expect(out).not.toContain('c4n4ry');
    }
  });

  it('may name an outside file with the option or the shell variable, but not with .env', async () => {
    write({ 'p/connections.yml': kafka('sasl: {username: u, password_file: ../out/secret}') });
    expect((await debug('--allow-outside-paths')).out).not.toMatch(OUTSIDE);
    const shell = await tsdbt(['debug', '--connection', 'evil'], { TSDBT_ALLOW_OUTSIDE_PATHS: '1' });
    expect(shell.out).not.toMatch(OUTSIDE);
    write({ 'p/.env': 'TSDBT_ALLOW_OUTSIDE_PATHS=1\n' });
    expect((await debug()).out).toMatch(OUTSIDE);
  });

  it('may name its own files, even by a link that stays in the project', async () => {
    symlinkSync('own', join(root, 'p/link'));
    write({ 'p/connections.yml': kafka('sasl: {username: u, password_file: link}') });
    const { out } = await debug();
    expect(out).not.toMatch(OUTSIDE);
    expect(out).not.toContain('cannot be read');
  });

  it('is not read through a link that leaves the project', async () => {
    symlinkSync(join(root, 'out/secret'), join(root, 'p/connections.yml'));
    const { code, out } = await debug();
    expect(code, out).not.toBe(0);
    expect(out).toMatch(OUTSIDE);
    expect(out).not.toContain('c4n4ry');
  });
});

describe('a connections.yml next to profiles.yml', () => {
  const naming = kafka('sasl: {username: u, password_file: ../out/secret}');

  it('outside of the repository may name any file', async () => {
    write({ '.dbt/connections.yml': naming });
    expect((await debug('--profiles-dir', join(root, '.dbt'))).out).not.toMatch(/outside of|cannot be read/);
  });

  it('in the repository of the project may name only files of the repository', async () => {
    write({ 'repo/.git/HEAD': '', 'repo/q/dbt_project.yml': 'name: o\nprofile: o\n', 'repo/secret': 'own' });
    write({ 'repo/ci/profiles.yml': PROFILE });
    const ask = async (file: string): Promise<string> => {
      write({ 'repo/ci/connections.yml': naming.replace('../out/secret', file) });
      return (await debug('--project-dir', join(root, 'repo/q'), '--profiles-dir', join(root, 'repo/ci'))).out;
    };
    expect(await ask('../../out/secret')).toMatch(/outside of .*\/repo\. /);
    expect(await ask('../secret')).not.toMatch(/outside of|cannot be read/);
  });
});

describe("a project's jobs.yml", () => {
  it('cannot name a certificate outside of the project', async () => {
    const jobs = (ca: string): string =>
      'jobs:\n  a: {every: 5m, build: }\nalerts:\n' +
      `  mail: {email: a@b.c, from: d@e.f, smtp: {host: 127.0.0.1, ca: ${ca}}}\n`;
    write({ 'p/jobs.yml': jobs('../out/secret'), 'p/own.pem': 'mine' });
    const refused = await tsdbt(['jobs', 'check']);
    expect(refused.code, refused.out).not.toBe(0);
    expect(refused.out).toMatch(OUTSIDE);
    const allowed = await tsdbt(['jobs', 'check', '--allow-outside-paths']);
    expect(allowed.code, allowed.out).toBe(0);
    write({ 'p/jobs.yml': jobs('own.pem') });
    expect((await tsdbt(['jobs', 'check'])).code).toBe(0);
  });

  it('is not read through a link that leaves the project', async () => {
    symlinkSync(join(root, 'out/secret'), join(root, 'p/jobs.yml'));
    const { out } = await tsdbt(['jobs', 'check']);
    expect(out).toMatch(OUTSIDE);
    expect(out).not.toContain('c4n4ry');
  });
});

describe('a link instead of a settings file', () => {
  it.each([
    'dbt_project.yml',
    'vars.yml',
    'selectors.yml',
    'dependencies.yml',
    'packages.yml',
    'package-lock.yml',
    'catalogs.yml',
  ])('%s to a file outside is not read', async (name) => {
    rmSync(join(root, 'p', name), { force: true });
    symlinkSync(join(root, 'out/secret'), join(root, 'p', name));
    for (const command of [['parse'], ['deps']]) {
      const { code, out } = await tsdbt(command);
      expect(code, out).toBe(2);
      expect(out).toContain(`Link: '${name}' leads to ${join(root, 'out/secret')}`);
      expect(out).not.toContain('c4n4ry');
    }
  });

  it('to a file of the project, or with --allow-outside-paths, is read', async () => {
    write({ 'p/shared/vars.yml': 'vars: {x: 1}\n', 'out/selectors.yml': 'selectors: []\n' });
    symlinkSync('shared/vars.yml', join(root, 'p/vars.yml'));
    expect((await tsdbt(['parse'])).code).toBe(0);
    symlinkSync(join(root, 'out/selectors.yml'), join(root, 'p/selectors.yml'));
    expect((await tsdbt(['parse', '--allow-outside-paths'])).code).toBe(0);
  });
});
