// Names that would become SQL if they were not quoted, in every place where a project, a file, a message or a database
// gives a name. Each command either makes exactly that name or ends in one clear error, and the canary table survives.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { quoteIdentifier as quoteForClickHouse } from '../../../src/adapters/clickhouse/literal.ts';
import { quoteIdentifier as quoteForPostgres } from '../../../src/adapters/postgres/literal.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import type { Ended } from '../support/program.ts';

/** At most 40 bytes: Postgres cuts names at 63, and some places put a suffix after the name. */
const NAMES: readonly (readonly [character: string, name: string])[] = [
  ['a double quote', 'a" int);drop table canary;--'],
  ['a single quote', "a');drop table canary;--"],
  ['a backquote', 'a`;drop table canary;--'],
  ['a backslash before quotes', 'a\\\'\\";drop table canary;--\\'],
  ['a line break and a comment', 'a\n;drop table canary;/*--'],
  ['dollar quotes and a placeholder', 'a$$%s{}\'"`;drop table canary'],
];

interface Database {
  readonly name: string;
  readonly dialect: 'postgres' | 'clickhouse';
  /** Rows as arrays of texts. */
  rows(sql: string): Promise<string[][]>;
}

/** Jinja reads the aliases of tests, and dbt leaves it their backslashes. */
const failuresOf = (evil: string): string => `f ${evil.replaceAll("\\'", '')}`;

/** The project whose names all come from the variable `evil`. */
function projectFiles(evil: string, { dialect }: Database): Record<string, string> {
  const json = JSON.stringify;
  const types = dialect === 'postgres' ? { id: 'integer', text: 'text' } : { id: 'Int32', text: 'String' };
  const more =
    dialect === 'clickhouse' ? ", order_by='id'" : ", indexes=[{'columns': ['id', adapter.quote(var('evil'))]}]";
  const order = dialect === 'clickhouse' ? ", order_by='id'" : '';
  const strategy = dialect === 'clickhouse' ? ", incremental_strategy='delete_insert'" : '';
  const cell = `"${evil.replaceAll('"', '""')}"`;
  return {
    'dbt_project.yml':
      'name: faults\nversion: "1.0"\nprofile: faults\nflags: {send_anonymous_usage_stats: false}\n' +
      `seeds: {faults: {bare: {+quote_columns: false}}}\n`,
    'seeds/headers.csv': `id,${cell}\n1,x\n`,
    'seeds/bare.csv': `id,${cell}\n1,x\n`,
    'models/wide.sql':
      `{{ config(materialized='table', alias='t ' ~ var('evil')${more}) }}\n` +
      "select 1 as id, 'x' as {{ adapter.quote(var('evil')) }}",
    'models/shown.sql': "{{ config(materialized='view', alias='v ' ~ var('evil')) }}\nselect * from {{ ref('wide') }}",
    'models/grown.sql':
      "{{ config(materialized='incremental', unique_key='id', alias='i ' ~ var('evil'), " +
      `on_schema_change=var('change', 'append_new_columns')${order}${strategy}) }}\n` +
      "select 1 as id{% if var('more', false) %}, 'x' as {{ adapter.quote(var('evil')) }}{% endif %}",
    'models/agreed.sql':
      `{{ config(materialized='table', contract={'enforced': true}${order}) }}\n` +
      `select cast(1 as ${types.id}) as id, 'x' as {{ adapter.quote(var('evil')) }}`,
    'models/all.yml': json({
      models: [
        {
          name: 'wide',
          description: `Of ${evil}`,
          config: {
            persist_docs: { relation: true, columns: true },
            ...(dialect === 'postgres' ? { grants: { select: ['reader', evil] } } : {}),
          },
          columns: [{ name: evil, quote: true, description: `Of ${evil}`, data_tests: ['not_null', 'unique'] }],
        },
        {
          name: 'agreed',
          columns: [
            {
              name: 'id',
              data_type: types.id,
              data_tests: [
                {
                  accepted_values: {
                    arguments: { values: [2] },
                    config: { alias: failuresOf(evil), schema: 'failures', store_failures: true },
                  },
                },
              ],
            },
            { name: evil, data_type: types.text, quote: true },
          ],
          constraints: [{ type: 'check', name: evil, expression: 'id > 0' }],
        },
      ],
    }).replaceAll('{{', '{ {'),
    'snapshots/history.sql':
      "{% snapshot history %}{{ config(strategy='check', unique_key='id', check_cols=[var('evil')], " +
      "alias='s ' ~ var('evil')) }}\nselect * from {{ ref('wide') }}{% endsnapshot %}",
  };
}

const STEPS: readonly (readonly [args: readonly string[], vars?: object, exit?: number])[] = [
  [['build'], {}, 1],
  [['run', '-s', 'grown'], { more: true }],
  [['run', '-s', 'grown'], { change: 'sync_all_columns' }],
  [['build', '--exclude', 'agreed', 'bare'], { more: true }],
  // Without quotes it would be SQL.
  [['seed', '--select', 'bare'], {}, 1],
  [['run', '-s', 'wide', '--full-refresh']],
  [['docs', 'generate']],
];

const DATABASES: readonly { readonly name: string; readonly missing: boolean; open(): Promise<Lab> }[] = [
  { name: 'Postgres', missing: false, open: openPostgres },
  { name: 'ClickHouse', missing: clickhouseMissing !== null, open: openClickHouse },
];

interface Lab extends Database {
  readonly project: FaultProject;
  quote(name: string): string;
  /** Columns of the relation with this name, in any schema. */
  columns(relation: string): Promise<string[]>;
  /** Makes canary, roles and an empty schema, and writes the profile. */
  prepare(evil: string): Promise<void>;
  /** That of the profile. */
  schema(): string;
  /** Whether the canary is untouched. */
  sings(): Promise<boolean>;
  close(): Promise<void>;
}

async function openPostgres(): Promise<Lab> {
  const project = await FaultProject.open({});
  const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const profile = project.read('profiles.yml');
  const rows = (sql: string): Promise<string[][]> => project.rows(sql);
  const roles = new Set<string>();
  let schema = '';
  return {
    name: 'Postgres',
    dialect: 'postgres',
    project,
    rows,
    quote: quoteForPostgres,
    columns: async (relation) =>
      (
        await rows(
          'select attname from pg_attribute a join pg_class c on c.oid = attrelid where attnum > 0 and not ' +
            `attisdropped and relname = ${literal(relation)} and relnamespace::regnamespace::text in ` +
            `(${[schema, `${schema}_failures`].map(quoteForPostgres).map(literal).join()}) order by attnum`,
        )
      ).flat(),
    async prepare(evil) {
      await rows(`create table if not exists public.canary as select 1 as id`);
      for (const role of ['reader', evil]) if (!roles.has(role)) await rows(`create role ${quoteForPostgres(role)}`);
      roles.add('reader').add(evil);
      schema = `s ${evil}`;
      project.write({ 'profiles.yml': profile.replace('schema: s,', () => `schema: ${JSON.stringify(schema)},`) });
    },
    schema: () => schema,
    sings: async () => (await rows('select count(*) from public.canary'))[0]?.[0] === '1',
    async close() {
      for (const role of roles) {
        await rows(`drop owned by ${quoteForPostgres(role)}`);
        await rows(`drop role ${quoteForPostgres(role)}`);
      }
      await project.close();
    },
  };
}

async function openClickHouse(): Promise<Lab> {
  const project = await FaultProject.open({});
  const adapter = clickhouseAdapter('hostile_names');
  const rows = (sql: string): Promise<string[][]> => textsOf(adapter, sql);
  const schemas: string[] = [];
  const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return {
    name: 'ClickHouse',
    dialect: 'clickhouse',
    project,
    rows,
    quote: quoteForClickHouse,
    columns: async (relation) =>
      (
        await rows(
          `select name from system.columns where table = ${literal(relation)} and database in ` +
            `(${[schemas.at(-1), `${schemas.at(-1)}_failures`].map(String).map(literal).join()}) order by position`,
        )
      ).flat(),
    async prepare(evil) {
      const schema = `s ${evil}`;
      schemas.push(schema);
      await rows(`create database if not exists ${quoteForClickHouse(schema)}`);
      await rows('create database if not exists hostile_names');
      for (const database of ['hostile_names', schema])
        await rows(
          `create table if not exists ${quoteForClickHouse(database)}.canary engine = MergeTree ` +
            'order by id as select 1 as id',
        );
      project.write({
        'profiles.yml':
          `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, threads: 2, ` +
          `schema: ${JSON.stringify(schema)}}}}\n`,
      });
    },
    schema: () => schemas.at(-1) ?? '',
    sings: async () => {
      for (const schema of ['hostile_names', schemas.at(-1)!])
        if ((await rows(`select toString(count()) from ${quoteForClickHouse(schema)}.canary`))[0]?.[0] !== '1')
          return false;
      return true;
    },
    async close() {
      for (const schema of [...schemas, ...schemas.map((each) => `${each}_failures`), 'hostile_names'])
        await rows(`drop database if exists ${quoteForClickHouse(schema)}`);
      await adapter.close();
      await project.close();
    },
  };
}

for (const { name, missing, open } of DATABASES)
  describe.skipIf(missing)(`a hostile name on ${name}`, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await open();
    });
    afterEach(async () => {
      expect(await lab.sings(), 'the canary table').toBe(true);
    });
    afterAll(() => lab.close());

    const play = async (evil: string, args: readonly string[], vars: object = {}): Promise<Ended> =>
      lab.project.run([...args, '--vars', JSON.stringify({ evil, ...vars })]);

    it.each(NAMES)('%s in messages, synced tables and copies creates exactly that name', async (_, evil) => {
      await lab.prepare(evil);
      const { host, port, user, password, database } = lab.project.client;
      // A publication refuses these characters when the project is parsed.
      const copied = `p ${evil.replace(/["`\\]/g, '')}`;
      const int = lab.dialect === 'postgres' ? 'integer' : 'Int32';
      const text = lab.dialect === 'postgres' ? 'text' : 'Nullable(String)';
      const order = lab.dialect === 'postgres' ? '' : ", order_by='id'";
      const place =
        `type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, password: ` +
        '"{{ env_var(\'LOOKUP_PASSWORD\') }}"';
      lab.project.env = { LOOKUP_PASSWORD: String(password) };
      for (const folder of ['seeds', 'snapshots', 'models'])
        rmSync(join(lab.project.dir, folder), { recursive: true, force: true });
      const quoted = quoteForPostgres(evil);
      await lab.project.rows('drop table if exists public.origin');
      await lab.project.rows(`create table public.origin as select 1 as id, 'x' as ${quoted}`);
      await lab.project.rows(`alter table public.origin add constraint ${quoted} primary key (id)`);
      lab.project.write({
        'connections.yml': `lookup: {${place}, schema: serving}\napp: {${place}, schema: public}\n`,
        'models/m.sql':
          `{{ config(materialized='table'${order}) }}\n` + "select 1 as id, 'x' as {{ adapter.quote(var('evil')) }}",
        'models/all.yml': JSON.stringify({
          models: [
            {
              name: 'm',
              config: { meta: { tsdbt: { publish: [{ to: 'lookup', table: `serving.${copied}`, key: ['id'] }] } } },
            },
          ],
          sources: [
            {
              name: 'raw',
              schema: lab.schema(),
              tables: [
                {
                  name: 'messages',
                  identifier: `l ${evil}`,
                  config: { meta: { tsdbt: { load: { topic: 'events', mode: 'append' } } } },
                  columns: [
                    { name: 'id', data_type: int },
                    { name: evil, data_type: text },
                  ],
                },
                {
                  name: 'synced',
                  identifier: `y ${evil}`,
                  config: {
                    meta: {
                      tsdbt: { load: { connection: 'app', table: 'public.origin', strategy: 'full', every: '1h' } },
                    },
                  },
                },
              ],
            },
          ],
        }),
        'events.json': `${JSON.stringify({ id: 1, [evil]: 'x' })}\n${JSON.stringify({ id: 'none', [evil]: evil })}\n`,
      });
      for (const args of [
        ['load', '--from', 'events.json', '--select', 'source:raw.messages'],
        ['load', '--once', '--select', 'source:raw.synced'],
        ['load', '--once', '--select', 'source:raw.synced'],
        ['build'],
        ['publish', '--full-refresh'],
        ['diff', '--copies', '--select', 'm'],
      ]) {
        const { code, out } = await play(evil, args);
        expect({ args, code, out: code === 0 ? '' : out }).toEqual({ args, code: 0, out: '' });
      }
      expect(await lab.columns(`l ${evil}`)).toEqual(expect.arrayContaining(['id', evil]));
      expect(await lab.columns(`y ${evil}`)).toEqual(expect.arrayContaining(['id', evil]));
      const copy = `select ${quoted} from serving.${quoteForPostgres(copied)}`;
      expect(await lab.project.rows(copy)).toEqual([['x']]);
    });

    it.each(NAMES)('%s in a project creates exactly that name', async (_, evil) => {
      await lab.prepare(evil);
      lab.project.write(projectFiles(evil, lab));
      for (const [args, vars, exit = 0] of STEPS) {
        const { code, out } = await play(evil, args, vars);
        expect({ args, code, out: code === exit ? '' : out }).toEqual({ args, code: exit, out: '' });
      }
      for (const relation of ['headers', `t ${evil}`, `v ${evil}`, `i ${evil}`, 'agreed', `s ${evil}`])
        expect((await lab.columns(relation)).slice(0, 2), relation).toEqual(['id', evil]);
      expect(await lab.columns(failuresOf(evil))).toEqual(['value_field', 'n_records']);
    });
  });

it('a name with NUL is rejected with a clear error on Postgres, and escaped on ClickHouse', () => {
  expect(() => quoteForPostgres('a\0b')).toThrow('A name cannot contain NUL (0x00) characters: "a\\u0000b".');
  expect(quoteForClickHouse('a\0b')).toBe('`a\\0b`');
});
