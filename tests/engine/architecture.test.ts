// Holds the layer table of ARCHITECTURE.md against the code: who may import whom, who may touch files, clock, network
// and process, how long and wide a file may be, and where a dialect's name may stand. A row of a table that nobody uses
// fails, too: what is allowed is what is needed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { circles, graphsOf, importsOf } from '../../scripts/import-graph.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const src = join(root, 'src');

const LAYER: Record<string, number> = {
  contracts: 0,
  values: 0,
  'errors.ts': 0,
  'error-table.ts': 0,
  'error-rows': 0,
  'log.ts': 0,
  'secrets.ts': 0,
  'make-folder.ts': 0,
  'user-state.ts': 0,
  'in-order.ts': 0,
  'keyed-hash.ts': 0,
  http: 0,
  'within.ts': 0,
  events: 0,
  settings: 1,
  jinja: 1,
  graph: 1,
  lineage: 1,
  adapters: 1,
  context: 2,
  'object-store': 1,
  connections: 3,
  diff: 3,
  project: 3,
  publish: 3,
  state: 3,
  parser: 4,
  compiler: 4,
  runner: 5,
  'artifacts.ts': 5,
  pipeline: 6,
  'index.ts': 6,
  cli: 7,
  docs: 7,
  loader: 7,
  mcp: 7,
  serve: 7,
  openlineage: 7,
  lsp: 7,
};
/** Places of layer 1 that stand beside each other and know nothing of one another. */
const INDEPENDENT = ['jinja', 'graph', 'adapters', 'object-store', 'lineage'];

/** Where the command line reaches the engine, beside what stands in layer 0. */
const DOORS = [
  'index.ts',
  'project',
  'connections',
  'object-store',
  'loader',
  'mcp',
  'docs',
  'serve',
  'openlineage',
  'lineage',
  'lsp',
];

/** `allowed` are beginnings of paths in src/; `*` is any one folder. */
const MAY_TOUCH: { what: string; pattern: RegExp; allowed: string[] }[] = [
  {
    what: 'files',
    pattern: /from 'node:fs(\/promises)?'/,
    allowed: [
      'adapters/*/connection',
      'adapters/*/embedded',
      'adapters/*/keeper',
      'adapters/process-identity.ts',
      'make-folder.ts',
      'user-state.ts',
      'http/site-file.ts',
      'connections/',
      'project/',
      'state/',
      'artifacts.ts',
      'pipeline/',
      'cli/',
      'docs/',
      'loader/',
      'openlineage/sender.ts',
    ],
  },
  {
    what: 'processes',
    pattern: /from 'node:child_process'/,
    allowed: ['adapters/*/embedded', 'adapters/*/keeper', 'adapters/process-identity.ts', 'project/', 'cli/'],
  },
  {
    what: 'the network',
    pattern: /from 'node:(net|http|https|tls|dgram)'/,
    allowed: [
      'adapters/*/connection',
      'adapters/*/embedded',
      'adapters/*/keeper',
      'project/deps/',
      'http/',
      'loader/',
      'object-store/',
    ],
  },
  {
    what: 'the clock',
    pattern: /\bDate\.now\(|new Date\(\)|\bperformance\.now\(|\bprocess\.cpuUsage\(/,
    allowed: [
      'adapters/*/connection',
      'adapters/*/session',
      'adapters/*/embedded',
      'adapters/*/keeper',
      'context/',
      'cli/',
      'loader/',
      'object-store/',
      'project/deps/git.ts',
      'values/cpu-limit.ts',
    ],
  },
  {
    what: 'the process',
    pattern: /\bprocess\.(env|argv|exit|stdout|stderr|cwd|on|kill)\b/,
    allowed: [
      'adapters/*/embedded',
      'adapters/*/keeper',
      'adapters/process-identity.ts',
      'user-state.ts',
      'project/deps/',
      'cli/',
    ],
  },
];

/** What is made of one dialect. */
const DIALECT = [
  'adapters/postgres/',
  'adapters/clickhouse/',
  'loader/postgres/',
  'loader/clickhouse/',
  'publish/postgres/',
  'publish/clickhouse/',
  'diff/postgres/',
  'diff/clickhouse/',
  'lineage/postgres/',
  'lineage/clickhouse/',
  'serve/store/postgres/',
  'serve/store/clickhouse/',
];
/** Who else writes a dialect's name, as text: registries, the default profile, and commands that set one up. */
const MAY_NAME_DIALECTS = [
  'adapters/index.ts',
  'diff/create-side.ts',
  'loader/create-sink.ts',
  'publish/create-target.ts',
  'publish/target-kinds.ts',
  'serve/store/create-store.ts',
];
/** Who else imports from a dialect's folder: registries. */
const MAY_IMPORT_DIALECTS = [
  'adapters/credentials.ts',
  'adapters/index.ts',
  'diff/create-side.ts',
  'lineage/create-dialect.ts',
  'loader/create-sink.ts',
  'publish/create-target.ts',
  'serve/store/create-store.ts',
];

/** Files that may need one another at run time, and why. */
const CIRCLES: { files: string; why: string }[] = [
  { files: 'values/', why: "Python's types are made of one another: a str has methods that give a list of str" },
];

function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const all = files(src).map((path) => ({ path, name: relative(src, path), text: readFileSync(path, 'utf8') }));
const sources = all
  .filter(({ name }) => name.endsWith('.ts'))
  .map((source) => ({ ...source, imports: importsOf(source.path, source.text, src) }));
const area = (name: string) => name.split('/')[0]!;
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
const begins = (name: string, row: string) =>
  new RegExp(`^${row.replace(/[.]/g, '\\.').replaceAll('*', '[^/]+')}`).test(name);

/** @returns who does it and is not in the table, and rows of the table that allow nobody */
function compareWith(rows: readonly string[], does: (source: (typeof sources)[number]) => boolean) {
  const who = sources.filter(does).map(({ name }) => name);
  return {
    notAllowed: who.filter((name) => !rows.some((row) => begins(name, row))),
    allowsNobody: rows.filter((row) => !who.some((name) => begins(name, row))),
  };
}
const AS_ALLOWED = { notAllowed: [], allowsNobody: [] };

describe('the source code', () => {
  it('has a known layer for every folder of src', () => {
    const areas = new Set(sources.map(({ name }) => area(name)));
    expect([...areas].sort()).toEqual(Object.keys(LAYER).sort());
  });

  it('imports only from lower layers, and from no independent neighbour', () => {
    const wrong: string[] = [];
    for (const { name, imports } of sources) {
      const from = area(name);
      for (const { target } of imports) {
        const to = area(target);
        if (to === from) continue;
        const up = (LAYER[to] ?? 99) > (LAYER[from] ?? -1);
        const sideways =
          LAYER[to] === LAYER[from] &&
          (INDEPENDENT.includes(from) || (LAYER[from] === 0 && from !== 'values' && to === 'values'));
        if (up || sideways) wrong.push(`${name} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('imports the engine from the command line only at a few entry points', () => {
    const isDoor = (place: string) => place === 'cli' || LAYER[place] === 0 || DOORS.includes(place);
    const reached = sources.filter(({ name }) => area(name) === 'cli').flatMap(({ imports }) => imports);
    expect(reached.map(({ target }) => target).filter((target) => !isDoor(area(target)))).toEqual([]);
  });

  const graphs = graphsOf(sources);

  it('has no folders that depend on each other at run time', () => {
    expect(circles(graphs.folders)).toEqual([]);
  });

  it('has no files that depend on each other at run time, except for documented reasons', () => {
    const found = circles(graphs.files);
    expect(
      found.filter((circle) => !CIRCLES.some((row) => circle.every((name) => name.startsWith(row.files)))),
    ).toEqual([]);
    expect(CIRCLES.filter((row) => !found.some((circle) => circle[0]?.startsWith(row.files)))).toEqual([]);
  });

  for (const { what, pattern, allowed } of MAY_TOUCH) {
    it(`uses ${what} only where the table allows it`, () => {
      expect(compareWith(allowed, ({ text }) => pattern.test(code(text)))).toEqual(AS_ALLOWED);
    });
  }

  it('has no file over 600 lines', () => {
    expect(
      sources.filter((s) => s.text.split('\n').length > 601).map((s) => `${s.name}: ${s.text.split('\n').length}`),
    ).toEqual([]);
  });

  it('names a dialect only in its own folders, in registries and in setup commands', () => {
    const others = ({ name }: { name: string }) => !DIALECT.some((row) => begins(name, row));
    expect(
      compareWith(
        MAY_NAME_DIALECTS,
        (source) => others(source) && /['"`](postgres|clickhouse)['"`]/.test(code(source.text)),
      ),
    ).toEqual(AS_ALLOWED);
    expect(
      compareWith(
        MAY_IMPORT_DIALECTS,
        (source) => others(source) && source.imports.some(({ target }) => DIALECT.some((row) => begins(target, row))),
      ),
    ).toEqual(AS_ALLOWED);
  });

  it('writes private members as #x, except for constructors', () => {
    const spelt = /^\s*(private|public) (?!constructor\b)|[(,]\s*(private|public) (readonly )?\w+:/m;
    expect(sources.filter(({ text }) => spelt.test(code(text))).map(({ name }) => name)).toEqual([]);
  });

  it('contains SQL words of one dialect only in its own folders', () => {
    const words = /\b(pg_(?!type\.typname)[a-z]+|regclass|to_reg[a-z]+|unlogged|MergeTree|system\.[a-z]+s)\b/;
    const others = sources.filter(({ name }) => !DIALECT.some((row) => begins(name, row)));
    expect(others.filter(({ text }) => words.test(code(text))).map(({ name }) => name)).toEqual([]);
  });

  it('contains event codes only in the table of events', () => {
    const inline = ({ name, text }: { name: string; text: string }) =>
      area(name) === 'events'
        ? []
        : [...code(text).matchAll(/(['"`])[A-Z]\d{3}\1/g)].map(([found]) => `${name}: ${found}`);
    expect(sources.flatMap(inline)).toEqual([]);
    expect(
      sources
        .filter(({ name }) => area(name) === 'events')
        .map(({ text }) => text)
        .join(),
    ).toContain("'Z050'");
  });

  it('contains error texts only in the table of errors, where that is done', () => {
    const places = ['graph', 'context', 'compiler', 'runner', 'contracts', 'events', 'parser', 'project'];
    const inline = ({ name, text }: { name: string; text: string }) =>
      places.includes(area(name)) && /new TsdbtError\(\s*'\w+',\s*['"`]/.test(code(text));
    expect(sources.filter(inline).map(({ name }) => name)).toEqual([]);
    expect(
      sources.filter(({ name, text }) => places.includes(area(name)) && /\berrorOf\(/.test(text)).length,
    ).toBeGreaterThan(20);
  });

  it('starts every file with what it does', () => {
    expect(sources.filter((s) => !s.text.startsWith('// ')).map((s) => s.name)).toEqual([]);
  });

  it('names only paths that exist in ARCHITECTURE.md, in at most 150 lines', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const paths = [
      ...text.matchAll(/`((?:src|tests|scripts|bench|bin|models|seeds|macros|snapshots|\.ci)\/[\w./-]*)`/g),
    ].map((m) => m[1]!);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((p) => !existsSync(join(root, p)))).toEqual([]);
    expect(text.split('\n').length).toBeLessThanOrEqual(151);
  });
});
