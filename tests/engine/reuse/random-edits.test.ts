// Random edits of a random project on Postgres. After each build with --reuse all relations equal those of a full
// build, and only nodes ran that had to. TSDBT_REUSE_EDITS sets the number of edits, TSDBT_REUSE_SEED the project.
import { expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { seeded } from '../support/seeded.ts';

const EDITS = Number(process.env['TSDBT_REUSE_EDITS'] ?? 12);
const SEED = Number(process.env['TSDBT_REUSE_SEED'] ?? 7);
const MODELS = 10;
const SOURCES = ['a', 'b'];

interface Model {
  readonly name: string;
  readonly kind: 'table' | 'view' | 'ephemeral' | 'incremental';
  /** Names of models, of the seed, or of sources. */
  readonly reads: readonly string[];
  readonly uses: 'macro' | 'var' | 'env' | 'none';
  constant: number;
  note: number;
  setting: number;
}

it('a build with --reuse gives what a full build gives, and runs nothing else', {
  timeout: EDITS * 60_000,
}, async () => {
  const random = seeded(SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const models: Model[] = [];
  for (let i = 0; i < MODELS; i++) {
    const kind = i === 3 ? 'incremental' : pick(['table', 'table', 'view', 'view', 'ephemeral'] as const);
    const before = [...SOURCES, 'seeded', ...models.map(({ name }) => name)];
    const reads =
      kind === 'incremental' ? ['a'] : [...new Set([pick(before), before.at(-1 - below(Math.min(3, i + 1)))!])];
    models.push({
      name: `m${i}`,
      kind,
      reads,
      uses: pick(['macro', 'var', 'env', 'none']),
      constant: i,
      note: 0,
      setting: 0,
    });
  }
  const settings = { macro: 1, var: 1, env: 1, seed: 1 };
  const byName = new Map(models.map((model) => [model.name, model]));
  const sql = ({ kind, reads, uses, constant, note, setting }: Model): string => {
    const more = { macro: '{{ plus() }}', var: "{{ var('k') }}", env: "{{ env_var('REUSE_K') }}", none: '0' }[uses];
    const from = reads.map((name) => {
      const relation = SOURCES.includes(name) ? `source('raw', '${name}')` : `ref('${name}')`;
      return `select id, v + ${constant} + ${more} as v from {{ ${relation} }}`;
    });
    const where =
      kind === 'incremental' ? '{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}' : '';
    const head = `{{ config(materialized='${kind}', meta={'n': ${setting}}) }}\n-- note ${note}\n`;
    return `${head}${from.join('\nunion all ')} ${where}`;
  };
  const project = await FaultProject.open({
    'models/sources.yml': 'sources: [{name: raw, schema: raw, tables: [{name: a}, {name: b}]}]\n',
  });
  const profiles = project.read('profiles.yml');
  const dev = /outputs: \{dev: (\{[^{}]*\})/.exec(profiles)?.[1] ?? '';
  project.write({
    'profiles.yml': `faults: {target: dev, outputs: {dev: ${dev}, full: ${dev.replace('schema: s', 'schema: f')}}}\n`,
  });
  const writeAll = (): void => {
    project.env = { REUSE_K: String(settings.env) };
    project.write({
      'dbt_project.yml': `${PROJECT}vars: {k: ${settings.var}}\n`,
      'macros/plus.sql':
        '{% macro plus() %}{{ less() }} + 1{% endmacro %}\n' + `{% macro less() %}${settings.macro}{% endmacro %}\n`,
      'seeds/seeded.csv': `id,v\n1,${settings.seed}\n2,2\n`,
      ...Object.fromEntries(models.map((model) => [`models/${model.name}.sql`, sql(model)])),
    });
  };
  const build = async (...args: string[]): Promise<string> => {
    const { code, out } = await project.run(['build', ...args]);
    expect(code, out).toBe(0);
    return out;
  };
  const contents = async (schema: string): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const name of SOURCES)
      found[name] = String(await project.one(`select string_agg(t::text, ',' order by t::text) from raw.${name} t`));
    for (const { name, kind } of [...models, { name: 'seeded', kind: 'table' }])
      if (kind !== 'ephemeral')
        found[name] = String(
          await project.one(`select string_agg(t::text, ',' order by t::text) from ${schema}.${name} t`),
        );
    return found;
  };
  /** Readers of a changed text: an ephemeral model is part of its readers. */
  const textChanges = (name: string): string[] =>
    byName.get(name)?.kind !== 'ephemeral'
      ? [name]
      : models.filter(({ reads }) => reads.includes(name)).flatMap((reader) => textChanges(reader.name));
  const users = (uses: Model['uses']): string[] =>
    models.filter((model) => model.uses === uses).flatMap(({ name }) => textChanges(name));
  const query = async (text: string): Promise<string[]> => {
    await project.client.query(text);
    return [];
  };
  const sourceOf = (text: string): [string, () => Promise<string[]>] => [
    text,
    async () => [/raw\.(\w)/.exec(text)?.[1] ?? '', ...(await query(text))],
  ];
  /** An edit: its name; it returns nodes and sources that were edited or written to. */
  const edit = (): [string, () => Promise<string[]>] => {
    const model = pick(models);
    const stored = pick(models.filter(({ kind }) => kind === 'table'));
    const view = models.find(({ kind }) => kind === 'view');
    const source = pick(SOURCES);
    const tampered = (text: string): [string, () => Promise<string[]>] => [
      text,
      async () => [stored.name, ...(await query(text))],
    ];
    const change = (name: string, work: () => readonly string[]): [string, () => Promise<string[]>] => [
      name,
      async () => [...work()],
    ];
    return pick([
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
        return users('macro');
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
      sourceOf(`insert into raw.${source} select max(id) + 1, 5 from raw.${source}`),
      sourceOf(`update raw.${source} set v = v + 1 where id = 1`),
      sourceOf(`delete from raw.${source} where id = (select min(id) from raw.${source} where id > 2)`),
      tampered(`drop table s.${stored.name} cascade`),
      tampered(`truncate s.${stored.name}`),
      tampered(`alter table s.${stored.name} add column more int`),
      tampered(
        `create table s.x as table s.${stored.name}; drop table s.${stored.name} cascade; ` +
          `alter table s.x rename to ${stored.name}`,
      ),
      tampered(`update s.${stored.name} set v = v + 1`),
      ...(view === undefined
        ? []
        : [
            [
              `replace view ${view.name}`,
              async () => [
                view.name,
                ...(await query(`create or replace view s.${view.name} as select 1 as id, 2 as v`).catch(() => [])),
              ],
            ] as [string, () => Promise<string[]>],
          ]),
    ]);
  };
  /** Nodes that have to run. */
  const expected = (
    edited: ReadonlySet<string>,
    changed: (name: string) => boolean,
    missing: ReadonlySet<string>,
  ): Set<string> => {
    const moves = (name: string): boolean => {
      const model = byName.get(name);
      return model?.kind === 'ephemeral' ? model.reads.some(moves) : changed(name);
    };
    return new Set(
      ['seeded', ...byName.keys()].filter((name) => {
        const model = byName.get(name);
        if (model?.kind === 'ephemeral') return false;
        if (edited.has(name) || missing.has(name)) return true;
        return model !== undefined && model.kind !== 'view' && model.reads.some(moves);
      }),
    );
  };
  try {
    await project.client.query(
      SOURCES.map(
        (name) => `create table if not exists raw.${name} as select g as id, g * 2 as v from generate_series(1, 5) g;`,
      ).reduce((all, each) => all + each, 'create schema raw;'),
    );
    writeAll();
    await build('--reuse');
    await build('--target', 'full');
    let before = await contents('f');
    for (let n = 0; n < EDITS; n++) {
      const [name, work] = edit();
      const edited = new Set(await work());
      writeAll();
      // Dropping a table drops the views that read it.
      const there = new Set(
        (await project.rows("select relname from pg_class where relnamespace = 's'::regnamespace")).flat(),
      );
      const missing = new Set(models.filter((m) => m.kind !== 'ephemeral' && !there.has(m.name)).map((m) => m.name));
      const out = await build('--reuse', '--explain');
      await build('--target', 'full');
      const after = await contents('f');
      expect(await contents('s'), `edit ${n} of seed ${SEED}: ${name}\n${out}`).toEqual(after);
      const ran = [...out.matchAll(/^runs \w+\.faults\.(\w+) /gm)].map(([, id = '']) => id);
      const must = expected(edited, (each) => before[each] !== after[each], missing);
      expect([...must].sort(), `edit ${n} of seed ${SEED}: ${name}\n${out}`).toEqual([...ran].sort());
      before = after;
    }
  } finally {
    await project.close();
  }
});

const PROJECT = 'name: faults\nversion: "1.0"\nprofile: faults\nflags: {send_anonymous_usage_stats: false}\n';
