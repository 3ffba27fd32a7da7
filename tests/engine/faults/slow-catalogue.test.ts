// Tests a catalogue that changes and answers late: an existing relation is never taken for missing, by any look-up of
// concurrent nodes or commands. A proxy delays the answers.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject, pause } from './project.ts';
import { SlowPostgres } from './slow-postgres.ts';

/** Something that happens once. */
function signal(): { tell(): void; readonly told: Promise<void>; readonly done: boolean } {
  let done = false;
  let tell: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return {
    tell() {
      done = true;
      tell();
    },
    told,
    get done() {
      return done;
    },
  };
}

interface Lab {
  write(files: Readonly<Record<string, string>>): void;
  run(args: readonly string[], target?: string): Promise<{ code: number | null; out: string }>;
  /** As `run`, beside another command. */
  beside(args: readonly string[], target: string): Promise<{ code: number | null; out: string }>;
  sql(...statements: string[]): Promise<void>;
  rows(sql: string): Promise<string[][]>;
  /** See the proxies. */
  hold(hold: (sql: string) => Promise<unknown> | undefined): void;
  close(): Promise<void>;
}

/** What all databases write alike, and what not. */
interface Words {
  readonly name: string;
  open(files: Readonly<Record<string, string>>): Promise<Lab>;
  /** Rows from n numbers on. */
  numbers(from: number, count: number): string;
  table(name: string, query: string): string;
  /** Drops schemas with what is in them. */
  drop(schema: string): string[];
  schema(name: string): string;
  /** Questions that tell what is there. */
  readonly catalogue: RegExp;
  /** The look at a relation that was locked. */
  readonly refresh: RegExp;
  /** Those of them that list a schema. */
  readonly listing: RegExp;
}

const POSTGRES: Words = {
  name: 'Postgres',
  async open(files) {
    const project = await FaultProject.open(files);
    const { host, port, user, password, database } = project.client;
    const proxy = await SlowPostgres.open(host, port);
    const output = (schema: string): string =>
      `{type: postgres, host: 127.0.0.1, port: ${proxy.port}, user: ${user}, password: "${password}", dbname: ` +
      `${database}, schema: ${schema}, threads: 8}`;
    project.write({ 'profiles.yml': `faults: {target: dev, outputs: {dev: ${output('s')}, ci: ${output('ci')}}}\n` });
    return {
      write: (more) => project.write(more),
      run: (args, target) => project.run(args, target),
      beside: (args, target) => project.start(args, target).ended,
      rows: (sql) => project.rows(sql),
      async sql(...statements) {
        for (const sql of statements) await project.client.query(sql);
      },
      hold(hold) {
        proxy.hold = hold;
      },
      async close() {
        await proxy.close();
        await project.close();
      },
    };
  },
  numbers: (from, count) => `select g as id from generate_series(${from}, ${from + count - 1}) g`,
  table: (name, query) => `create table ${name} as ${query}`,
  drop: (schema) => [`drop schema if exists ${schema} cascade`],
  schema: (name) => `create schema if not exists ${name}`,
  catalogue: /pg_class|pg_tables|pg_depend/,
  listing: /as kind\nfrom pg_catalog\.pg_class|from pg_tables/,
  refresh: /c\.relname in \('other'/,
};

const CLICKHOUSE: Words = {
  name: 'ClickHouse',
  async open(files) {
    const lab = await ClickhouseLab.open(files);
    const profile = (lab
      .read('profiles.yml')
      .replace(/threads: 1/, 'threads: 8')
      .match(/\{type: .*?\}/) ?? [''])[0];
    const ci = profile.replace('schema: s,', 'schema: ci,');
    lab.write({ 'profiles.yml': `faults: {target: dev, outputs: {dev: ${profile}, ci: ${ci}}}\n` });
    return {
      write: (more) => lab.write(more),
      run: (args, target) => lab.run(args, target === undefined ? {} : { target }),
      beside: (args, target) => lab.run(args, { target, beside: true }),
      rows: async (sql) => (await lab.rows(sql)).map((row) => row.map(String)),
      async sql(...statements) {
        for (const sql of statements) await lab.rows(sql);
      },
      hold(hold) {
        lab.hold = hold;
      },
      close: () => lab.close(),
    };
  },
  numbers: (from, count) => `select toInt64(number + ${from}) as id from numbers(${count})`,
  table: (name, query) => `create table ${name} engine = MergeTree order by tuple() as ${query}`,
  drop: (schema) => [`drop database if exists ${schema} sync`],
  schema: (name) => `create database if not exists ${name}`,
  catalogue: /system\.(?:tables|databases)/,
  listing: /where t\.database in \('[^)]*\) and not/,
  refresh: /join system\.databases/,
};

const LOOKS: Readonly<Record<string, string>> = {
  get_relation: 'adapter.get_relation(db, "elsewhere", "events") is not none',
  without_database: 'adapter.get_relation(none, "elsewhere", "events") is not none',
  load_relation: 'load_relation(source("raw", "events")) is not none',
  load_cached_relation:
    'load_cached_relation(api.Relation.create(database=db, schema="elsewhere", identifier="events")) is not none',
  already_exists: 'adapter.already_exists("elsewhere", "events")',
  get_or_create: 'get_or_create_relation(db, "elsewhere", "events", "table")[0]',
  type: 'adapter.get_relation(db, "elsewhere", "seen").is_view',
  upper:
    'adapter.get_relation(db, "elsewhere", "Events") is not none and adapter.get_relation(db, "elsewhere", ' +
    '"Events").identifier == "Events"',
  columns: 'adapter.get_columns_in_relation(source("raw", "events")) | map(attribute="name") | list == ["id"]',
  schema: 'adapter.check_schema_exists(db or "", "elsewhere")',
  without_caching:
    'adapter.dispatch("list_relations_without_caching", "dbt")(api.Relation.create(database=db, ' +
    'schema="elsewhere")) | length == 3',
  other_schema: 'adapter.get_relation(db, "elsewhere2", "events2") is not none',
};

/** Which models look how. */
const LOOKERS = Array.from({ length: 6 }, (_, i) => Object.keys(LOOKS).filter((_kind, at) => at % 6 === i));

const model = (config: string, sql: string): string => `{{ config(${config}) }}\n${sql}\n`;

describe.each([POSTGRES, CLICKHOUSE])('a slow $name catalogue', (words) => {
  const missing = words === CLICKHOUSE ? clickhouseMissing : null;
  if (missing !== null) {
    it.skip(`is not tested: ${missing}`, () => undefined);
    return;
  }
  let lab: Lab;
  const HISTORY = 1000;
  const OLD = [1, 2, 3];

  beforeAll(async () => {
    const incremental = (i: number): string =>
      model(
        "materialized='incremental', incremental_strategy='append'",
        `{% if execute %}{% for _ in range(${i}) %}{% do run_query('select 1') %}{% endfor %}{% endif %}
{% if is_incremental() %}${words.numbers(5000, 10)}{% else %}${words.numbers(0, HISTORY)}{% endif %}`,
      );
    lab = await words.open({
      'macros/looks.sql':
        "{% macro look(kind) %}{% if execute %}{% set db = target.database if target.type == 'postgres' else " +
        `none %}
{% set found = ` +
        `{${Object.keys(LOOKS)
          .map((kind) => `'${kind}': look_${kind}(db)`)
          .join(', ')}} ` +
        `if kind == 'all' else {kind: context['look_' ~ kind](db)} %}
{{ return('there' if found.values() | reject('equalto', 'there') | list == [] else 'MISSING') }}{% ` +
        'endif %}{% endmacro %}\n' +
        Object.entries(LOOKS)
          .map(
            ([kind, test]) =>
              `{% macro look_${kind}(db) %}{{ return('there' if ${test} else 'MISSING') }}{% endmacro %}\n`,
          )
          .join('') +
        "{% macro look_at_all() %}{% do log('looked: ' ~ look('all'), info=true) %}{% endmacro %}\n",
      'models/sources.yml':
        'sources: [{name: raw, schema: elsewhere, tables: [{name: events, columns: [{name: id, data_tests: ' +
        '[not_null, {unique: {config: {store_failures: true}}}]}]}]}]\n',
      ...Object.fromEntries(
        LOOKERS.map((kinds, i) => [
          `models/look/look${i}.sql`,
          model(
            "materialized='table'",
            kinds.map((kind) => `select '${kind} {{ look('${kind}') }}' as seen`).join(' union all '),
          ),
        ]),
      ),
      ...Object.fromEntries(OLD.map((i) => [`models/many/old${i}.sql`, incremental(i)])),
      ...Object.fromEntries(
        [1, 2].map((i) => [`models/many/new${i}.sql`, model("materialized='table'", words.numbers(0, 5))]),
      ),
      'models/many/first_view.sql': model("materialized='view'", "select * from {{ ref('new1') }}"),
      'seeds/fruit.csv': 'id,name\n1,apple\n2,pear\n',
      'snapshots/snap.sql':
        "{% snapshot snap %}{{ config(target_schema='s', unique_key='id', strategy='check', check_cols='all') " +
        "}} select * from {{ ref('fruit') }}{% endsnapshot %}",
      'models/kept.sql': model("materialized='table'", words.numbers(0, 7)),
      'models/reads_kept.sql': model("materialized='table'", "select count(*) as n from {{ ref('kept') }}"),
    });
  });
  afterAll(async () => {
    await lab?.close();
  });
  beforeEach(() => lab.hold(() => undefined));

  async function elsewhere(): Promise<void> {
    for (const schema of ['s', 'ci', 'elsewhere', 'elsewhere2']) await lab.sql(...words.drop(schema));
    await lab.sql(
      words.schema('s'),
      words.schema('elsewhere'),
      words.schema('elsewhere2'),
      words.table('elsewhere.events', words.numbers(0, 3)),
      words.table('elsewhere2.events2', words.numbers(0, 3)),
      words.table(words === POSTGRES ? 'elsewhere."Events"' : 'elsewhere.Events', words.numbers(0, 3)),
      'create view elsewhere.seen as select 1 as id',
    );
  }
  const late = (sql: string): Promise<void> | undefined => (words.catalogue.test(sql) ? pause(150) : undefined);
  const content = async (): Promise<string[]> => {
    const out: string[] = [];
    for (const i of OLD)
      out.push(
        (
          await lab.rows(
            `select count(*), count(distinct id), sum(case when id < ${HISTORY} then 1 else 0 end) from s.old${i}`,
          )
        )[0]!.join(' '),
      );
    return out;
  };

  it('is queried correctly by many concurrent nodes', async () => {
    await elsewhere();
    lab.hold(late);
    for (const more of [[], ['--no-populate-cache']]) {
      const { code, out } = await lab.run(['run', '--select', 'look', ...more]);
      expect(code, out).toBe(0);
      const seen: string[] = [];
      for (let i = 0; i < LOOKERS.length; i++) seen.push(...(await lab.rows(`select seen from s.look${i}`)).flat());
      expect(seen.sort(), more.join(' ')).toEqual(
        Object.keys(LOOKS)
          .map((kind) => `${kind} there`)
          .sort(),
      );
    }
    const { code, out } = await lab.run(['run-operation', 'look_at_all']);
    expect(code, out).toBe(0);
    expect(out).toContain('looked: there');
  });

  it(
    'lets existing models, seeds, snapshots and stored failures be extended or replaced, even if each look-up ' +
      'is a separate query',
    async () => {
      await elsewhere();
      for (const more of [[], ['--no-populate-cache']]) {
        lab.hold(more.length === 0 ? () => undefined : late);
        const { code, out } = await lab.run(['build', '--exclude', 'look', ...more]);
        expect(code, out).toBe(0);
        expect(out).not.toContain('already exists');
      }
      expect(await content()).toEqual(OLD.map(() => `${HISTORY + 10} ${HISTORY + 10} ${HISTORY}`));
      expect(await lab.rows('select count(*), count(distinct id) from s.snap')).toEqual([['2', '2']]);
      expect(await lab.rows('select count(*), count(distinct id) from s.fruit')).toEqual([['2', '2']]);
    },
  );

  it('lets a node find its history while another one sees that its table was built meanwhile', async () => {
    await elsewhere();
    await lab.sql(words.table('s.history', words.numbers(0, HISTORY)));
    lab.write({
      'models/meanwhile/history.sql': model(
        "materialized='incremental', incremental_strategy='append'",
        '{% if execute %}{% do run_query("select \'history is locked\'") %}{% endif %}{% if is_incremental() ' +
          `%}${words.numbers(5000, 10)}{% else %}${words.numbers(0, HISTORY)}{% endif %}`,
      ),
      'models/meanwhile/other.sql': model(
        "materialized='table'",
        `{% if execute %}{% do run_query("select 'other begins'") %}{% endif %}${words.numbers(0, 5)}`,
      ),
    });
    // What the run must see, each after the one before.
    const happened = { locked: signal(), looked: signal() };
    lab.hold((sql) => {
      if (sql.includes("'history is locked'")) {
        happened.locked.tell();
        return Promise.race([happened.looked.told, pause(4000)]);
      }
      if (sql.includes("'other begins'"))
        return happened.locked.told.then(() => lab.sql(words.table('s.other', words.numbers(100, 1))));
      // The refresh of `other`, after its lock: its answer is late.
      if (happened.locked.done && words.refresh.test(sql)) {
        happened.looked.tell();
        return pause(1500);
      }
      return undefined;
    });
    const { code, out } = await lab.run(['run', '--select', 'meanwhile']);
    expect(code, out).toBe(0);
    expect(
      await lab.rows(
        `select count(*), count(distinct id), sum(case when id < ${HISTORY} then 1 else 0 end) from s.history`,
      ),
    ).toEqual([[String(HISTORY + 10), String(HISTORY + 10), String(HISTORY)]]);
    expect(await lab.rows('select count(*), max(id) from s.other')).toEqual([['5', '4']]);
    lab.write({
      'models/meanwhile/history.sql': '{{ config(enabled=false) }} select 1 as id',
      'models/meanwhile/other.sql': '{{ config(enabled=false) }} select 1 as id',
    });
  });

  // How often, for a longer look.
  const trials = Number(process.env['TSDBT_OVERLAPS'] ?? (words === CLICKHOUSE ? 1 : 2));

  it(
    "neither duplicates nor loses history in concurrent commands, which ignore each other's new tables",
    async () => {
      let seed = 7;
      const random = (most: number): number => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return (seed / 2147483648) * most;
      };
      for (let trial = 0; trial < trials; trial++) {
        // In every second trial the history has yet to be built, by the first of them.
        const begun = trial % 2 === 0;
        await elsewhere();
        for (const i of OLD) if (begun) await lab.sql(words.table(`s.old${i}`, words.numbers(0, HISTORY)));
        lab.hold((sql) => pause(words.catalogue.test(sql) ? random(300) : random(20)));
        const ended = await Promise.all(
          ['a', 'b', ...(trial % 3 === 2 ? ['c'] : [])].map((target, i) =>
            lab.beside(
              [
                'build',
                '--select',
                'many',
                'fruit',
                'snap',
                ...(trial % 4 === 1 && i === 0 ? ['--no-populate-cache'] : []),
              ],
              target,
            ),
          ),
        );
        lab.hold(() => undefined);
        for (const { code, out } of ended) {
          expect(out).not.toContain('already exists');
          expect(code, out).toBe(0);
        }
        const rows = HISTORY + 10 * (ended.length - (begun ? 0 : 1));
        expect(await content(), `trial ${trial}`).toEqual(OLD.map(() => `${rows} ${HISTORY + 10} ${HISTORY}`));
        for (const i of [1, 2]) expect(await lab.rows(`select count(*) from s.new${i}`)).toEqual([['5']]);
        expect(await lab.rows('select count(*), count(distinct id) from s.snap')).toEqual([['2', '2']]);
      }
    },
    300_000 + 60_000 * trials,
  );

  it('lets clone copy and skip the right tables, and a deferred reference find its table', async () => {
    await elsewhere();
    expect((await lab.run(['build', '--select', 'many', 'fruit', 'kept', 'reads_kept'], 'prod')).code).toBe(0);
    let listings = 0;
    lab.hold((sql) => {
      if (words.listing.test(sql)) listings++;
      return late(sql);
    });
    const cloned = await Promise.all(
      ['a', 'b'].map((target) =>
        lab.beside(['clone', '--target', 'ci', '--state', 'prod', '--select', 'many', 'kept'], target),
      ),
    );
    for (const { code, out } of cloned) {
      expect(code, out).toBe(0);
      expect(out).not.toContain('already exists.');
    }
    // Both schemas together, before the first node: once a command.
    expect(listings).toBe(2);
    const kinds =
      words === CLICKHOUSE
        ? "select name, engine = 'View' from system.tables where database = 'ci' order by 1"
        : "select viewname, true from pg_views where schemaname = 'ci' order by 1";
    const names = ['first_view', 'kept', ...[1, 2].map((i) => `new${i}`), ...OLD.map((i) => `old${i}`)];
    expect(await lab.rows(kinds)).toEqual(
      names.map((name) => [name, words === CLICKHOUSE ? String(name === 'first_view' ? 1 : 0) : 'true']),
    );
    // Cloned again over what exists: nothing is made.
    const again = await lab.run(['clone', '--target', 'ci', '--state', 'prod', '--select', 'many', 'kept'], 'a');
    expect(again.out.match(/already exists/g)?.length, again.out).toBe(names.length);
    const deferred = await lab.run(
      ['run', '--target', 'ci', '--defer', '--state', 'prod', '--select', 'reads_kept', 'first_view'],
      'b',
    );
    expect(deferred.code, deferred.out).toBe(0);
    expect(await lab.rows('select n from ci.reads_kept')).toEqual([['7']]);
    // To docs the two would be one.
    await lab.sql(words === POSTGRES ? 'drop table elsewhere."Events"' : 'drop table elsewhere.Events');
    const docs = await lab.run(['docs', 'generate', '--no-compile'], 'docs');
    expect(docs.code, docs.out).toBe(0);
  });
});
