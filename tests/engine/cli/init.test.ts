// Tests `init` with the built program: what it asks, writes and keeps.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../../bin/tsdbt.js', import.meta.url));
let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsdbt-init-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function init(
  args: readonly string[],
  input = '',
  folder = home,
  debug: readonly string[] = ['--skip-debug'],
): { code: number | null; output: string } {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DBT_')));
  const done = spawnSync(process.execPath, [BIN, 'init', ...debug, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input,
    env: { ...env, HOME: home, NO_COLOR: '1' },
  });
  return { code: done.status, output: `${done.stdout}${done.stderr}` };
}

const read = (path: string): string => readFileSync(join(home, path), 'utf8');
const profiles = (): string => read('.dbt/profiles.yml');

describe('init', () => {
  it('creates a project and, without answers, a profile for the embedded Postgres', () => {
    const { code, output } = init(['shop']);
    expect(code).toBe(0);
    expect(output).toContain('Your new dbt project "shop" was created!');
    expect(read('shop/dbt_project.yml')).toContain('name: shop\n');
    expect(
      ['.gitignore', 'README.md', 'models/customers.sql', 'seeds/payments.csv', 'tests/.gitkeep'].filter(
        (file) => !existsSync(join(home, 'shop', file)),
      ),
    ).toEqual([]);
    expect(profiles()).toBe(
      'shop:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n      embedded: true\n      threads: ' +
        '4\n      schema: analytics\n',
    );
    expect(statSync(join(home, '.dbt/profiles.yml')).mode & 0o77).toBe(0);
  });

  it('asks for the server, and keeps other profiles and comments', () => {
    mkdirSync(join(home, '.dbt'));
    writeFileSync(join(home, '.dbt/profiles.yml'), '# mine\nother: {target: x} # stays\n');
    const { code } = init([], '1shop\nshop\n2\ndb.example\n\nme\nse cret\nshop_db\n\n2\n');
    expect(code).toBe(0);
    expect(profiles()).toBe(
      '# mine\nother: {target: x} # stays\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n  ' +
        '    host: db.example\n      port: 5432\n      user: me\n      pass: se cret\n      dbname: shop_db\n    ' +
        '  schema: analytics\n      threads: 2\n',
    );
  });

  it('accepts an existing profile, and rejects an unknown one', () => {
    expect(init(['shop', '--profile', 'none'])).toMatchObject({
      code: 2,
      output: expect.stringContaining("Could not find profile named 'none'") as string,
    });
    expect(existsSync(join(home, 'shop'))).toBe(false);
    mkdirSync(join(home, '.dbt'));
    writeFileSync(join(home, '.dbt/profiles.yml'), 'other: {target: x}\n');
    expect(init(['shop', '--profile', 'other']).code).toBe(0);
    expect(read('shop/dbt_project.yml')).toContain('profile: other\n');
    expect(profiles()).toBe('other: {target: x}\n');
    expect(init(['shop']).output).toContain('A project called shop already exists here.');
  });

  it('then tests the connection of the profile, not one with the project’s name', () => {
    mkdirSync(join(home, '.dbt'));
    const away = '{type: postgres, host: 127.0.0.1, port: 1, user: me, password: x, dbname: d, schema: s, threads: 1}';
    writeFileSync(join(home, '.dbt/profiles.yml'), `other: {target: dev, outputs: {dev: ${away}}}\n`);
    const { output } = init(['shop', '--profile', 'other'], '', home, []);
    expect(output).toMatch(/1 check failed:[\s\S]*"127\.0\.0\.1", port 1 failed: Connection refused/);
    expect(output).not.toContain("Connection 'shop'");
  });

  it('in a project creates the profile, by the project’s own questions if it has any', () => {
    init(['shop', '--skip-profile-setup']);
    expect(existsSync(join(home, '.dbt'))).toBe(false);
    writeFileSync(
      join(home, 'shop/profile_template.yml'),
      'fixed: {type: postgres}\nprompts:\n  target: {default: prod}\n  _choose_way:\n    local: {_fixed_host: ' +
        'localhost}\n    remote: {host: {hint: name}}\n  port: {type: int, default: 5433}\n',
    );
    expect(init([], '\n2\nfar\n\n', join(home, 'shop')).code).toBe(0);
    expect(profiles()).toBe(
      'shop:\n  target: prod\n  outputs:\n    prod:\n      type: postgres\n      host: far\n      port: 5433\n',
    );
    expect(init([], 'n\n', join(home, 'shop'))).toMatchObject({
      code: 0,
      output: expect.stringContaining('already exists in') as string,
    });
    writeFileSync(
      join(home, 'shop/profile_template.yml'),
      'fixed: {type: postgres}\nprompts: {port: {default: 5433}, retries: {type: int}, ssl: {default: true}}\n',
    );
    expect(init([], 'maybe\ny\n5500\nmany\n3\noff\n', join(home, 'shop')).output).toContain(
      "'many' is not a valid integer.",
    );
    expect(profiles()).toContain('      port: 5500\n      retries: 3\n      ssl: false\n');
    expect(init(['--profile', 'x'], '', join(home, 'shop')).output).toContain(
      'Can not init existing project with specified profile, edit dbt_project.yml instead',
    );
  });
});
