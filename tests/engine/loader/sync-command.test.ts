// load of tables of another Postgres, as commands: killed processes, what check and status say, connections at fault.
import { createHmac } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWN_SERVER } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';
import { run } from '../support/program.ts';

const POINTS = ['before_stage', 'before_merge', 'before_commit', 'after_commit'];

describe("the load of another database's table", () => {
  let project: FaultProject;
  let source: pg.Client;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const server = await OWN_SERVER.open();
    project = await FaultProject.open({});
    const { host, port, user, password, database } = server.credentials;
    source = new pg.Client({ host: `${host}`, port: Number(port), user: `${user}`, password: `${password}`, database });
    await source.connect();
    project.env = { SOURCE_PASSWORD: `${password}` };
    const address = `type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}`;
    project.write({
      'connections.yml':
        `app_db: {${address}, password: "{{ env_var('SOURCE_PASSWORD') }}"}\n` +
        "lake: {type: s3, endpoint: 'http://127.0.0.1:1', bucket: b, access_key_id: k, secret_access_key: " +
        '"{{ env_var(\'SOURCE_PASSWORD\') }}"}\n' +
        'events: {brokers: ["127.0.0.1:1"]}\n',
      'models/sources.yml': `sources:
  - name: app
    tables:
      - name: users
        config:
          meta: { tsdbt: { load: { connection: app_db, table: users, strategy: incremental, cursor: updated_at } } }
`,
    });
    await source.query('create table users (id bigint primary key, name text, updated_at timestamptz)');
    close = async () => {
      await source.end();
      await project.close();
      await server.close();
    };
  });
  afterAll(() => close());

  const load = (connection: string): void =>
    project.write({
      'models/sources.yml': project.read('models/sources.yml').replace(/connection: \w+/, `connection: ${connection}`),
    });

  it('loses and duplicates nothing when processes are killed', async () => {
    let id = 0;
    for (const point of POINTS) {
      const values = Array.from({ length: 20 }, () => `(${id++ % 50}, 'n${id}', clock_timestamp())`).join(', ');
      await source.query(
        `insert into users values ${values} on conflict (id) do update set name = excluded.name, updated_at = ` +
          'excluded.updated_at',
      );
      project.env = { ...project.env, TSDBT_FAULT_POINT: point };
      const ended = await project.start(['load', '--once']).ended;
      expect(ended.code, ended.out).not.toBe(0);
    }
    const { TSDBT_FAULT_POINT: _, ...env } = project.env;
    project.env = env;
    const ended = await project.run(['load', '--once']);
    expect(ended.code, ended.out).toBe(0);
    expect(ended.out).toMatch(/app\.users: \d+ rows read, 0 changed in/);
    const wanted = await source.query({ text: 'select * from users order by id', rowMode: 'array' });
    const found = await project.client.query({ text: 'select * from app.users order by id', rowMode: 'array' });
    expect(found.rows).toEqual(wanted.rows);
    expect(found.rows).toHaveLength(50);
  });

  it('reports its last time and what it cannot detect', async () => {
    const status = await project.run(['load', 'status', '--output', 'json']);
    const document = JSON.parse(status.out.trim().split('\n').at(-1) ?? '');
    expect(document.syncs).toEqual([
      {
        table: 'app.users',
        unique_id: 'source.faults.app.users',
        schema: 'app',
        identifier: 'users',
        strategy: 'incremental',
        synced_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        border: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
      },
    ]);
    const check = await project.run(['load', 'check']);
    expect(check.code).toBe(0);
    expect(check.out).toContain('app.users: OK');
    expect(check.out).toContain('does not see rows that are deleted');
  });

  it('is as fresh as its last sync, and no seed overwrites it', async () => {
    const sources = project.read('models/sources.yml');
    const freshness = async (code: number): Promise<unknown> => {
      const { code: found, out } = await project.run(['source', 'freshness']);
      expect(found, out).toBe(code);
      return JSON.parse(project.read('target/sources.json')).results[0];
    };
    project.write({
      'models/sources.yml': `${sources}          freshness: { error_after: { count: 1, period: hour } }\n`,
      'seeds/users.csv': 'id\n1\n',
      'dbt_project.yml': `${project.read('dbt_project.yml')}seeds: {+schema: app}\n`,
      'macros/schema.sql': '{% macro generate_schema_name(name, node) %}{{ name }}{% endmacro %}',
    });
    expect(await freshness(0)).toMatchObject({ status: 'pass' });
    const { out } = await project.run(['seed']);
    expect(out).toContain('NO-OP seed file app.users: `tsdbt load` fills its table');
    await project.client.query("update tsdbt.sync_positions set synced_at = '2026-01-05 10:00Z', rows = 0");
    expect(await freshness(1)).toMatchObject({ status: 'error', max_loaded_at: '2026-01-05T10:00:00+00:00' });
    expect(await project.rows('select count(*) from app.users')).toEqual([['50']]);
    await project.client.query('delete from tsdbt.sync_positions');
    expect(await freshness(1)).toMatchObject({ status: 'error', max_loaded_at: '0001-01-01T00:00:00+00:00' });
    project.write({ 'models/sources.yml': sources });
    for (const path of ['seeds/users.csv', 'macros/schema.sql']) project.remove(path);
  });

  it('hashes with the key from the environment, and does nothing without it', async () => {
    const sources = project.read('models/sources.yml');
    const hidden = sources
      .replace('cursor: updated_at', 'cursor: updated_at, hash: [name]')
      .replace('name: users', 'name: members');
    project.write({ 'models/sources.yml': hidden });
    const without = await project.run(['load', '--once']);
    expect(without.code).toBe(2);
    expect(without.out).toContain('Source app.members hashes or drops personal data, but TSDBT_HASH_KEY is not set.');
    project.env = { ...project.env, TSDBT_HASH_KEY: 'secret key' };
    const ended = await project.run(['load', '--once']);
    expect(ended.code, ended.out).toBe(0);
    const { rows } = await source.query('select id::text, name from users order by users.id');
    expect(await project.rows('select id::text, name from app.members order by members.id')).toEqual(
      rows.map(({ id, name }) => [id, createHmac('sha256', 'secret key').update(name).digest('hex')]),
    );
    project.write({ 'models/sources.yml': sources });
  });

  it('names a connection that is missing or of another type, and debug tests each one', async () => {
    const said = async (connection: string): Promise<string> => {
      load(connection);
      const { code, out } = await project.run(['load', '--once']);
      expect(code).toBe(2);
      expect(out).not.toContain(project.env['SOURCE_PASSWORD']);
      return out;
    };
    expect(await said('nowhere')).toContain("There is no connection 'nowhere'");
    expect(await said('lake')).toContain("Connection 'lake' is of type s3, and a database is needed");
    expect(await said('events')).toContain("Connection 'events' is of type kafka, and a database is needed");
    load('app_db');
    const place = { cwd: project.dir, env: { ...process.env, DBT_PROFILES_DIR: project.dir, ...project.env } };
    const debug = await run(['debug', '--connection', 'app_db', '--no-use-colors'], place);
    expect(debug.out).toContain('app_db: [OK postgres]');
    const lake = await run(['debug', '--connection', 'lake', '--no-use-colors'], place);
    expect(lake.code).toBe(1);
    expect(lake.out).toContain("The object store 'lake' at http://127.0.0.1:1 cannot be reached");
  });
});
