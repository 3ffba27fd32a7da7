// Random edits of a project: a parse from the cache gives field by field what a full parse gives. EDIT_RUNS=50 for
// more.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParseCache, writeParseCache } from '../../../../src/pipeline/parse-caches.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { type NodeFacts, ReadFacts } from '../../../../src/graph/node-facts.ts';
import { textOf } from '../../../../src/parser/kept-manifest.ts';
import { type CachedParseOutput, type ParseCache, parseWithCache } from '../../../../src/parser/parse-cache.ts';
import { compactWhitespace } from '../../../../src/project/python-strip.ts';
import { type ParseOptions, parseInput } from '../../support/parse.ts';
import { Secrets } from '../../../../src/secrets.ts';
import { StateSeal } from '../../../../src/user-state.ts';

type Files = Record<string, string>;

const START: Files = {
  'models/a.sql': "{{ config(materialized='table', tags=['x']) }}\nselect 1 as id -- {# a #}\n",
  'models/b.sql': "select * from {{ ref('a') }} where {{ cents('id') }} > {{ var('least', 0) }}\n",
  'models/c.sql':
    "{% set cols = ['id', 'n'] %}\nselect {% for c in cols %}{{ c }}{{ ',' if not loop.last }}{% endfor %} " +
    "from {{ ref('b') }}\n",
  'models/d.sql': '{% set parent %}a{% endset %}select * from {{ ref(parent) }}\n',
  'models/e.sql':
    "{% if 'wide' in model.raw_code %}{{ config(tags=['wide']) }}{% endif %}select * from {{ source('raw', " +
    "'t') }} where x = '{{ env_var('X', '0') }}'\n",
  'models/h.sql': "{{ config(meta={'id': model.unique_id, 'keys': model.keys() | list}) }}select 1\n",
  'models/v_v1.sql': 'select 1 as id\n',
  'models/v_v2.sql': "select 2 as id, '{{ this }}' as t\n",
  'models/g.sql': 'select 1\n',
  'models/f.sql': "{% if peek() %}{{ config(tags=['peeked']) }}{% endif %}select 3\n",
  'models/m.yml': `version: 2
models:
  - name: a
    description: The first, ünïcode "quoted".
    columns:
      - name: id
        description: A key.
        data_tests: [unique, not_null]
      - name: n
        description: "{{ doc('n') }}"
  - name: b
    description: >
      Folded
      text.
    config: {meta: {"model.p.a": {unique_id: model.p.a}}}
    columns:
      - name: id
        data_tests:
          - accepted_values: {arguments: {values: [1, 2]}}
      - name: other
  - name: v
    description: Versioned.
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
`,
  'models/s.yml': `sources:
  - name: raw
    description: Raw.
    tables: [{name: t, description: T.}, {name: u}]
seeds:
  - name: letters
    description: Letters.
exposures:
  - {name: board, type: dashboard, owner: {email: a@b.c}, depends_on: ["ref('c')"]}
unit_tests:
  - name: adds
    model: b
    given: [{input: ref('a'), rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
  - name: takes_rows
    model: c
    given: [{input: ref('b'), rows: [{id: 1, n: 2}]}, {input: ref('letters')}]
    expect: {rows: [{id: 1, n: 2}]}
`,
  'models/docs.md': '{% docs n %}How many.{% enddocs %}\n',
  'macros/cents.sql':
    '{% macro cents(c) %}{{ c }} * 100{% endmacro %}\n{% macro peek() %}{{ return("3" in model.raw_code) }}{% ' +
    'endmacro %}\n',
  'seeds/letters.csv': 'letter\na\nb\n',
  'seeds/digits.csv': 'digit\n1\n',
  'tests/none.sql': "select * from {{ ref('a') }} where id is null\n",
  'analyses/look.sql': "select * from {{ ref('b') }}\n",
  'snapshots/snap.sql':
    "{% snapshot snap %}{{ config(unique_key='id', strategy='check', check_cols='all') }}select * from {{ " +
    "ref('a') }}{% endsnapshot %}\n",
};

/** Returns integers below n, the same in every run. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % n;
  };
}

interface World {
  files: Files;
  options: ParseOptions;
}
type Edit = (world: World, below: (n: number) => number) => void;

const append =
  (path: string, ...texts: string[]): Edit =>
  ({ files }, below) => {
    if (files[path] !== undefined) files[path] += texts[below(texts.length)];
  };
const replace =
  (path: string, from: string | RegExp, ...to: string[]): Edit =>
  ({ files }, below) => {
    if (files[path] !== undefined) files[path] = files[path]!.replace(from, to[below(to.length)]!);
  };
const words = ['plain', 'with { brace', 'two\\nlines', '', "it''s", 'ünï'];

const EDITS: readonly Edit[] = [
  append('models/a.sql', '-- more\n', ' \n\n', "-- {{ ref('b') }}\n", '{# note #}', "{{ config(alias='z') }}"),
  append('models/b.sql', ' and 1 = 1\n', ' -- ü\n', '{% set q = 1 %}', '{{ cents("n") }}'),
  append('models/c.sql', 'where true\n', '{% raw %}{{ x }}{% endraw %}', "{{ env_var('Y', '1') }}"),
  replace('models/c.sql', 'select', 'select  ', 'select distinct'),
  replace('models/d.sql', '%}a{%', '%}b{%', '%}c{%', '%}a{%'),
  append('models/d.sql', ' -- d\n', '{% filter upper %}x{% endfilter %}', '{% set more %}{{ 1 }}{% endset %}'),
  replace('models/d.sql', '%}x{%', '%}y{%', "%}{{ ref('b') }}{%"),
  append('models/e.sql', '-- wide\n', '-- narrow\n'),
  replace('models/e.sql', 'wide\n', 'thin\n'),
  append('models/f.sql', ' -- 4', ''),
  append('models/h.sql', ' -- 5', '{{ model.name }}'),
  replace('models/g.sql', /^.*$/s, '', ' \n', 'select 1\n'),
  replace('models/f.sql', 'select 3', 'select 5', 'select 3'),
  append('models/v_v2.sql', '-- later\n'),
  append('models/v_v1.sql', '-- 1\n'),
  append('macros/cents.sql', ' ', '{# c #}', '{% macro extra() %}1{% endmacro %}'),
  replace('macros/cents.sql', '* 100', '* 1000', '* 100', "* 10{% do ref('e') %}"),
  append('models/docs.md', ' \n', '{% docs more %}More.{% enddocs %}'),
  replace('models/docs.md', /How many\.?/, 'How few.', 'How many.'),
  append('seeds/letters.csv', 'c\n', 'd\n'),
  append('seeds/digits.csv', '2\n'),
  append('tests/none.sql', '-- t\n', "{{ config(severity='warn') }}"),
  append('analyses/look.sql', '-- l\n'),
  append('snapshots/snap.sql', ' ', '\n'),
  append(
    'models/m.yml',
    '# note\n',
    '\n',
    '  - name: c\n    description: C.\n',
    'groups: [{name: g, owner: {email: x@y.z}}]\n',
  ),
  ...words.flatMap((word) => [
    replace('models/m.yml', /description: The first.*/, `description: "The first ${word}"`),
    replace('models/m.yml', /description: A key.*/, `description: 'A key ${word}'`),
    replace('models/s.yml', /description: Letters.*/, `description: "Letters ${word}"`),
    replace('models/s.yml', /description: Raw.*/, `description: "Raw ${word}"`),
  ]),
  replace('models/m.yml', 'Folded', 'Bent', '  Bent'),
  replace('models/m.yml', 'Versioned.', 'In two versions.', '{{ 1 }}'),
  replace('models/m.yml', '[unique, not_null]', '[unique]', '[not_null, unique]', '[]'),
  replace('models/m.yml', 'values: [1, 2]', 'values: [1, 2.0]', 'values: [1, 2, 3]'),
  replace(
    'models/m.yml',
    '      - name: other\n',
    '      - name: other\n        description: O.\n',
    '      - name: id\n',
  ),
  // White space is significant only in YAML.
  replace('models/m.yml', '    config: {meta', '    config:  {meta', '    config: {meta'),
  replace('models/m.yml', '      - name: other', '  - name: other', '      - name: other'),
  replace('models/m.yml', '  - name: other', '      - name: other'),
  replace('models/s.yml', 'name: board', 'name: wall', 'name: board'),
  replace('models/s.yml', 'rows: [{id: 1}]', 'rows: [{id: 2}]', 'rows: [{id: 1}]'),
  append('models/s.yml', '# s\n', 'macros: [{name: cents, description: Cents.}]\n', 'broken: [\n'),
  replace('models/s.yml', 'broken: [\n', ''),
  ({ files }) => {
    files['models/s.yml'] = START['models/s.yml']!;
  },
  ({ files }) => {
    files['models/m.yml'] = START['models/m.yml']!;
  },
  ({ files }, below) => {
    const name = `models/new_${below(3)}.sql`;
    if (files[name] === undefined) files[name] = "select * from {{ ref('a') }}\n";
    else delete files[name];
  },
  ({ files }) => {
    if (files['models/b.sql'] === undefined) files['models/b.sql'] = START['models/b.sql']!;
    else {
      files['models/renamed.sql'] = files['models/b.sql']!;
      delete files['models/b.sql'];
    }
  },
  ({ files }) => {
    files['models/b.sql'] = START['models/b.sql']!;
    delete files['models/renamed.sql'];
  },
  ({ files }) => {
    files['models/sub/a.sql'] = files['models/a.sql'] ?? 'select 1';
    delete files['models/a.sql'];
  },
  ({ files }) => {
    files['models/a.sql'] = START['models/a.sql']!;
    delete files['models/sub/a.sql'];
  },
  append('models/a.sql', '{{ config(enabled=false) }}'),
  ({ files }) => {
    files['models/a.sql'] = START['models/a.sql']!;
  },
  ({ files }) => {
    files['models/c.sql'] = START['models/c.sql']!;
  },
  ({ files }) => {
    files['macros/names.sql'] =
      "{% macro generate_alias_name(custom, node) %}{{ node.name ~ ('_long' if node.raw_code | length > 60 " +
      "else '') }}{% endmacro %}";
  },
  ({ files }) => {
    delete files['macros/names.sql'];
  },
  (world, below) => {
    world.options = { ...world.options, vars: { least: below(3) } };
  },
  (world, below) => {
    world.options = { ...world.options, env: below(2) === 0 ? {} : { X: String(below(3)), Y: String(below(2)) } };
  },
  (world, below) => {
    world.options = {
      ...world.options,
      flags: below(2) === 0 ? {} : { require_ref_searches_node_package_before_root: true },
    };
  },
  (world, below) => {
    world.options = { ...world.options, project: below(2) === 0 ? {} : { configs: { models: { '+tags': ['p'] } } } };
  },
];

async function parse(world: World, mtimes: Readonly<Record<string, number>>, previous: ParseCache | null, now: number) {
  const input = await parseInput(world.files, { ...world.options, startedAt: new Date(now) });
  // As on a disk: every file has its own time, and a checksum that ignores white space.
  const files = input.files.map((file) => ({
    ...file,
    mtime_ms: mtimes[file.original_file_path]!,
    checksum: {
      name: 'sha256',
      checksum: createHash('sha256').update(compactWhitespace(world.files[file.original_file_path]!)).digest('hex'),
    },
  }));
  try {
    return parseWithCache({ ...input, files, previous: previous === null ? [] : [previous], engine: '1' });
  } catch (error) {
    if (error instanceof TsdbtError) return error.message;
    throw error;
  }
}

const comparable = (manifest: object): string =>
  JSON.stringify(manifest, (key, value: unknown) => (key === 'created_at' || key === 'metadata' ? undefined : value));

/** Compares texts first, because a deep comparison of such large values is slow. */
function expectSame(found: string, wanted: string): void {
  if (found !== wanted) expect(JSON.parse(found)).toEqual(JSON.parse(wanted));
}

/** As texts, because bytes are compared one by one. */
const textsOf = ({ header, ...parts }: ParseCache): unknown => [
  JSON.parse(JSON.stringify(header)),
  Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')])),
];

/** Reads the index of a cached parse: tables, rows and the facts of each node. */
function indexed({ kept, manifest }: CachedParseOutput): string {
  const json = (bytes: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
  const ids = Object.keys(manifest.nodes);
  const others = ids.filter((_, i) => i % 2 === 1);
  const rows = (some: readonly string[]): unknown => json(Buffer.from(`{${kept.rows(some).map(textOf).join(',')}}`));
  return comparable({
    tables: Object.keys(manifest)
      .filter((name) => name !== 'metadata')
      .map((name) => [name, json(kept.table(name))]),
    rows: [rows(ids), rows(others)],
    nodes: ids.map((id) => kept.node(id)),
    facts: factsOf(kept.facts({}), ids),
  });
}

/** Returns the expected index of a manifest. */
function indexOf({ metadata: _metadata, ...tables }: Manifest): string {
  const { nodes } = tables;
  const ids = Object.keys(nodes);
  return comparable({
    tables: Object.entries(tables),
    rows: [nodes, Object.fromEntries(Object.entries(nodes).filter((_, i) => i % 2 === 1))],
    nodes: Object.values(nodes),
    facts: factsOf(new ReadFacts(nodes), ids),
  });
}

const factsOf = (facts: NodeFacts, ids: readonly string[]): unknown =>
  ids.map((id) => [
    facts.fqn(id),
    facts.parents(id),
    facts.isVersioned(id),
    facts.isEnabled(id),
    facts.isEmpty(id),
    facts.isTimeSpine(id),
  ]);

describe('a parse that starts from a cached one', () => {
  const kept: string[] = [];
  it.each(Array.from({ length: Number(process.env['EDIT_RUNS'] ?? 3) }, (_, i) => i))(
    'returns what a full parse returns, after any edits (%i)',
    async (seed) => {
      const below = dice(seed * 7919 + 3);
      const world: World = { files: { ...START }, options: {} };
      let now = Date.parse('2026-01-01');
      const mtimes: Record<string, number> = {};
      let cache: ParseCache | null = null;
      let before: Files = {};
      for (let step = 0; step < 30; step += 1) {
        if (step > 0) for (let n = 1 + below(2); n > 0; n -= 1) EDITS[below(EDITS.length)]!(world, below);
        // Some edits fall within the resolution of the clock, others come long afterwards.
        now += below(4) === 0 ? 500 : 60_000;
        for (const path of Object.keys(world.files))
          if (before[path] !== world.files[path] || mtimes[path] === undefined) mtimes[path] = now - 100;
        before = { ...world.files };
        const warm: Awaited<ReturnType<typeof parse>> = await parse(world, mtimes, cache, now);
        const cold: Awaited<ReturnType<typeof parse>> = await parse(world, mtimes, null, now);
        if (typeof cold === 'string' || typeof warm === 'string') {
          expect(warm).toBe(cold);
          world.files = { ...START };
          continue;
        }
        expectSame(comparable(warm.manifest), comparable(cold.manifest));
        expect(Object.keys(warm.manifest.nodes)).toEqual(Object.keys(cold.manifest.nodes));
        expectSame(indexed(warm), indexOf(cold.manifest));
        if (warm.reused && warm.fresh) kept.push(String(seed));
        cache = warm.cache;
      }
    },
  );

  it('does not parse everything again each time', () => {
    expect(kept.length).toBeGreaterThan(5);
  });

  it('starts from nothing if the cache file is damaged or has another signature', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-cache-'));
    const path = join(folder, 'partial_parse.json');
    const seal = StateSeal.of(folder)!;
    expect(readParseCache(path, seal)).toBe('missing');
    const parsed = await parse(
      { files: START, options: {} },
      Object.fromEntries(Object.keys(START).map((name) => [name, 0])),
      null,
      1e12,
    );
    if (typeof parsed === 'string') throw new Error(parsed);
    writeParseCache(path, parsed.cache, new Secrets(), seal);
    const bytes = readFileSync(path);
    const read = readParseCache(path, seal);
    expect(readParseCache(path, StateSeal.of('/another/project')!)).toBe('unreadable');
    if (typeof read === 'string') throw new Error(read);
    expect(textsOf(read)).toEqual(textsOf(parsed.cache));
    for (const damaged of [
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.from(' ')]),
      Buffer.from(bytes.toString('latin1').replace('model.p.a', 'model.p.b'), 'latin1'),
      Buffer.from('{}'),
      Buffer.alloc(0),
      Buffer.from('\n\n\n'),
    ]) {
      writeFileSync(path, damaged);
      expect(readParseCache(path, seal)).toBe('unreadable');
    }
    rmSync(folder, { recursive: true });
  });

  it.each<[string, string, string, boolean]>([
    [
      'SQL between tags',
      'models/b.sql',
      "select id from {{ ref('a') }} where {{ cents('id') }} > {{ var('least', 0) }}\n",
      true,
    ],
    [
      'the argument of a ref',
      'models/b.sql',
      "select * from {{ ref('v') }} where {{ cents('id') }} > {{ var('least', 0) }}\n",
      false,
    ],
    [
      'text that becomes a value',
      'models/d.sql',
      '{% set parent %}b{% endset %}select * from {{ ref(parent) }}\n',
      false,
    ],
    ['text beside one that becomes a value', 'models/d.sql', `${START['models/d.sql']}where true`, true],
    ['a text that its own template reads', 'models/e.sql', `${START['models/e.sql']}-- x`, false],
    ['a text that a macro of its template reads', 'models/f.sql', `${START['models/f.sql']}-- x`, false],
    ['rows of a seed', 'seeds/digits.csv', 'digit\n7\n', true],
    ['rows of a seed that a unit test takes', 'seeds/letters.csv', 'letter\nz\n', false],
    ['a description', 'models/m.yml', START['models/m.yml']!.replace('A key.', 'The key.'), true],
    ['a description with Jinja', 'models/m.yml', START['models/m.yml']!.replace('A key.', `"{{ doc('n') }}"`), false],
    ['a test', 'models/m.yml', START['models/m.yml']!.replace('[unique, not_null]', '[unique]'), false],
    ['a comment in YAML', 'models/s.yml', `# hello\n${START['models/s.yml']}`, true],
    ['a macro', 'macros/cents.sql', `${START['macros/cents.sql']}{# c #}`, false],
  ])('detects a change of %s', async (_what, path, text, keeps) => {
    const now = Date.parse('2026-01-01');
    const mtimes = Object.fromEntries(Object.keys(START).map((name) => [name, now - 60_000]));
    const first = await parse({ files: START, options: {} }, mtimes, null, now);
    if (typeof first === 'string') throw new Error(first);
    const second = await parse(
      { files: { ...START, [path]: text }, options: {} },
      { ...mtimes, [path]: now },
      first.cache,
      now + 1000,
    );
    expect(typeof second === 'string' ? second : second.reused).toBe(keeps);
  });
});
