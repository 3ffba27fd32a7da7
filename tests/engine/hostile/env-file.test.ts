// What the `.env` of a cloned repository can reach: `env_var()` and options, but no child process, no address and no
// file outside of the project.
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readEnvironment } from '../../../src/project/env-file.ts';
import { run } from '../support/program.ts';

const CANARY = 'c4n4ry-of-env';
let root = '';

beforeEach((context) => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-env-'));
  write({ 'p/dbt_project.yml': "name: o\nmodels:\n  +meta:\n    seen: \"{{ env_var('FROM_FILE', 'nothing') }}\"\n" });
  write({ 'p/models/a.sql': 'select 1 as x' });
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const tsdbt = (args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = 'p') =>
  run(args, { cwd: join(root, cwd), env: { PATH: process.env['PATH'] ?? '', HOME: root, ...env } });

/** What `env_var('FROM_FILE')` gives. */
async function seen(cwd = 'p', env: Readonly<Record<string, string>> = {}): Promise<{ value: unknown; out: string }> {
  const { code, out, stdout } = await tsdbt(
    ['ls', '--resource-type', 'model', '--output', 'json', '--output-keys', 'config', '--project-dir', join(root, 'p')],
    env,
    cwd,
  );
  expect(code, out).toBe(0);
  const line = stdout.split('\n').find((each) => each.startsWith('{')) ?? '{}';
  return { value: (JSON.parse(line) as { config: { meta: { seen: unknown } } }).config.meta.seen, out };
}

/** Names that decide where a program connects, what it runs, or whom it trusts. */
const DANGEROUS = [
  ...['GIT_SSH_COMMAND', 'GIT_ALLOW_PROTOCOL', 'GIT_CONFIG_COUNT', 'GIT_EXEC_PATH', 'GIT_ASKPASS', 'SSH_ASKPASS'],
  ...['OPENLINEAGE_URL', 'OPENLINEAGE_API_KEY', 'OPENLINEAGE__TRANSPORT__TYPE', 'OPENLINEAGE__TRANSPORT__URL'],
  ...['OPENLINEAGE__TRANSPORT__LOG_FILE_PATH', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY', 'NO_PROXY', 'no_proxy'],
  ...['DBT_PACKAGE_HUB_URL', 'DBT_ENGINE_PACKAGE_HUB_URL', 'DBT_HOST', 'DBT_ENGINE_HOST', 'PGSSLMODE', 'PGOPTIONS'],
  ...['PGSSLROOTCERT', 'PGHOST', 'PGPASSWORD', 'HOME', 'PATH', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'LD_PRELOAD'],
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'JAVA_TOOL_OPTIONS', 'GOPROXY', 'BASH_ENV', 'BROWSER', 'TMPDIR', 'SUDO_UID'],
  ...['DBT_CLEAN_PROJECT_FILES_ONLY', 'DBT_ENGINE_CLEAN_PROJECT_FILES_ONLY', 'DBT_PROJECT_DIR'],
  ...['TSDBT_ALLOW_OUTSIDE_PATHS', 'TSDBT_FAULT_POINT', 'AWS_ENDPOINT_URL'],
  ...['TSDBT_HASH_KEY', 'TSDBT_SERVE_TOKEN', 'TSDBT_SERVE_READ_TOKEN'],
];

describe('the .env of a cloned repository', () => {
  it.each(DANGEROUS)('does not set %s for the program', (name) => {
    write({ 'p/.env': `${name}=${CANARY}\n` });
    const { settings, templates } = readEnvironment({ cwd: join(root, 'p'), env: {}, projectDir: join(root, 'p') });
    expect(settings).toEqual({});
    expect(templates).toEqual({ [name]: CANARY });
  });

  it('sets env_var() and options, and never overrides the shell in either spelling', () => {
    write({ 'p/.env': 'A=1\nDBT_TARGET=file\nDBT_ENGINE_PROFILE=file\nNO_COLOR=1\n' });
    const env = { DBT_PROFILE: 'shell' };
    const { settings, templates } = readEnvironment({ cwd: join(root, 'p'), env, projectDir: join(root, 'p') });
    expect(settings).toEqual({ DBT_PROFILE: 'shell', DBT_TARGET: 'file', NO_COLOR: '1' });
    expect(templates).toEqual({ ...settings, A: '1', DBT_ENGINE_PROFILE: 'file' });
  });

  it('sets no key and no token, which is reported in a warning', async () => {
    write({ 'p/.env': 'TSDBT_HASH_KEY=known\nTSDBT_SERVE_TOKEN=known-to-its-author\nTSDBT_SERVE_READ_TOKEN=known\n' });
    const { code, out } = await tsdbt(['parse'], { TSDBT_SERVE_READ_TOKEN: 'of the shell' });
    expect(code, out).toBe(0);
    expect(out).toContain(
      `${root}/p/.env sets TSDBT_HASH_KEY and TSDBT_SERVE_TOKEN, which have no effect there: whoever writes the file ` +
        'would know the value. Set it in the shell.',
    );
    expect(out).not.toContain('known-to-its-author');
    const sources =
      'sources: [{name: raw, tables: [{name: t, columns: [{name: e, data_type: text}], ' +
      'config: {meta: {tsdbt: {load: {topic: t, hash: [e]}}}}}]}]\n';
    write({ 'p/models/s.yml': sources, 'p/connections.yml': 'default: {brokers: ["127.0.0.1:9"]}\n' });
    expect((await tsdbt(['load', '--once'])).out).toContain('TSDBT_HASH_KEY is not set');
  });

  it('is not passed to the git that deps starts', async () => {
    const git = join(root, 'bin/git');
    write({
      'bin/git': `#!/bin/sh\n{ env; echo "argv: $*"; } >> '${root}/git.log'\nexit 1\n`,
      'p/.env': DANGEROUS.map((name) => `${name}=${CANARY}\n`).join(''),
      'p/packages.yml': 'packages: [{git: "ssh://git@example.invalid/x", revision: main}]\n',
    });
    chmodSync(git, 0o755);
    const { code, out } = await tsdbt(['deps'], { PATH: `${dirname(git)}:${process.env['PATH'] ?? ''}` });
    expect(code, out).toBe(2);
    const log = readFileSync(join(root, 'git.log'), 'utf8');
    expect(log).toContain('argv: init');
    expect(log).not.toContain(CANARY);
  });

  it('runs no command of GIT_SSH_COMMAND or of the ext protocol', async () => {
    write({
      'bin/ssh': '#!/bin/sh\nexit 7\n',
      'p/.env': `GIT_SSH_COMMAND=touch ${root}/pwned; false\nGIT_ALLOW_PROTOCOL=ext:ssh:file\n`,
    });
    chmodSync(join(root, 'bin/ssh'), 0o755);
    for (const url of ['ssh://git@example.invalid/x', `ext::sh -c touch% ${root}/pwned`]) {
      write({ 'p/packages.yml': `packages: [{git: "${url}", revision: main}]\n` });
      const { code } = await tsdbt(['deps'], { PATH: `${root}/bin:${process.env['PATH'] ?? ''}` });
      expect(code).toBe(2);
      expect(existsSync(join(root, 'pwned'))).toBe(false);
    }
  });

  it('is read by env_var() from the project, and not from parent folders', async () => {
    write({ 'p/sub/x': '', '.env': 'FROM_FILE=above\n' });
    expect((await seen()).value).toBe('nothing');
    write({ 'p/.env': 'FROM_FILE=project\n' });
    expect((await seen()).value).toBe('project');
    expect((await seen('p/sub')).value).toBe('project');
    expect((await seen('.')).value).toBe('above');
  });

  it('is read up to the root of the repository', async () => {
    write({ 'p/x': '', '.git/HEAD': '', '.env': 'FROM_FILE=repository\n' });
    expect((await seen()).value).toBe('repository');
    write({ 'p/.git/HEAD': '' });
    expect((await seen()).value).toBe('nothing');
  });

  it.skipIf(process.getuid?.() !== 0)('is ignored with a warning when it belongs to another user', async () => {
    write({ 'p/.env': 'FROM_FILE=stranger\n' });
    chownSync(join(root, 'p/.env'), 4711, 4711);
    const { value, out } = await seen();
    expect(value).toBe('nothing');
    expect(out).toContain(`Ignoring ${root}/p/.env: it belongs to user 4711, and this process runs as user 0.`);
    expect((await seen('p', { SUDO_UID: '4711' })).value).toBe('stranger');
  });

  it('is ignored with a warning when it links to a file outside of the project', async () => {
    write({ 'outside/.env': 'FROM_FILE=outside\n' });
    symlinkSync(join(root, 'outside/.env'), join(root, 'p/.env'));
    const { value, out } = await seen();
    expect(value).toBe('nothing');
    expect(out).toContain(`Ignoring ${root}/p/.env: it links to ${root}/outside/.env`);
    expect((await seen('p', { TSDBT_ALLOW_OUTSIDE_PATHS: '1' })).value).toBe('outside');
  });

  it.each(['DBT_TARGET_PATH', 'DBT_ENGINE_TARGET_PATH', 'DBT_LOG_PATH', 'DBT_ENGINE_LOG_PATH'])(
    'cannot move files out of the project by %s',
    async (name) => {
      write({ 'p/.env': `${name}=../outside\n` });
      const { code, out } = await tsdbt(['parse']);
      expect(code).toBe(2);
      expect(out).toMatch(new RegExp(`${name} of .env: '.*outside' .*outside of ${root}/p\\.`));
      expect(existsSync(join(root, 'outside'))).toBe(false);
      write({ 'p/.env': `${name}=inside\n` });
      expect((await tsdbt(['parse'])).code).toBe(0);
      expect(existsSync(join(root, 'p/inside'))).toBe(true);
    },
  );
});
