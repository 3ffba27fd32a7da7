// Tests every Postgres type with schema changes and copies: a column that is added later has the type that it would
// have had from the start.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

/** A type as `format_type` writes it, a value, and another type for the same column with what it makes of the value. */
interface TypeCase {
  readonly type: string;
  readonly value: string;
  readonly other?: string;
}

const TYPES: readonly TypeCase[] = [
  { type: 'bit(3)', value: "B'101'" },
  { type: '"bit"', value: "B'101'" },
  { type: 'bit varying(5)', value: "B'101'", other: 'bit varying(8)' },
  { type: 'bit varying', value: "B'101'" },
  { type: 'character(4)', value: "'ab'", other: 'character(6)' },
  { type: 'bpchar', value: "'ab '" },
  { type: '"char"', value: "'a'" },
  { type: 'name', value: "'ab'", other: 'text' },
  { type: 'character varying(7)', value: "'ab '", other: 'text' },
  { type: 'character varying', value: "'ab '" },
  { type: 'text', value: "'ab '" },
  { type: 'numeric(12,3)', value: '1.5', other: 'numeric(14,5)' },
  { type: 'numeric', value: '1.50' },
  { type: 'smallint', value: '1', other: 'bigint' },
  { type: 'real', value: '1.5', other: 'double precision' },
  { type: 'timestamp(3) without time zone', value: "'2024-01-02 03:04:05.123'", other: 'timestamp without time zone' },
  { type: 'timestamp(0) with time zone', value: "'2024-01-02 03:04:05+00'", other: 'timestamp(3) with time zone' },
  { type: 'time(2) without time zone', value: "'03:04:05.12'", other: 'time(4) without time zone' },
  { type: 'time(1) with time zone', value: "'03:04:05.1+02'" },
  { type: 'interval(2)', value: "'1 day 00:00:01.25'", other: 'interval' },
  { type: 'interval day to second(3)', value: "'1 day 00:00:01.125'" },
  { type: 'interval year to month', value: "'14 months'" },
  { type: 'integer[]', value: "'{{1,2},{3,4}}'", other: 'bigint[]' },
  { type: 'numeric(5,2)[]', value: "'{1.50,NULL}'" },
  { type: 'character(3)[]', value: `'{a,"b "}'` },
  { type: 'timestamp(3) without time zone[]', value: "'{2024-01-02}'" },
  { type: 'odd.positive', value: '3' },
  { type: 'odd.code', value: "'ab'" },
  { type: 'odd.positive[]', value: "'{3}'" },
  { type: 'odd.pair', value: "'(1,ab)'" },
  { type: 'odd.pair[]', value: `'{"(1,ab)"}'` },
  { type: 'odd.mood', value: "'glad'", other: 'text' },
  { type: 'odd."My Mood"', value: `'so "so"'` },
  { type: 'odd."My Mood"[]', value: "'{sad}'" },
  { type: 'odd.span', value: "'[a,b)'" },
  { type: 'citext', value: "'Ab'", other: 'text' },
  { type: 'hstore', value: "'a=>1'" },
  { type: 'jsonb', value: `'{"a": 1}'` },
  { type: 'json', value: `'{"a":  1}'`, other: 'jsonb' },
  { type: 'xml', value: "'<a/>'" },
  { type: 'uuid', value: "'6f1c1d0e-5a43-4b40-8a4a-0d6f9f1f1e11'", other: 'text' },
  { type: 'bytea', value: "'\\x00ff'" },
  { type: 'inet', value: "'10.0.0.1/8'" },
  { type: 'money', value: "'1.5'" },
  { type: 'tsvector', value: "'a b'" },
  { type: 'int4range', value: "'[1,5)'" },
  { type: 'int4multirange', value: "'{[1,5)}'" },
  { type: 'point', value: "'(1,2)'" },
  { type: 'polygon', value: "'((0,0),(1,1),(1,0))'" },
  { type: 'regclass', value: "'pg_class'" },
  { type: 'oid', value: '3' },
];

const SETUP = `create extension citext; create extension hstore; create schema odd; create schema raw;
  create type odd.mood as enum ('sad', 'glad'); create type odd."My Mood" as enum ('sad', 'so "so"');
  create type odd.pair as (a int, b char(3)); create domain odd.positive as int check (value > 0);
  create domain odd.code as char(4); create type odd.span as range (subtype = text);`;

const literal = ({ type, value }: TypeCase): string => `${value}::${type}`;
const columns = (more: (each: TypeCase, index: number) => string | null): string =>
  TYPES.map((each, index) => more(each, index))
    .filter((text) => text !== null)
    .join(', ');
const select = columns((each, index) => `${literal(each)} as c${index}`);
/** As in a file of SQL within Jinja: braces of arrays are no template. */
const raw = (sql: string): string => `{% raw %}${sql}{% endraw %}`;
const model = (config: string, sql: string): string => `{{ config(${config}) }}\n${raw(sql)}`;

let project: FaultProject;

const typesOf = async (table: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await project.rows(
      `select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = '${table}'::regclass ` +
        "and attnum > 0 and not attisdropped and attname ~ '^c[0-9]' order by attnum",
    )) as [string, string][],
  );
const TYPES_BY_COLUMN = Object.fromEntries(TYPES.map(({ type }, index) => [`c${index}`, type]));
async function run(...args: readonly string[]): Promise<string> {
  const { code, out } = await project.run(args);
  expect(code, out).toBe(0);
  return out;
}

beforeAll(async () => {
  project = await FaultProject.open({});
  await project.asSuperuser(SETUP);
  await project.asSuperuser('grant usage on schema odd to public; grant all on schema raw to public');
});
afterAll(async () => {
  await project?.close();
});

describe('every Postgres type', () => {
  it.each(['append_new_columns', 'sync_all_columns'])('is kept for a column that %s adds', async (mode) => {
    const config = `materialized='incremental', on_schema_change='${mode}'`;
    project.write({ 'models/m.sql': model(config, 'select 1 as id') });
    await run('run', '--full-refresh');
    project.write({ 'models/m.sql': model(config, `select 2 as id, ${select}`) });
    await run('run');
    expect(await typesOf('s.m')).toEqual(TYPES_BY_COLUMN);
    // The values are those of the query, and nothing differs from it in the next run.
    const [[same] = []] = await project.rows(
      `select (select m::text from s.m where id = 2) = (select q::text from (select 2 as id, ${select}) as q)`,
    );
    expect(same).toBe('true');
    const node = "pg_attribute where attrelid = 's.m'::regclass and attnum > 0";
    const before = await project.rows(`select xmin, attname from ${node} order by attnum`);
    await run('run');
    expect(await project.rows(`select xmin, attname from ${node} order by attnum`)).toEqual(before);
  });

  it('is kept for a column that sync_all_columns changes', async () => {
    const config = "materialized='incremental', on_schema_change='sync_all_columns'";
    const changed = columns((each, index) => (each.other === undefined ? null : `${literal(each)} as c${index}`));
    // There is no cast from text to these types in an ALTER.
    const back = columns(({ other, type }, index) =>
      other === undefined ? null : `c${index}${/mood|uuid/.test(type) ? '' : `::${type}`} as c${index}`,
    );
    const others = columns((each, index) =>
      each.other === undefined ? null : `${literal(each)}::${each.other} as c${index}`,
    );
    project.write({ 'models/m.sql': model(config, `select 1 as id, ${changed}`) });
    await run('run', '--full-refresh');
    project.write({ 'models/m.sql': model(config, `select 2 as id, ${others}`) });
    await run('run');
    const expected = Object.fromEntries(
      TYPES.flatMap(({ other }, index) => (other === undefined ? [] : [[`c${index}`, other]])),
    );
    expect(await typesOf('s.m')).toEqual(expected);
    // A type that holds fewer values stays the table's where it can hold them.
    project.write({ 'models/m.sql': model(config, `select 3 as id, ${back} from (select ${others}) as q`) });
    await run('run');
    const kept = await typesOf('s.m');
    const retyped = Object.keys(kept).filter((name) => kept[name] !== expected[name]);
    expect(retyped.map((name) => TYPES_BY_COLUMN[name])).toEqual([
      'name',
      'numeric(12,3)',
      'smallint',
      'real',
      'integer[]',
      'citext',
      'json',
    ]);
  });

  it('is kept for a column that is added to a snapshot later', async () => {
    const snapshot =
      "snapshots: [{name: snap, relation: \"source('raw', 't')\", config: {unique_key: id, strategy: check, " +
      'check_cols: [id], hard_deletes: new_record}}]\n';
    project.write({
      'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: t}]}]\n',
      'snapshots/s.yml': snapshot,
    });
    await project.rows('create table raw.t as select 1 as id');
    await run('snapshot');
    await project.rows('drop table raw.t');
    await project.rows(`create table raw.t as select 2 as id, ${select}`);
    await run('snapshot');
    expect(await typesOf('s.snap')).toEqual(TYPES_BY_COLUMN);
    await run('snapshot');
    expect(await project.rows('select count(*) from s.snap')).toEqual([['3']]);
  });

  it('of text is widened as needed, and a text without a limit stays', async () => {
    const config = "materialized='incremental'";
    const sql = (id: number, types: readonly string[]): string =>
      `select ${id} as id, ${types.map((type, index) => `'a'::${type} as c${index}`).join(', ')}`;
    project.write({
      'models/m.sql': model(config, sql(1, ['varchar(2)', 'varchar(2)', 'text', 'varchar', 'char(2)'])),
    });
    await run('run', '--full-refresh');
    const longer = sql(2, ['varchar(300)', 'text', 'varchar(300)', 'varchar(300)', 'char(3)']);
    project.write({ 'models/m.sql': model(config, longer) });
    await run('run');
    expect(Object.values(await typesOf('s.m'))).toEqual([
      'character varying(300)',
      'text',
      'text',
      'character varying',
      'character(3)',
    ]);
  });

  it('is kept by an audit, a publication, a comparison and a sync, unless only one server has it', async () => {
    const [, output = ''] = /dev: (\{.*\})\}\}/.exec(project.read('profiles.yml')) ?? [];
    // A server that trusts its users has no password, but a connection's may not be empty.
    project.env = { DBT_ENV_SECRET_HERE: /password: "(.+?)"/.exec(output)?.[1] ?? 'not checked' };
    const here = output.replace(/password: ".*?"/, `password: "{{ env_var('DBT_ENV_SECRET_HERE') }}"`);
    const goes = ({ type }: TypeCase): boolean => !/pair|money/.test(type);
    project.write({
      'connections.yml': `here: ${here}\n`,
      'models/m.sql': model(
        "materialized='table'",
        `select 1 as id, ${columns((each, index) => (goes(each) ? `${literal(each)} as c${index}` : null))}`,
      ),
      'models/m.yml':
        'models: [{name: m, config: {meta: {tsdbt: {audit: true, ' +
        'publish: [{to: here, table: serving.m, key: id}]}}}, ' +
        'columns: [{name: id, data_tests: [unique, not_null]}]}]\n',
    });
    await run('build', '--select', 'm');
    const copied = await typesOf('serving.m');
    const other = Object.entries(TYPES_BY_COLUMN).filter(
      ([name, type]) => goes({ type, value: '' }) && copied[name] !== type,
    );
    // Enums and domains go as what they are made of.
    expect(other.map(([name, type]) => [type, copied[name]])).toEqual([
      ['odd.positive', 'integer'],
      ['odd.code', 'character(4)'],
      ['odd.positive[]', 'integer[]'],
      ['odd.mood', 'text'],
      ['odd."My Mood"', 'text'],
      ['odd."My Mood"[]', 'text[]'],
    ]);
    expect(await run('diff', '--select', 'm', '--copies')).toContain('equal');
    expect(await run('publish', '--select', 'm')).toContain('it holds this version already');
    await run('build', '--select', 'm');
    project.write({
      'models/raw.yml':
        'sources: [{name: raw, schema: raw, tables: [{name: synced, config: {meta: {tsdbt: {load: ' +
        '{connection: here, table: s.m, strategy: full}}}}}]}]\n',
    });
    rmSync(join(project.dir, 'snapshots'), { recursive: true, force: true });
    await run('load', '--once');
    await run('load', '--once');
    expect(await typesOf('raw.synced')).toEqual(await typesOf('s.m'));
    const same = 'select (select t::text from raw.synced t) = (select t::text from s.m t)';
    expect(await project.rows(same)).toEqual([['true']]);
  });
});
