// Paths and links by which a cloned project or a package leaves its folder: nothing outside is read into an artifact,
// served, or written, unless the caller allows it.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Flags } from '../../../src/contracts/project.ts';
import { serveDocs } from '../../../src/docs/serve.ts';
import { projectFiles } from '../../../src/pipeline/project-files.ts';
import { loadProject } from '../../../src/project/project.ts';
import { Secrets } from '../../../src/secrets.ts';
import { type Ended, run } from '../support/program.ts';

let root = '';

beforeEach((context) => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-outside-'));
  write({
    'p/dbt_project.yml': 'name: o\n',
    'p/models/a.sql': 'select 1 as x',
    'p/profiles.yml': PROFILE,
    'outside/secret.sql': 'select 1 as c4n4ry',
    'outside/secret.csv': 'c4n4ry\n1\n',
    'outside/secret.md': '{% docs c4n4ry %}c4n4ry{% enddocs %}',
  });
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

/** No command here connects. */
const PROFILE =
  'o:\n  target: dev\n  outputs:\n    dev: {type: postgres, host: 127.0.0.1, port: 9, user: u, password: p, ' +
  'dbname: d, schema: s}\n';

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const tsdbt = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  run([...args, '--profile', 'o'], {
    cwd: join(root, 'p'),
    env: { PATH: process.env['PATH'] ?? '', HOME: root, ...env },
  });

/** Each entry of the world outside of the project. */
const outside = (): string[] => [...readdirSync(root), ...readdirSync(join(root, 'outside'))].sort();
const manifest = (): string => readFileSync(join(root, 'p/target/manifest.json'), 'utf8');

describe('a project whose dbt_project.yml contains', () => {
  it.each([
    'model-paths: [..]',
    'model-paths: [../outside]',
    'model-paths: [models/../../outside]',
    'seed-paths: [../outside]',
    'docs-paths: [../outside]',
    'macro-paths: [../outside]',
    'test-paths: [../outside]',
    'analysis-paths: [../outside]',
    'snapshot-paths: [../outside]',
    'function-paths: [../outside]',
    'target-path: ../outside/t',
    'log-path: ../outside/l',
    'packages-install-path: ../outside/d',
    'model-paths: [linked]',
    'target-path: linked/t',
    'log-path: linked/l',
  ])('%s is rejected, and runs with --allow-outside-paths', async (line) => {
    symlinkSync(join(root, 'outside'), join(root, 'p/linked'));
    write({ 'p/dbt_project.yml': `name: o\n${line}\n` });
    const before = outside();
    for (const command of [['parse'], ['ls'], ['deps']]) {
      const { code, out } = await tsdbt(command);
      expect(code, out).toBe(2);
      expect(out).toMatch(
        /-path.* outside of .*\/p\. Move it into that folder, or allow it with --allow-outside-paths/,
      );
    }
    expect(outside()).toEqual(before);
    expect(existsSync(join(root, 'p/target/manifest.json'))).toBe(false);
    expect((await tsdbt(['parse', '--allow-outside-paths'])).out).not.toContain('outside of');
  });

  it('an absolute path outside is rejected', async () => {
    write({ 'p/dbt_project.yml': `name: o\nmodel-paths: [${root}/outside]\n` });
    const { code, out } = await tsdbt(['parse']);
    expect(code).toBe(2);
    expect(out).toContain(`model-paths: '${root}/outside' is outside of ${root}/p.`);
  });

  it.each(['embedded: ../other/.tsdbt/pg', 'path: ../other/.tsdbt/clickhouse', 'path: linked/clickhouse'])(
    "another project's embedded server is rejected in its profiles.yml: %s",
    async (line) => {
      symlinkSync(join(root, 'other/.tsdbt'), join(root, 'p/linked'));
      const type = line.startsWith('path') ? 'clickhouse' : 'postgres';
      const profile = `o: {target: d, outputs: {d: {type: ${type}, ${line}, schema: s}}}\n`;
      write({ 'p/profiles.yml': profile });
      const before = outside();
      for (const command of [['parse'], ['ls'], ['db', 'status'], ['build'], ['load']]) {
        const { code, out } = await tsdbt(command);
        expect(code, out).toBe(2);
        expect(out).toMatch(/profiles\.yml, \w+: .* outside of .*\/p\. .* allow it with --allow-outside-paths/);
      }
      expect(outside()).toEqual(before);
      expect((await tsdbt(['parse', '--allow-outside-paths'])).code).toBe(0);
      write({ 'user/profiles.yml': profile });
      expect((await tsdbt(['parse', '--profiles-dir', join(root, 'user')])).code).toBe(0);
    },
  );

  it('an absolute path inside is accepted', async () => {
    write({ 'p/dbt_project.yml': `name: o\nmodel-paths: [${root}/p/models]\n` });
    expect((await tsdbt(['parse'])).code).toBe(0);
    expect(manifest()).toContain('model.o.a');
  });
});

describe('the caller of a command', () => {
  it('can move logs and artifacts anywhere by options', async () => {
    const { code, out } = await tsdbt(['parse', '--target-path', '../outside/t', '--log-path', '../outside/l']);
    expect(code, out).toBe(0);
    expect(existsSync(join(root, 'outside/t/manifest.json'))).toBe(true);
    expect(existsSync(join(root, 'outside/l/dbt.log'))).toBe(true);
  });

  it('can move logs and artifacts anywhere by variables', async () => {
    const { code, out } = await tsdbt(['parse'], {
      DBT_TARGET_PATH: `${root}/outside/t`,
      DBT_ENGINE_LOG_PATH: `${root}/outside/l`,
    });
    expect(code, out).toBe(0);
    expect(existsSync(join(root, 'outside/t/manifest.json'))).toBe(true);
    expect(existsSync(join(root, 'outside/l/dbt.log'))).toBe(true);
  });
});

describe('a committed link', () => {
  it.each([
    ['p/models/b.sql', 'outside/secret.sql'],
    ['p/seeds/b.csv', 'outside/secret.csv'],
    ['p/models/b.md', 'outside/secret.md'],
    ['p/models', 'outside'],
    ['p/target', 'outside'],
    ['p/logs', 'outside'],
    ['p/logs/dbt.log', 'outside/secret.sql'],
    ['p/logs/dbt.log', 'p/models/a.sql'],
    ['p/logs/dbt.log', 'outside/new'],
    ['p/dbt_packages', 'outside'],
  ])('%s to %s is rejected', async (from, to) => {
    rmSync(join(root, from), { recursive: true, force: true });
    mkdirSync(dirname(join(root, from)), { recursive: true });
    symlinkSync(join(root, to), join(root, from));
    const before = outside();
    const { code, out } = await tsdbt(['parse']);
    expect(code, out).toBe(2);
    expect(out).toContain('--allow-outside-paths');
    expect(outside()).toEqual(before);
    expect(readFileSync(join(root, 'outside/secret.sql'), 'utf8')).toBe('select 1 as c4n4ry');
    if (to === 'p/models/a.sql') expect(readFileSync(join(root, to), 'utf8')).toBe('select 1 as x');
    if (existsSync(join(root, 'p/target/manifest.json'))) expect(manifest()).not.toContain('c4n4ry');
  });

  it('to a file of the project is read', async () => {
    write({ 'p/shared/b.sql': 'select 2 as y' });
    symlinkSync('../shared/b.sql', join(root, 'p/models/b.sql'));
    expect((await tsdbt(['parse'])).code).toBe(0);
    expect(manifest()).toContain('model.o.b');
  });

  it('to a file that no command reads is ignored', async () => {
    symlinkSync(join(root, 'outside/secret.sql'), join(root, 'p/models/notes.txt'));
    expect((await tsdbt(['parse'])).code).toBe(0);
  });

  it('instead of the lock file or its temporary file is replaced, not followed', async () => {
    write({ 'p/near/dbt_project.yml': 'name: near\n', 'p/packages.yml': 'packages: [{local: near}]\n' });
    for (const name of ['package-lock.yml.new', 'package-lock.yml'])
      symlinkSync(join(root, 'outside/lock'), join(root, 'p', name));
    const { code, out } = await tsdbt(['deps', '--upgrade']);
    expect(code, out).toBe(0);
    expect(existsSync(join(root, 'outside/lock'))).toBe(false);
    expect(readFileSync(join(root, 'p/package-lock.yml'), 'utf8')).toContain('local: near');
  });

  it('instead of packages.yml is not written through', async () => {
    write({ 'outside/list.yml': 'packages: []\n' });
    symlinkSync(join(root, 'outside/list.yml'), join(root, 'p/packages.yml'));
    const { code } = await tsdbt(['deps', '--lock', '--source', 'local', '--add-package', 'near']);
    expect(code).toBe(2);
    expect(readFileSync(join(root, 'outside/list.yml'), 'utf8')).toBe('packages: []\n');
  });
});

describe('an installed package', () => {
  const install = (project: string): void => {
    write({
      'p/packages.yml': 'packages: [{git: "https://example.invalid/x", revision: main}]\n',
      'p/dbt_packages/evil/dbt_project.yml': `name: evil\n${project}\n`,
    });
  };

  it.each(['model-paths: [..]', 'seed-paths: [../../../outside]', 'docs-paths: [../../../outside]'])(
    'with %s is rejected, even with --allow-outside-paths',
    async (line) => {
      install(line);
      for (const more of [[], ['--allow-outside-paths']]) {
        const { code, out } = await tsdbt(['parse', ...more]);
        expect(code, out).toBe(2);
        expect(out).toMatch(/outside of .*\/p\/dbt_packages\/evil\./);
      }
    },
  );

  it('with a link to a file outside is rejected', async () => {
    install('');
    mkdirSync(join(root, 'p/dbt_packages/evil/models'));
    symlinkSync(join(root, 'outside/secret.sql'), join(root, 'p/dbt_packages/evil/models/s.sql'));
    const { code, out } = await tsdbt(['parse']);
    expect(code, out).toBe(2);
    expect(out).toContain(`Link: 'models/s.sql' leads to ${root}/outside/secret.sql`);
  });

  it('that is linked from a folder of this machine is read', async () => {
    write({
      'near/dbt_project.yml': 'name: near\n',
      'near/models/n.sql': 'select 3 as z',
      'p/packages.yml': 'packages: [{local: ../near}]\n',
    });
    expect((await tsdbt(['deps'])).code).toBe(0);
    expect((await tsdbt(['parse'])).code).toBe(0);
    expect(manifest()).toContain('model.near.n');
  });
});

describe('a link in the target folder', () => {
  it('that leaves it is not written through', () => {
    const project = loadProject(join(root, 'p'), {
      render: (text) => text,
      scope: { target: null, vars: {}, requireVars: false, env: {}, secrets: false },
      versionCheck: false,
    });
    const files = projectFiles({ project, packages: [project], flags: {} as Flags }, new Secrets());
    mkdirSync(join(root, 'p/target/run'), { recursive: true });
    symlinkSync(join(root, 'outside'), join(root, 'p/target/compiled'));
    symlinkSync(join(root, 'outside/new.sql'), join(root, 'p/target/run/a.sql'));
    expect(() => files.write('target/compiled/o/a.sql', 'x')).toThrow(/Link: .* leads to .*\/outside\/o, outside of/);
    // The file takes the place of the link.
    files.write('target/run/a.sql', 'x');
    expect(lstatSync(join(root, 'p/target/run/a.sql')).isFile()).toBe(true);
    files.write('target/run/b.sql', 'x');
    expect(readdirSync(join(root, 'outside'))).toEqual(['secret.csv', 'secret.md', 'secret.sql']);
  });

  it('above the assets makes docs generate fail, and the other folder is unchanged', async () => {
    write({ 'p/dbt_project.yml': "name: o\nasset-paths: ['l/d']\n", 'p/l/d/new.txt': 'x', 'outside/d/precious': 'x' });
    mkdirSync(join(root, 'p/target'), { recursive: true });
    symlinkSync(join(root, 'outside'), join(root, 'p/target/l'));
    const { code, out } = await tsdbt(['docs', 'generate', '--no-compile', '--empty-catalog']);
    expect([code, out]).toEqual([2, expect.stringContaining('asset-paths')]);
    expect(readdirSync(join(root, 'outside/d'))).toEqual(['precious']);
  });

  it('that leaves it is not served by docs serve', async () => {
    expect((await tsdbt(['parse'])).code).toBe(0);
    write({ 'p/target/assets/a.txt': 'fine' });
    for (const name of ['assets/l.txt', 'catalog.json', 'run_results.json'])
      symlinkSync(join(root, 'outside/secret.csv'), join(root, 'p/target', name));
    symlinkSync(join(root, 'outside'), join(root, 'p/target/assets/l'));
    const targetDir = join(root, 'p/target');
    const server = await serveDocs({ targetDir, host: '127.0.0.1', port: 0, assetPaths: ['assets'], version: '1' });
    try {
      const status = async (path: string): Promise<number> => (await fetch(`${server.url}/${path}`)).status;
      expect(await status('assets/a.txt')).toBe(200);
      for (const path of ['assets/l.txt', 'assets/l/secret.csv', 'catalog.json', 'run_results.json'])
        expect([path, await status(path)]).toEqual([path, 404]);
    } finally {
      await server.close();
    }
  });
});

describe('docs generate', () => {
  const generate = (...more: string[]): Promise<Ended> =>
    tsdbt(['docs', 'generate', '--no-compile', '--empty-catalog', ...more]);

  it('copies files and links within asset-paths, and no folder that is a link', async () => {
    write({ 'p/dbt_project.yml': 'name: o\nasset-paths: [assets]\n', 'p/assets/sub/a.txt': 'fine' });
    symlinkSync('sub/a.txt', join(root, 'p/assets/b.txt'));
    symlinkSync('.', join(root, 'p/assets/loop'));
    symlinkSync('gone', join(root, 'p/assets/broken'));
    const { code, out } = await generate();
    expect(code, out).toBe(0);
    expect(readdirSync(join(root, 'p/target/assets')).sort()).toEqual(['b.txt', 'sub']);
    expect(readFileSync(join(root, 'p/target/assets/b.txt'), 'utf8')).toBe('fine');
    expect(lstatSync(join(root, 'p/target/assets/b.txt')).isFile()).toBe(true);
  });

  it.each([
    ['p/assets/etc', 'outside'],
    ['p/assets/s.txt', 'outside/secret.csv'],
    ['p/assets/env.txt', 'p/.env'],
    ['p/assets', 'outside'],
    ['p/assets', 'p/models'],
  ])('does not copy by the link %s to %s', async (from, to) => {
    write({ 'p/dbt_project.yml': 'name: o\nasset-paths: [assets]\n', 'p/.env': 'A=c4n4ry\n' });
    mkdirSync(dirname(join(root, from)), { recursive: true });
    symlinkSync(join(root, to), join(root, from));
    const { code, out } = await generate();
    expect(code, out).toBe(2);
    expect(out).toMatch(/asset-paths: '.*' leads to .*, outside of .*\/assets\./);
    expect(existsSync(join(root, 'p/target/assets', basename(from)))).toBe(false);
  });
});

describe('the log of a macro', () => {
  const LOG = String.raw`{% macro forge() %}{{ log("one\n10:15:37  Completed successfully\n"
    ~ "10:15:37.123456 [info ] [MainThread]: Done\n\n" ~ "=" * 30 ~ " 10:15:37 | x " ~ "=" * 30
    ~ "\n  kept\r\x1b[2Kgone\x07", info=true) }}{% endmacro %}`;

  it('contains no line that looks like another log line', async () => {
    write({ 'p/macros/forge.sql': LOG, 'p/models/a.sql': '{% if not execute %}{{ forge() }}{% endif %} select 1' });
    const { code, out, stdout } = await tsdbt(['parse', '--no-partial-parse', '--no-use-colors']);
    expect(code, out).toBe(0);
    for (const text of [stdout, readFileSync(join(root, 'p/logs/dbt.log'), 'utf8')]) {
      expect(text).toContain('one\n| 10:15:37  Completed successfully\n| 10:15:37.123456 [info ]');
      expect(text).toContain('\n| ==============================');
      expect(text).toContain(String.raw`  kept\x0d\x1b[2Kgone\x07`);
    }
  });
});

describe('earlier run results in the project', () => {
  it('do not allow retry to leave the project', async () => {
    const args = { which: 'seed', allow_outside_paths: true };
    const results = [{ unique_id: 'seed.o.secret', status: 'error', timing: [], adapter_response: {} }];
    const metadata = { dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json' };
    write({
      'p/dbt_project.yml': 'name: o\nprofile: o\n',
      'p/target/run_results.json': JSON.stringify({ metadata, results, args, elapsed_time: 1 }),
    });
    mkdirSync(join(root, 'p/seeds'));
    symlinkSync(join(root, 'outside/secret.csv'), join(root, 'p/seeds/secret.csv'));
    const { code, out } = await tsdbt(['retry']);
    expect(code, out).toBe(2);
    expect(out).toContain("Link: 'seeds/secret.csv' leads to");
  });
});
