// dbt_project.yml, profiles.yml, packages, source files: messages and choices are those of dbt 1.12.6, seen by running
// it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import type { Project } from '../../../../src/contracts/project.ts';
import { formatError } from '../../../../src/errors.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { cleanProject } from '../../../../src/project/clean.ts';
import { parseEnvFile, readEnvironment } from '../../../../src/project/env-file.ts';
import { readSourceFiles } from '../../../../src/project/files.ts';
import { resolveFlags } from '../../../../src/project/flags.ts';
import { parseIgnoreFile } from '../../../../src/project/ignore-file.ts';
import { loadProfile, profilesPlace, targetDictionary } from '../../../../src/project/profile.ts';
import { loadProject } from '../../../../src/project/project.ts';
import type { YamlScope } from '../../../../src/project/renderer.ts';

let root = '';
const events: LogEvent[] = [];
const logger = { fire: (event: LogEvent): void => void events.push(event) };
const scope: YamlScope = { target: null, vars: {}, requireVars: true, env: {}, secrets: false };
const render = (text: string): Json => `<${text}>`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsdbt-project-'));
  events.length = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function project(text: string): Project {
  write({ 'dbt_project.yml': text });
  return loadProject(root, { render, scope, versionCheck: true, logger });
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return formatError(error).replaceAll(root, '/p');
  }
  return 'no error';
}

describe('dbt_project.yml', () => {
  it.each([
    ['name: o\nfoo: 1\n', "at path []: Additional properties are not allowed ('foo' was unexpected)"],
    ['profile: p\n', 'Required "name" field not present in project'],
    ['name: a-b\n', "at path ['name']: 'a-b' does not match '^[^\\\\d\\\\W]\\\\w*$'"],
    ['name: ref\n', 'at path []: Invalid project name: ref is a reserved word'],
    ['name: o\nmodel-paths: models\n', "at path ['model-paths']: 'models' is not valid under any of the given schemas"],
    [
      'name: o\nquoting: {foo: true}\n',
      "at path ['quoting']: {'foo': True} is not valid under any of the given schemas",
    ],
    ['name: o\nversion: abc\n', "at path ['version']: 'abc' is not valid under any of the given schemas"],
    ['name: o\nrequire-dbt-version: "foo"\n', '"foo" is not a valid semantic version.'],
    ['name: o\nmodel-paths: [a]\nsource-paths: [b]\n', 'source-paths and model-paths cannot both be defined.'],
    [
      'name: o\ndispatch: [{macro_namespace: x}]\n',
      "at path []: Invalid project dispatch config: {'macro_namespace': 'x'}",
    ],
  ])('is rejected with %j', (text, message) => {
    const shown = messageOf(() => project(text));
    expect(shown).toContain(`Runtime Error\n  ${message}`);
    expect(shown).toContain('Error encountered in /p/dbt_project.yml');
  });

  it('is rejected if it is not a dictionary', () => {
    for (const text of ['', '- a\n', 'x\n'])
      expect(messageOf(() => project(text))).toBe('Runtime Error\n  dbt_project.yml does not parse to a dictionary');
  });

  it('has its require-dbt-version checked unless that is disabled', () => {
    expect(messageOf(() => project('name: o\nrequire-dbt-version: [">=2.0.0"]\n'))).toContain(
      "This version of dbt is not supported with the 'o' package.\n    Installed version of dbt: =1.12.6\n    " +
        "Required version of dbt for 'o': ['>=2.0.0']\n  Check for a different version",
    );
    expect(messageOf(() => project('name: o\nrequire-dbt-version: [">=2.0.0", "<1.0.0"]\n'))).toContain(
      'The package version requirement can never be satisfied',
    );
    expect(project('name: o\nrequire-dbt-version: ">=1.0.0,<2.0.0"\n').require_dbt_version).toEqual([
      '>=1.0.0',
      '<2.0.0',
    ]);
    expect(loadProject(root, { render, scope, versionCheck: false }).project_name).toBe('o');
  });

  it('is rendered except for hooks, vars and the query comment', () => {
    const loaded = project(
      'name: o\nmodels: {o: {+schema: "{{ a }}", +pre-hook: "{{ b }}"}}\nvars: {x: "{{ c }}"}\non-run-start: ' +
        '"{{ d }}"\nquery-comment: "{{ e }}"\n',
    );
    expect(loaded.configs.models).toEqual({ o: { '+schema': '<{{ a }}>', '+pre-hook': '{{ b }}' } });
    expect(loaded.unrendered_configs.models).toEqual({ o: { '+schema': '{{ a }}', '+pre-hook': '{{ b }}' } });
    expect([loaded.vars, loaded.on_run_start, loaded.query_comment]).toEqual([
      { x: '{{ c }}' },
      ['{{ d }}'],
      { comment: '{{ e }}', append: false, job_label: false },
    ]);
  });

  it('has the defaults of dbt', () => {
    expect(project('name: o\ntests: {+severity: warn}\n')).toMatchObject({
      model_paths: ['models'],
      seed_paths: ['seeds'],
      test_paths: ['tests'],
      docs_paths: ['models', 'seeds', 'snapshots', 'analyses', 'macros', 'tests', 'functions'],
      target_path: 'target',
      clean_targets: ['target'],
      packages_install_path: 'dbt_packages',
      version: null,
      configs: { tests: { '+severity': 'warn' } },
    });
  });

  it('has its vars in vars.yml or dbt_project.yml, not in both', () => {
    write({ 'dbt_project.yml': 'name: o\nvars: {a: 1}\n' });
    expect(messageOf(() => loadProject(root, { render, scope, versionCheck: true, varsFile: { b: 2 } }))).toContain(
      'Variables cannot be defined in both vars.yml and dbt_project.yml.',
    );
  });

  it('causes warnings for renamed keys and repeated keys', () => {
    project('name: o\nname: p\nsource-paths: [m]\nlog-path: elsewhere\ntarget-path: target\n');
    expect(events.map((event) => event.name)).toEqual([
      'DuplicateYAMLKeysDeprecation',
      'ConfigSourcePathDeprecation',
      'ConfigLogPathDeprecation',
    ]);
  });
});

const PROFILES =
  `p:
  target: dev
  outputs:
    dev: {type: postgres, host: h, port: 1, user: u, pass: secret, dbname: d, schema: s, threads: 3, extra: 1}
    port: {type: postgres, host: h, port: abc, user: u, password: x, dbname: d, schema: s}
    secret: {type: postgres, host: h, port: 1, user: u, pass: 1234, dbname: d, schema: s}
    missing: {type: postgres, host: h, user: u, password: x, dbname: d, schema: s}
    weird: {type: oracle}
    none: {host: h}
    both: {type: postgres, host: h, port: 1, user: u, password: x, pass: y, dbname: d, schema: s}
    here: {type: postgres, embedded: true, schema: mine}
    ch: {type: clickhouse, password: secret}
    chkeys: {type: clickhouse, schema: x, database: x, port: 9000, secure: true, tcp_keepalive: [1, 2, 3], ` +
  `custom_settings: {max_threads: 2}}
    chother: {type: clickhouse, schema: x, database: y}
    chport: {type: clickhouse, port: abc}
    chflag: {type: clickhouse, verify: 'no'}
    chdriver: {type: clickhouse, driver: odbc}
empty:
`;

describe('profiles.yml', () => {
  const profile = (more: { profile?: string; target?: string; threads?: number; project?: string | null } = {}) =>
    loadProfile({
      render,
      scope,
      logger,
      profiles: { directory: root, asked: true },
      projectDir: root,
      projectProfile: more.project === undefined ? 'p' : more.project,
      profile: more.profile,
      target: more.target,
      threads: more.threads,
    });

  it('provides credentials by their canonical names, and a target without the password', () => {
    write({ 'profiles.yml': PROFILES });
    const found = profile();
    expect(found).toMatchObject({
      profile_name: 'p',
      target_name: 'dev',
      threads: 3,
      credentials: { type: 'postgres', database: 'd', password: 'secret', connect_timeout: 10, extra: 1 },
    });
    const target = targetDictionary(found);
    expect(target).toMatchObject({ dbname: 'd', database: 'd', name: 'dev', profile_name: 'p', threads: 3 });
    expect(JSON.stringify(target)).not.toContain('secret');
    expect(profile({ threads: 9 }).threads).toBe(9);
    expect(profile({ target: 'here' }).credentials).toMatchObject({ embedded: true, schema: 'mine' });
  });

  it("provides dbt-clickhouse's defaults, and a target with only its keys", () => {
    write({ 'profiles.yml': PROFILES });
    // What ClickHouseCredentials of dbt-clickhouse 1.10.3 give as connection_info.
    const defaults = {
      driver: null,
      host: 'localhost',
      port: null,
      user: 'default',
      schema: 'default',
      retries: 1,
      cluster: null,
      database_engine: null,
      cluster_mode: false,
      secure: false,
      verify: true,
      client_cert: null,
      client_cert_key: null,
      connect_timeout: 10,
      send_receive_timeout: 300,
      sync_request_timeout: 5,
      compress_block_size: 1_048_576,
      compression: '',
      check_exchange: true,
      custom_settings: null,
      use_lw_deletes: false,
      allow_automatic_deduplication: false,
      tcp_keepalive: false,
      reuse_connections: true,
      server_host_name: null,
    };
    const names = { type: 'clickhouse', threads: 1, profile_name: 'p' };
    expect(targetDictionary(profile({ target: 'ch' }))).toEqual({
      ...defaults,
      ...names,
      name: 'ch',
      target_name: 'ch',
    });
    expect(profile({ target: 'ch' }).credentials).toMatchObject({
      database: '',
      local_suffix: 'local',
      local_db_prefix: '',
      password: 'secret',
    });
    expect(targetDictionary(profile({ target: 'chkeys' }))).toEqual({
      ...defaults,
      ...names,
      name: 'chkeys',
      target_name: 'chkeys',
      schema: 'x',
      port: 9000,
      secure: true,
      tcp_keepalive: [1, 2, 3],
      custom_settings: { max_threads: 2 },
    });
  });

  it.each([
    [{ target: 'chother' }, 'On Clickhouse, database must be omitted or have the same value as schema.'],
    [{ target: 'chport' }, "'abc' is not valid under any of the given schemas"],
    [{ target: 'chflag' }, "'no' is not of type 'boolean'"],
    [{ target: 'chdriver' }, 'Unrecognized ClickHouse driver odbc'],
    [
      { target: 'nope' },
      "The profile 'p' does not have a target named 'nope'. The valid target names for this profile are:\n   - " +
        'dev\n   - port',
    ],
    [
      { target: 'port' },
      "Credentials in profile \"p\", target \"port\" invalid: 'abc' is not of type 'integer'\n  in the field 'port'",
    ],
    [
      { target: 'secret' },
      'Credentials in profile "p", target "secret" invalid: ***** is not of type \'string\'\n  in the field ' +
        "'password'",
    ],
    [{ target: 'missing' }, 'Credentials in profile "p", target "missing" invalid: \'port\' is a required property'],
    [
      { target: 'weird' },
      'Credentials in profile "p", target "weird" invalid: Runtime Error\n    Could not find adapter type ' +
        'oracle!\n  This version knows: postgres, clickhouse.',
    ],
    [{ target: 'none' }, 'required field "type" not found in profile p and target none'],
    [{ target: 'both' }, 'Got duplicate keys: (pass) all map to "password"'],
    [{ profile: 'q' }, "Could not find profile named 'q'\n  Profiles in /p/profiles.yml: p, empty"],
    [{ profile: 'empty' }, 'Profile empty in profiles.yml is empty'],
    [{ project: null }, 'dbt cannot run because no profile was specified for this dbt project.'],
  ])('is rejected with %j', (more, message) => {
    write({ 'profiles.yml': PROFILES });
    expect(messageOf(() => profile(more))).toContain(message);
  });

  it('is searched for in the option, the variable, the folder and the home folder', () => {
    expect(profilesPlace(root, { DBT_PROFILES_DIR: '/v', HOME: '/h' }, '/o')).toEqual({ directory: '/o', asked: true });
    expect(profilesPlace(root, { DBT_PROFILES_DIR: '/v', HOME: '/h' })).toEqual({ directory: '/v', asked: true });
    expect(profilesPlace(root, { HOME: '/h' })).toEqual({ directory: '/h/.dbt', asked: false });
    write({ 'profiles.yml': PROFILES });
    expect(profilesPlace(root, { HOME: '/h' })).toEqual({ directory: root, asked: false });
  });

  it('may be missing: the embedded server is used, with a notice, unless a profile was requested', () => {
    const options = {
      render,
      scope,
      logger,
      profiles: { directory: join(root, 'nowhere'), asked: false },
      projectDir: root,
      projectProfile: 'p',
    };
    expect(loadProfile(options)).toMatchObject({
      target_name: 'embedded',
      credentials: { type: 'postgres', embedded: true },
    });
    expect(events.map((event) => event.msg)).toEqual([
      expect.stringContaining('No profiles.yml found: using the built-in Postgres'),
    ]);
    expect(messageOf(() => loadProfile({ ...options, target: 'prod' }))).toContain(
      'Without one, and without --profile, the targets embedded and clickhouse are there.',
    );
    write({ 'profiles.yml': PROFILES });
    expect(messageOf(() => loadProfile(options))).toContain('--profiles-dir');
  });

  it('of another project does not replace the embedded server of a project that has used it', () => {
    write({
      'home/profiles.yml': 'other: {target: dev, outputs: {dev: {type: postgres, embedded: true, schema: s}}}\n',
    });
    const place = { directory: join(root, 'home'), asked: false };
    const options = { render, scope, logger, profiles: place, projectDir: root, projectProfile: 'mine' };
    const missing = "Could not find profile named 'mine'";
    expect(messageOf(() => loadProfile(options))).toContain(missing);
    write({ '.tsdbt/pg/data/PG_VERSION': '18' });
    expect(loadProfile(options)).toMatchObject({ target_name: 'embedded', profile_name: 'mine', profiles_dir: null });
    expect(events.map((event) => event.msg)).toEqual([
      expect.stringContaining(`No profile 'mine' in ${join(root, 'home/profiles.yml')}: using the built-in Postgres`),
    ]);
    expect(loadProfile({ ...options, target: 'clickhouse' })).toMatchObject({ credentials: { type: 'clickhouse' } });
    for (const asked of [{ profile: 'mine' }, { target: 'prod' }, { profiles: { ...place, asked: true } }])
      expect(messageOf(() => loadProfile({ ...options, ...asked }))).toContain(missing);
  });
});

describe('readSourceFiles', () => {
  it('finds files by kind, without those in .dbtignore', () => {
    const loaded = project('name: o\n');
    write({
      'models/b.sql': ' select  1 \n',
      'models/a/c.sql': 'x',
      'models/s.yml': 'a: 1',
      'models/.hidden.sql': '',
      'models/doc.md': 'd',
      'models/old/x.sql': '',
      'tests/one.sql': '',
      'tests/generic/two.sql': '',
      'tests/fixtures/f.csv': 'a',
      'seeds/s.csv': 'a\r\n1\r\n',
      '.dbtignore': 'models/old/\n*.tmp.sql\n',
      'models/z.tmp.sql': '',
    });
    const files = readSourceFiles({ packages: [loaded], flags: resolveFlags('run', {}, {}, null) });
    expect(files.map((file) => `${file.kind} ${file.original_file_path}`)).toEqual([
      'model models/b.sql',
      'model models/a/c.sql',
      'singular_test tests/one.sql',
      'generic_test tests/generic/two.sql',
      'seed seeds/s.csv',
      'docs models/doc.md',
      'properties models/s.yml',
      'fixture tests/fixtures/f.csv',
    ]);
    expect([files[0]?.contents, files[0]?.checksum.checksum]).toEqual([
      'select  1',
      '822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f',
    ]);
    // Universal newlines, as dbt reads seeds.
    expect(files[4]?.checksum.checksum).toBe('4f395a2e9ea1c0680348d384135458270e9e6f5af3576151fec246b7b6de98e6');
  });

  it('identifies a big seed by its path', () => {
    const loaded = project('name: o\n');
    write({ 'seeds/big.csv': `a\n${'x'.repeat(1024 * 1024)}\n` });
    const [file] = readSourceFiles({ packages: [loaded], flags: resolveFlags('run', {}, {}, null) });
    expect(file?.checksum).toEqual({ name: 'path', checksum: 'seeds/big.csv' });
  });
});

describe('.dbtignore', () => {
  it.each([
    ['tests/engine/', 'tests/engine/a/b.sql', true],
    ['tests/engine/', 'x/tests/engine/a.sql', false],
    ['old', 'models/old/x.sql', true],
    ['old', 'models/older.sql', false],
    ['*.tmp', 'a/b.tmp', true],
    ['/a.sql', 'a.sql', true],
    ['/a.sql', 'm/a.sql', false],
    ['models/**/x.sql', 'models/x.sql', true],
    ['models/**/x.sql', 'models/a/b/x.sql', true],
    ['*.sql\n!keep.sql', 'm/keep.sql', false],
    ['# a\n\n', '# a', false],
    ['m/*', 'm/a/b.sql', true],
    ['a?c', 'x/abc', true],
  ])('with %j decides on %s: %s', (rules, path, ignored) => {
    expect(parseIgnoreFile(rules).file(path)).toBe(ignored);
  });
});

describe('.env', () => {
  it('is parsed as python-dotenv parses it', () => {
    const text =
      '# c\nA=1\nexport B = two words # note\nC="x\\ny"\nD=\'raw\\n\'\nE=${A}-${NONE:-dflt}\nF=\nG\nH= # only ' +
      'a comment\nI=a#b\nJ="multi\nline"\n';
    expect(parseEnvFile(text)).toEqual({
      A: '1',
      B: 'two words',
      C: 'x\ny',
      D: 'raw\\n',
      E: '1-dflt',
      F: '',
      H: '',
      I: 'a#b',
      J: 'multi\nline',
    });
  });

  it.each([
    ['A=1\nB=${A}${A:-x}${C:-y}${C}\n', '11y'],
    ['B=${A\n', '${A'],
    ['B=${A:b}${D:-d}\n', '${A:b}d'],
    ['B=${${A}}\n', '}'],
    ['B=$${D:-d}$\n', '$d$'],
    ['B=${:-d}${}${constructor}\n', 'd'],
    ['B=${A:-d\n', '${A:-d'],
    ['__proto__=1\nB=${__proto__}\n', '1'],
  ])('with %j sets B to %j', (text, value) => {
    expect(parseEnvFile(text)['B']).toBe(value);
  });

  it('cannot expand beyond a limit of memory', () => {
    const text = `A=1\n${'A=${A}${A}\n'.repeat(60)}`;
    expect(() => parseEnvFile(text, {}, 'x/.env')).toThrowError(
      expect.objectContaining({
        message: 'What the values name by ${...} comes to more than 10000000 characters at ${A}',
        details: { path: 'x/.env', line: 24, errorCode: 'T3031' },
      }),
    );
  });

  it('is in the folder or above it, and never overrides the shell', () => {
    write({ '.env': 'A=file\nB=file\nDBT_TARGET=dev\n', 'sub/x': '' });
    expect(readEnvironment({ cwd: join(root, 'sub'), env: { A: 'shell' }, projectDir: root })).toEqual({
      templates: { A: 'shell', B: 'file', DBT_TARGET: 'dev' },
      settings: { A: 'shell', DBT_TARGET: 'dev' },
      fromFile: new Set(['DBT_TARGET']),
      warning: null,
    });
  });
});

describe('the clean command', () => {
  it('deletes the clean targets, never sources and nothing outside of the project', () => {
    write({ 'target/x': '', 'models/a.sql': '', 'logs/y': '' });
    cleanProject(project('name: o\nclean-targets: [target, logs]\n'), true, logger);
    expect(events.map((event) => event.name)).toEqual([
      'CheckCleanPath',
      'ConfirmCleanPath',
      'CheckCleanPath',
      'ConfirmCleanPath',
      'FinishedCleanPaths',
    ]);
    expect(messageOf(() => cleanProject(project('name: o\nclean-targets: [models]\n'), true, logger))).toContain(
      'dbt will not clean the following source paths:',
    );
    expect(messageOf(() => cleanProject(project('name: o\nclean-targets: [..]\n'), true, logger))).toContain(
      'dbt will not clean the following directories outside the project',
    );
    expect(messageOf(() => cleanProject(project('name: o\nclean-targets: [..]\n'), false, logger))).toContain(
      'dbt will not clean the following source paths',
    );
    expect(
      messageOf(() => cleanProject(project('name: o\nclean-targets: [/tmp/elsewhere]\n'), true, logger)),
    ).toContain("dbt will not clean the following directories outside the project: ['/tmp/elsewhere']");
    expect(messageOf(() => cleanProject(project('name: o\nclean-targets: ["."]\n'), false, logger))).toContain(
      'dbt will not clean',
    );
  });
});
