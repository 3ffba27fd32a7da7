// Tests servers whose defaults change results: each setting has an unusual value, as a DBA may set it for a database, a
// role or a user. Builds, loads, syncs and publications give the usual results.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';

const ODD = {
  default_transaction_isolation: 'serializable',
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  array_nulls: 'off',
  xmloption: 'document',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  timezone: 'America/Lima',
  idle_in_transaction_session_timeout: '3s',
};
const VALUES =
  "timestamptz '2024-03-01 02:03:04.5+00' as at, timestamp '2024-02-01 02:03:04' as local, date '2024-02-01' as day, " +
  "make_interval(days => -1, hours => 2) as span, decode('00ff5c', 'hex') as bytes, 0.1::float8 + 0.2 as float, " +
  "array[null, 'NULL', 'a'] as list, xmlparse(content 'a<b/>') as markup, E'a\\\\b''\\n' as text";
const publish = (table: string): string =>
  `config: {materialized: table, meta: {tsdbt: {publish: [{to: lookup, table: ${table}}]}}}`;
const LOADED =
  'config: {meta: {tsdbt: {load: {topic: events, mode: append}}}}, ' +
  'columns: [{name: id, data_type: ID}, {name: text, data_type: TEXT}]';
const EVENTS = '{"id":1,"text":null}\n{"id":2,"text":""}\n{"id":3,"text":"a\\\\b"}\n';

describe('a Postgres with odd defaults', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({});
    const { host, port, user, password, database } = project.client;
    project.env = { LOOKUP_PASSWORD: String(password) };
    const place =
      `type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, search_path: "public, Odd", ` +
      'password: "{{ env_var(\'LOOKUP_PASSWORD\') }}"';
    project.write({
      'profiles.yml': project.read('profiles.yml').replace('schema: s,', 'schema: s, search_path: "public, \\"S\\"",'),
      'connections.yml': `lookup: {${place}, schema: serving}\napp: {${place}, schema: public}\n`,
      'seeds/seed.csv': 'id,text\n1,a\\b\n',
      'models/m.sql': `select 1 as id, ${VALUES}`,
      'models/grown.sql':
        "{{ config(materialized='incremental', unique_key='id') }} select 1 as id, {{ var('value', 1) }} as v",
      'models/all.yml':
        `models: [{name: m, ${publish('serving.m')}}]\nsources:\n  - {name: raw, schema: raw, tables: [` +
        'synced: {}]}\n'.replace(
          'synced: {}',
          '{name: synced, config: {meta: {tsdbt: {load: {connection: app, table: public.origin, strategy: full, ' +
            `every: 1h}}}}}, {name: events, ${LOADED.replace('ID', 'integer').replace('TEXT', 'text')}}`,
        ),
      'snapshots/s.sql':
        "{% snapshot history %}{{ config(strategy='check', unique_key='id', check_cols='all') }}" +
        "select * from {{ ref('grown') }}{% endsnapshot %}",
      'events.json': EVENTS,
    });
    await project.rows(`create table public.origin as select 1 as id, ${VALUES}`);
    await project.rows('alter table public.origin add primary key (id)');
    for (const [name, value] of Object.entries(ODD))
      await project.rows(`alter database "${database}" set ${name} = '${value}'`);
  });
  afterAll(() => project.close());

  it('builds, loads, syncs and publishes the same values', async () => {
    for (const args of [
      ['load', '--from', 'events.json', '--select', 'source:raw.events'],
      ['load', '--once', '--select', 'source:raw.synced'],
      ['build'],
      ['build', '--vars', '{value: 2}'],
      ['publish', '--full-refresh'],
    ]) {
      const { code, out } = await project.run(args);
      expect({ args, code, out: code === 0 ? '' : out }).toEqual({ args, code: 0, out: '' });
    }
    const origin = await project.rows('select t::text from public.origin t');
    expect(await project.rows('select t::text from serving.m t')).toEqual(origin);
    const names = 'id, at, local, day, span, bytes, float, list, markup, text';
    expect(await project.rows(`select t::text from (select ${names} from raw.synced) t`)).toEqual(origin);
    expect(await project.rows("select id, text is null, coalesce(text, '') from raw.events order by id")).toEqual([
      ['1', 'true', ''],
      ['2', 'false', ''],
      ['3', 'false', 'a\\b'],
    ]);
    expect(await project.rows('select v, dbt_valid_to is null from s.history order by 1')).toEqual([
      ['1', 'false'],
      ['2', 'true'],
    ]);
    expect(await project.rows('select id, text from s.seed')).toEqual([['1', 'a\\b']]);
  });
});

describe.skipIf(clickhouseMissing !== null)('a ClickHouse with odd settings', () => {
  const adapter = clickhouseAdapter('odd_settings');
  let project: FaultProject;
  const profile = (settings: string): void =>
    project.write({
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, threads: 2, ` +
        `schema: odd_settings, custom_settings: {${settings}}}}}\n`,
    });
  beforeAll(async () => {
    project = await FaultProject.open({});
    const { host, port, user, password, database } = project.client;
    project.env = { LOOKUP_PASSWORD: String(password) };
    project.write({
      'connections.yml':
        `lookup: {type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, schema: serving, ` +
        'password: "{{ env_var(\'LOOKUP_PASSWORD\') }}"}\n',
      'seeds/seed.csv': 'id,text\n1,a\\b\n',
      'models/m.sql':
        "select toInt32(number) as id, nullIf(toString(number % 2), '0') as text, (number % 2 = 0)::Bool as flag, " +
        "toDateTime64('2024-02-01 02:03:04.5', 3, 'UTC') as at, toDecimal64(1.5, 3) as amount from numbers(2000)",
      'models/grown.sql':
        "{{ config(materialized='incremental', unique_key='id', order_by='id') }} " +
        "select 1 as id, {{ var('value', 1) }} as v",
      'models/passed.sql':
        "{{ config(materialized='materialized_view', order_by='id') }} select id from {{ source('raw', 'events') }}",
      'models/all.yml':
        `models: [{name: m, ${publish('serving.m')}}]\nsources: [{name: raw, schema: odd_settings, tables: [` +
        `{name: events, ${LOADED.replace('ID', 'Int32').replace('TEXT', 'Nullable(String)')}}]}]\n`,
      'snapshots/s.sql':
        "{% snapshot history %}{{ config(strategy='check', unique_key='id', check_cols='all') }}" +
        "select * from {{ ref('grown') }}{% endsnapshot %}",
      'events.json': EVENTS,
    });
  });
  afterAll(async () => {
    await textsOf(adapter, 'drop database if exists odd_settings');
    await adapter.close();
    await project.close();
  });

  it('builds, loads and publishes the same values', async () => {
    profile(
      "format_tsv_null_representation: '', output_format_tsv_crlf_end_of_line: 1, bool_true_representation: yes_, " +
        'date_time_output_format: unix_timestamp, empty_result_for_aggregation_by_empty_set: 1, ' +
        'output_format_decimal_trailing_zeros: 1, ' +
        'input_format_tsv_skip_first_lines: 1, result_overflow_mode: break, extremes: 1, transform_null_in: 1, ' +
        'aggregate_functions_null_for_empty: 1, cast_keep_nullable: 1, data_type_default_nullable: 1, ' +
        'input_format_connection_handling: 1, input_format_allow_errors_num: 9, prefer_column_name_to_alias: 1',
    );
    for (const args of [
      ['load', '--from', 'events.json', '--select', 'source:raw.events'],
      ['build'],
      ['build', '--vars', '{value: 2}'],
    ]) {
      const { code, out } = await project.run(args);
      expect({ args, code, out: code === 0 ? '' : out }).toEqual({ args, code: 0, out: '' });
    }
    expect(
      await project.rows(
        "select count(*), count(text), count(*) filter (where flag), min(at at time zone 'UTC')::text, " +
          'max(amount)::text from serving.m',
      ),
    ).toEqual([['2000', '1000', '1000', '2024-02-01 02:03:04.5', '1.500']]);
    expect(
      await textsOf(adapter, "select toString(id), ifNull(text, 'none') from odd_settings.events order by id"),
    ).toEqual([
      ['1', 'none'],
      ['2', ''],
      ['3', 'a\\b'],
    ]);
    expect(
      await textsOf(adapter, 'select toString(v), toString(isNull(dbt_valid_to)) from odd_settings.history order by v'),
    ).toEqual([
      ['1', '0'],
      ['2', '1'],
    ]);
    expect(await textsOf(adapter, 'select text from odd_settings.seed')).toEqual([['a\\b']]);
    expect(await textsOf(adapter, 'select count() from odd_settings.passed')).toEqual([['3']]);
    // Statements of models and macros keep the user's settings.
    const isUsers = 'engine = Memory as select toUInt8(null in (null)) as v';
    project.write({
      'macros/asked.sql':
        `{% macro asked() %}{% do run_query('create table odd_settings.asked ${isUsers}') %}` + '{% endmacro %}',
    });
    expect((await project.run(['run-operation', 'asked'])).code).toBe(0);
    expect(await textsOf(adapter, 'select v from odd_settings.asked')).toEqual([['1']]);
    expect((await project.run(['query', 'select toUInt8(null in (null)) as v', '--output', 'json'])).out).toContain(
      '1',
    );
  });

  it.each(['result', 'read'])(
    'fails instead of using some of the rows when a %s overflows in mode break',
    async (kind) => {
      profile(
        `max_${kind}_rows: 500, max_rows_to_read: 500, ${kind}_overflow_mode: break`.replace(
          'max_read_rows: 500, ',
          '',
        ),
      );
      const { code, out } = await project.run(['publish', '--full-refresh']);
      expect(code).toBe(1);
      expect(out).toMatch(/Code: (?:158|396)/);
      expect(await project.one('select count(*) from serving.m')).toBe('2000');
    },
  );
});
