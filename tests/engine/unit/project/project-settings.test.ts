// Flags before the project is read: dbt_project.yml's, or those of `config` in profiles.yml, as dbt 1.12.6 takes them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ProjectSettings, readProjectSettings } from '../../../../src/project/project-settings.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsdbt-settings-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function settings(project: string, profiles: string, env = {}): ProjectSettings {
  writeFileSync(join(root, 'dbt_project.yml'), project);
  writeFileSync(join(root, 'profiles.yml'), profiles);
  return readProjectSettings(root, { cwd: '/nowhere', env, profilesDir: 'DBT_PROFILES_DIR' in env ? null : root });
}

const PROJECT = 'name: p\nprofile: p\n';
const PROFILES = 'p: {target: d, outputs: {d: {type: postgres}}}\n';

it.each([
  [
    'in dbt_project.yml',
    `${PROJECT}log-path: l\nflags: {fail_fast: true}\n`,
    PROFILES,
    { fail_fast: true },
    'l',
    false,
  ],
  ['in profiles.yml', PROJECT, `config:\n  fail_fast: true\n${PROFILES}`, { fail_fast: true }, null, true],
  ['in profiles.yml as JSON', PROJECT, '{"config": {"fail_fast": true}}', { fail_fast: true }, null, true],
  [
    'empty in profiles.yml',
    `${PROJECT}flags: {debug: true}\n`,
    `config: {}\n${PROFILES}`,
    { debug: true },
    null,
    false,
  ],
  ['empty in dbt_project.yml', `${PROJECT}flags: {}\n`, `config: {debug: true}\n`, { debug: true }, null, true],
  ['nowhere', PROJECT, PROFILES, null, null, false],
  ['in files that are no YAML', 'name: [', 'config: [', null, null, false],
])('flags are read %s', (_, project, profiles, flags, logPath, flagsMoved) => {
  expect(settings(project, profiles)).toEqual({ flags, logPath, profilesDir: root, flagsMoved, userFlags: null });
});

it.each([
  ['flags: {threads: 3}\n', { threads: 3 }],
  ['', null],
  ['flags: [', null],
])("user_settings.yml provides the user's flags: %j", (text, userFlags) => {
  mkdirSync(join(root, '.dbt'));
  writeFileSync(join(root, '.dbt', 'user_settings.yml'), text);
  expect(settings(PROJECT, PROFILES, { HOME: root }).userFlags).toEqual(userFlags);
});

it('profiles.yml is read from the folder in DBT_PROFILES_DIR', () => {
  const env = { DBT_PROFILES_DIR: root };
  expect(settings(PROJECT, 'config: {debug: true}\n', env)).toMatchObject({
    flags: { debug: true },
    profilesDir: root,
  });
});

it('flags in both dbt_project.yml and profiles.yml are rejected', () => {
  expect(() => settings(`${PROJECT}flags: {debug: true}\n`, 'config: {debug: true}\n')).toThrow(
    "Do not specify both 'config' in profiles.yml and 'flags' in dbt_project.yml. Using 'config' in profiles.yml is " +
      'deprecated.',
  );
});
