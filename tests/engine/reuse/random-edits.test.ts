// Random edits of a random project on both databases. After each build with --reuse all relations equal those of a full
// build, and only nodes ran that had to. TSDBT_REUSE_EDITS sets the number of edits, TSDBT_REUSE_SEED the project.
import { expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { seeded } from '../support/seeded.ts';

const EDITS = Number(process.env['TSDBT_REUSE_EDITS'] ?? 10);
const SEED = Number(process.env['TSDBT_REUSE_SEED'] ?? 7);
const MODELS = 10;
const SOURCES = ['a', 'b'];

type Kind = 'table' | 'view' | 'ephemeral' | 'incremental' | 'snapshot';

interface Model {
  readonly name: string;
  readonly kind: Kind;
  /** Names of models, of the seed, or of sources. */
  readonly reads: readonly string[];
  readonly uses: 'macro' | 'var' | 'env' | 'none';
  /** Whether it has tests that share a statement. */
  readonly tested: boolean;
  constant: number;
  note: number;
  setting: number;
}

interface Lab {
  env: Readonly<Record<string, string>>;
  read(path: string): string;
  write(files: Readonly<Record<string, string>>): void;
  run(args: readonly string[]): Promise<{ code: number | null; out: string }>;
  rows(sql: string): Promise<unknown[][]>;
  close(): Promise<unknown>;
}

/** A statement or several, and whether they change what readers see. */
type Edit = readonly [sql: readonly string[], changes: boolean];

interface Database {
  open(files: Readonly<Record<string, string>>): Promise<Lab>;
  readonly prepare: readonly string[];
  /** Names in a schema. */
  names(schema: string): string;
  source(name: string): readonly Edit[];
  /** What somebody may do to a table of the project. */
  tamper(table: string): readonly (readonly string[])[];
}

const POSTGRES: Database = {
  open: (files) => FaultProject.open(files),
  prepare: [
    'create schema raw',
    ...SOURCES.map((name) => `create table raw.${name} as select g as id, g * 2 as v from generate_series(1, 5) g`),
  ],
  names: (schema) => `select relname from pg_class where relnamespace = '${schema}'::regnamespace`,
  source: (name) => [
    [[`insert into raw.${name} select max(id) + 1, 5 from raw.${name}`], true],
    [[`update raw.${name} set v = v + 1 where id = 1`], true],
    [[`delete from raw.${name} where id = (select min(id) from raw.${name} where id > 2)`], true],
    [[`vacuum full raw.${name}`], false],
    [['begin', `update raw.${name} set v = v + 1`, 'rollback'], false],
    [
      [
        `create table raw.x as table raw.${name}`,
        `drop table raw.${name} cascade`,
        `alter table raw.x rename to ${name}`,
        `update raw.${name} set v = v + 3`,
      ],
      true,
    ],
  ],
  tamper: (table) => [
    [`drop table ${table} cascade`],
    [`truncate ${table}`],
    [`alter table ${table} add column more int`],
    [
      `create table s.x as table ${table}`,
      `drop table ${table} cascade`,
      `alter table s.x rename to ${table.slice(2)}`,
    ],
    [`update ${table} set v = v + 1`],
  ],
};

const CLICKHOUSE: Database = {
  open: (files) => ClickhouseLab.open(files) as Promise<ClickhouseLab & Lab>,
  prepare: [
    'create database raw',
    ...SOURCES.flatMap((name) => [
      `create table raw.${name} (id Int64, v Int64) engine = MergeTree order by id`,
      `insert into raw.${name} select number + 1, number * 2 from numbers(5)`,
    ]),
  ],
  names: (schema) => `select name from system.tables where database = '${schema}'`,
  source: (name) => [
    [[`insert into raw.${name} select max(id) + 1, 5 from raw.${name}`], true],
    [[`alter table raw.${name} update v = v + 1 where id = 1 settings mutations_sync = 2`], true],
    [[`delete from raw.${name} where id = (select min(id) from raw.${name} where id > 2)`], true],
    [[`optimize table raw.${name} final`], false],
    [[`alter table raw.${name} update v = v where 1 settings mutations_sync = 2`], false],
    [
      [
        `create table raw.x as raw.${name}`,
        `insert into raw.x select id, v + 3 from raw.${name}`,
        `exchange tables raw.x and raw.${name}`,
        'drop table raw.x sync',
      ],
      true,
    ],
  ],
  tamper: (table) => [
    [`drop table ${table} sync`],
    [`truncate table ${table}`],
    [`alter table ${table} add column more Int32`],
    [
      `create table s.x as ${table}`,
      `insert into s.x select * from ${table}`,
      `exchange tables s.x and ${table}`,
      'drop table s.x sync',
    ],
    [`alter table ${table} update v = v + 1 where 1 settings mutations_sync = 2`],
  ],
};

/** Counts over all edits. */
interface Counts {
  edits: number;
  ran: number;
  reused: number;
}

async function play(database: Database): Promise<Counts> {
  const random = seeded(SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const models = randomModels(below, pick);
  const settings = { macro: 1, var: 1, env: 1, seed: 1, given: 1 };
  const byName = new Map(models.map((model) => [model.name, model]));
  const lab = await database.open({});
  const profiles = lab.read('profiles.yml');
  const dev = /outputs: \{dev: (\{[^{}]*\})/.exec(profiles)?.[1] ?? '';
  lab.write({
    'profiles.yml': `faults: {target: dev, outputs: {dev: ${dev}, full: ${dev.replace('schema: s', 'schema: f')}}}\n`,
    'models/sources.yml': 'sources: [{name: raw, schema: raw, tables: [{name: a}, {name: b}]}]\n',
  });
  const writeAll = (): void => {
    lab.env = { REUSE_K: String(settings.env) };
    lab.write({
      'dbt_project.yml': `${PROJECT}vars: {k: ${settings.var}}\n`,
      'macros/plus.sql':
        '{% macro plus() %}{{ less() }} + 1{% endmacro %}\n' + `{% macro less() %}${settings.macro}{% endmacro %}\n`,
      'seeds/seeded.csv': `id,v\n1,${settings.seed}\n2,2\n`,
      'models/tests.yml': propertiesOf(models, settings),
      'models/unit.sql': UNIT,
      ...Object.fromEntries(models.map((model) => [pathOf(model), sqlOf(model)])),
    });
  };
  const build = async (...args: string[]): Promise<string> => {
    const { code, out } = await lab.run(['build', ...args]);
    expect(code, out).toBe(0);
    return out;
  };
  const stored: readonly Pick<Model, 'name' | 'kind'>[] = [
    ...models.filter(({ kind }) => kind !== 'ephemeral'),
    { name: 'seeded', kind: 'table' },
    { name: 'unit', kind: 'table' },
  ];
  const contents = async (schema: string): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    const read = async (name: string, columns: string, from: string): Promise<void> => {
      found[name] = (await lab.rows(`select ${columns} from ${from}`))
        .map((row) => JSON.stringify(row))
        .sort()
        .join();
    };
    for (const name of SOURCES) await read(name, '*', `raw.${name}`);
    for (const { name, kind } of stored)
      await read(name, kind === 'snapshot' ? 'id, v, dbt_valid_to is null' : '*', `${schema}.${name}`);
    return found;
  };
  /** Readers of a changed text: an ephemeral model is part of its readers. */
  const textChanges = (name: string): string[] =>
    byName.get(name)?.kind !== 'ephemeral'
      ? [name]
      : models.filter(({ reads }) => reads.includes(name)).flatMap((reader) => textChanges(reader.name));
  const users = (uses: Model['uses']): string[] =>
    models.filter((model) => model.uses === uses).flatMap(({ name }) => textChanges(name));
  type Choice = readonly [name: string, work: () => Promise<readonly string[]>];
  const query = async (statements: readonly string[]): Promise<void> => {
    for (const sql of statements) await lab.rows(sql);
  };
  /** An edit: its name; it returns nodes and sources that were edited or written to. */
  const edit = (): Choice => {
    const model = pick(models);
    const table = pick(models.filter(({ kind }) => kind === 'table'));
    const view = pick(models.filter(({ kind }) => kind === 'view'));
    const source = pick(SOURCES);
    const change = (name: string, work: () => readonly string[]): Choice => [name, async () => work()];
    const statements = (sql: readonly string[], changed: readonly string[]): Choice => [
      sql.join('; '),
      async () => {
        await query(sql);
        return changed;
      },
    ];
    return pick<Choice>([
      change('nothing', () => []),
      change(`SQL of ${model.name}`, () => {
        model.constant += 10;
        return textChanges(model.name);
      }),
      change(`comment in ${model.name}`, () => {
        model.note++;
        return [];
      }),
      change(`config of ${model.name}`, () => {
        model.setting++;
        return model.kind === 'ephemeral' ? [] : [model.name];
      }),
      change('macro', () => {
        settings.macro++;
        return [...users('macro'), 'unit', 'adds'];
      }),
      change('variable', () => {
        settings.var++;
        return users('var');
      }),
      change('environment', () => {
        settings.env++;
        return users('env');
      }),
      change('seed', () => {
        settings.seed++;
        return ['seeded'];
      }),
      change('unit test', () => {
        settings.given++;
        return ['adds'];
      }),
      ...database.source(source).map(([sql, changes]) => statements(sql, changes ? [source] : [])),
      ...database.tamper(`s.${table.name}`).map((sql) => statements(sql, [table.name])),
      statements([`drop view if exists s.${view.name} ${database === POSTGRES ? 'cascade' : ''}`], [view.name]),
    ]);
  };
  /** Nodes that have to run. */
  const expected = (
    edited: ReadonlySet<string>,
    changed: (name: string) => boolean,
    missing: ReadonlySet<string>,
  ): string[] => {
    const moves = (name: string): boolean => {
      const model = byName.get(name);
      return model?.kind === 'ephemeral' ? model.reads.some(moves) : changed(name);
    };
    const names = stored
      .map(({ name }) => name)
      .filter((name) => {
        if (edited.has(name) || missing.has(name)) return true;
        if (name === 'unit') return moves('seeded');
        const model = byName.get(name);
        return model !== undefined && model.kind !== 'view' && model.reads.some(moves);
      });
    const tests = models.filter(({ name, tested }) => tested && moves(name));
    const unit = edited.has('adds') ? ['adds'] : [];
    return [...names, ...unit, ...tests.flatMap(({ name }) => [`not_null_${name}_id`, `not_null_${name}_v`])].sort();
  };
  const counts: Counts = { edits: 0, ran: 0, reused: 0 };
  try {
    await query(database.prepare);
    writeAll();
    await build('--reuse');
    await build('--target', 'full');
    let before = await contents('f');
    for (let n = 0; n < EDITS; n++) {
      const edits = Array.from({ length: 1 + below(2) }, edit);
      const edited = new Set<string>();
      const done: string[] = [];
      for (const [name, work] of edits) {
        // A second edit of a table that the first one dropped cannot be made.
        const found = await work().catch(() => null);
        if (found === null) continue;
        done.push(name);
        for (const each of found) edited.add(each);
      }
      writeAll();
      // Dropping a table drops the views that read it.
      const there = new Set((await lab.rows(database.names('s'))).flat().map(String));
      const missing = new Set(stored.map(({ name }) => name).filter((name) => !there.has(name)));
      const out = await build('--reuse', '--explain');
      await build('--target', 'full');
      const after = await contents('f');
      const about = `edit ${n} of seed ${SEED}: ${done.join(' and ')}\n${out}`;
      expect(await contents('s'), about).toEqual(after);
      const ran = [...out.matchAll(/^(?:\d\d:\d\d:\d\d {2})?runs (\S+) because/gm)].map(([, id = '']) => nameOf(id));
      expect(ran.sort(), about).toEqual(expected(edited, (each) => before[each] !== after[each], missing));
      counts.edits++;
      counts.ran += ran.length;
      counts.reused += Number(/REUSED=(\d+)/.exec(out)?.[1] ?? 0);
      before = after;
    }
    return counts;
  } finally {
    await lab.close();
  }
}

function randomModels(below: (limit: number) => number, pick: <T>(items: readonly T[]) => T): Model[] {
  const models: Model[] = [];
  const kinds: Readonly<Record<number, Kind>> = { 0: 'view', 1: 'table', 3: 'incremental', 5: 'snapshot' };
  for (let i = 0; i < MODELS; i++) {
    const kind = kinds[i] ?? pick(['table', 'table', 'view', 'view', 'ephemeral'] as const);
    const before = [...SOURCES, 'seeded', ...models.map(({ name }) => name)];
    const reads =
      kind === 'incremental'
        ? ['a']
        : kind === 'snapshot'
          ? ['m1']
          : [...new Set([pick(before), before.at(-1 - below(Math.min(3, i + 1)))!])];
    models.push({
      name: `m${i}`,
      kind,
      reads,
      uses: pick(['macro', 'var', 'env', 'none']),
      tested: kind === 'table' || kind === 'view',
      constant: i,
      note: 0,
      setting: 0,
    });
  }
  return models;
}

const pathOf = ({ name, kind }: Model): string => `${kind === 'snapshot' ? 'snapshots' : 'models'}/${name}.sql`;

function sqlOf({ name, kind, reads, uses, constant, note, setting }: Model): string {
  const more = { macro: '{{ plus() }}', var: "{{ var('k') }}", env: "{{ env_var('REUSE_K') }}", none: '0' }[uses];
  const from = reads.map((each) => {
    const relation = SOURCES.includes(each) ? `source('raw', '${each}')` : `ref('${each}')`;
    return `select id, v + ${constant} + ${more} as v from {{ ${relation} }}`;
  });
  const all = from.join('\nunion all ');
  if (kind === 'snapshot')
    return (
      `{% snapshot ${name} %}\n{{ config(unique_key='id', strategy='check', check_cols=['v'], ` +
      `meta={'n': ${setting}}) }}\n` +
      `-- note ${note}\nselect id, max(v) as v from (${all}) u group by id\n{% endsnapshot %}\n`
    );
  const where =
    kind === 'incremental' ? '{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}' : '';
  return `{{ config(materialized='${kind}', meta={'n': ${setting}}) }}\n-- note ${note}\n${all} ${where}`;
}

/** Tests of models in one statement per model, and a unit test of `unit`. */
function propertiesOf(models: readonly Model[], { macro, given }: { macro: number; given: number }): string {
  const columns = '[{name: id, data_tests: [not_null]}, {name: v, data_tests: [not_null]}]';
  const tested = models
    .filter((model) => model.tested)
    .map(({ name }, at) => `  - {name: ${name}, meta: {tsdbt: {batch_tests: ${at % 2 === 0}}}, columns: ${columns}}\n`);
  return (
    `models:\n${tested.join('')}unit_tests:\n  - name: adds\n    model: unit\n    given: [{input: ref('seeded'), ` +
    `rows: [{id: 1, v: ${given}}]}]\n    expect: {rows: [{id: 1, v: ${given + macro + 1}}]}\n`
  );
}

const UNIT = "{{ config(materialized='table') }} select id, v + {{ plus() }} as v from {{ ref('seeded') }}";
const PROJECT = 'name: faults\nversion: "1.0"\nprofile: faults\nflags: {send_anonymous_usage_stats: false}\n';

/** The name of a node or test in a unique_id. */
function nameOf(id: string): string {
  const [type, , ...rest] = id.split('.');
  return (type === 'unit_test' ? rest.at(-1) : rest[0]) ?? '';
}

const LIMIT = { timeout: Math.max(EDITS, 10) * 60_000 };

it('a build with --reuse on Postgres gives what a full build gives, and runs nothing else', LIMIT, async () => {
  const counts = await play(POSTGRES);
  console.log(`Postgres: ${JSON.stringify(counts)}`);
  expect(counts.edits).toBe(EDITS);
});

it.skipIf(clickhouseMissing !== null)(
  'a build with --reuse on ClickHouse gives what a full build gives, and runs nothing else',
  LIMIT,
  async () => {
    const counts = await play(CLICKHOUSE);
    console.log(`ClickHouse: ${JSON.stringify(counts)}`);
    expect(counts.edits).toBe(EDITS);
  },
);
