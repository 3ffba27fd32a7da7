// Holds the layer table of ARCHITECTURE.md against the code: who may import whom, who may touch files, clock, network
// and process, how long a file may be, and where a dialect's name may stand.
import { readdirSync, readFileSync, statSync, existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const src = join(root, 'src');

const LAYER: Record<string, number> = {
  contracts: 0,
  values: 0,
  'errors.ts': 0,
  'log.ts': 0,
  'secrets.ts': 0,
  jinja: 1,
  graph: 1,
  adapters: 1,
  lineage: 1,
  context: 2,
  project: 3,
  state: 3,
  parser: 4,
  compiler: 4,
  runner: 5,
  'artifacts.ts': 5,
  'index.ts': 6,
  cli: 7,
  docs: 7,
  scheduler: 7,
  loader: 7,
};
/** Places of layer 1 that stand beside each other and know nothing of one another. */
const INDEPENDENT = ['jinja', 'graph', 'adapters', 'lineage'];
const MAY_TOUCH: { pattern: RegExp; what: string; allowed: RegExp }[] = [
  {
    what: 'files',
    pattern: /from 'node:fs(\/promises)?'/,
    allowed: new RegExp(
      String.raw`^(project|state|artifacts\.ts|index\.ts|cli|docs|scheduler|loader|adapters/[^/]+/(embedded` +
        String.raw`|keeper|connection)|adapters/process-identity)`,
    ),
  },
  {
    what: 'processes',
    pattern: /from 'node:child_process'/,
    allowed: /^(adapters\/[^/]+\/(embedded|keeper)|adapters\/process-identity|project|cli|scheduler)/,
  },
  {
    what: 'the network',
    pattern: /from 'node:(net|http|https|tls|dgram)'/,
    allowed: /^(adapters\/[^/]+\/(connection|embedded|keeper)|project\/deps|cli|docs|scheduler|loader)/,
  },
  {
    what: 'the clock',
    pattern: /\bDate\.now\(|new Date\(\)|\bperformance\.now\(/,
    allowed: new RegExp(
      String.raw`^(cli|docs|scheduler|loader|runner|state|index\.ts|artifacts\.ts|log\.ts|context/modules` +
        String.raw`|context/|adapters/[^/]+/(connection|session|embedded|keeper))`,
    ),
  },
  {
    what: 'the process',
    pattern: /\bprocess\.(env|argv|exit|stdout|stderr|cwd|on|kill)\b/,
    allowed: new RegExp(
      String.raw`^(cli|docs|scheduler|adapters/[^/]+/(embedded|keeper)|adapters/process-identity` +
        String.raw`|project/flags|project/deps)`,
    ),
  },
];

function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith('.ts') ? [path] : [];
  });
}

const sources = files(src).map((path) => ({ path, name: relative(src, path), text: readFileSync(path, 'utf8') }));
const area = (name: string) => name.split('/')[0]!;
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');

function imports(text: string): { target: string; typeOnly: boolean }[] {
  return [...text.matchAll(/^(import|export)\s+(type\s+)?[^;]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm)].map(
    (m) => ({
      target: (m[3] ?? m[4])!,
      typeOnly: m[2] !== undefined,
    }),
  );
}

describe('architecture', () => {
  it('knows the layer of every folder of src', () => {
    expect(sources.map((s) => area(s.name)).filter((a) => a !== 'include' && !(a in LAYER))).toEqual([]);
  });

  it('imports only downward, and no independent neighbour', () => {
    const wrong: string[] = [];
    for (const { path, name, text } of sources) {
      const from = area(name);
      for (const { target } of imports(code(text))) {
        const to = area(relative(src, resolve(dirname(path), target)));
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

  it('has no two areas that import each other', () => {
    const edges = new Set<string>();
    for (const { path, name, text } of sources) {
      for (const { target, typeOnly } of imports(code(text))) {
        const to = area(relative(src, resolve(dirname(path), target)));
        if (to !== area(name) && !typeOnly) edges.add(`${area(name)} ${to}`);
      }
    }
    const mutual = [...edges].filter((e) => edges.has(e.split(' ').reverse().join(' ')));
    expect(mutual).toEqual([]);
  });

  for (const { what, pattern, allowed } of MAY_TOUCH) {
    it(`touches ${what} only where the table allows it`, () => {
      expect(sources.filter((s) => pattern.test(code(s.text)) && !allowed.test(s.name)).map((s) => s.name)).toEqual([]);
    });
  }

  it('has no file over 600 lines', () => {
    expect(
      sources.filter((s) => s.text.split('\n').length > 601).map((s) => `${s.name}: ${s.text.split('\n').length}`),
    ).toEqual([]);
  });

  it("names a dialect only in its adapter, its macros, the registry and the profile's default", () => {
    const allowed = new RegExp(
      String.raw`^(adapters/(postgres|clickhouse)/|adapters/index\.ts|loader/create-sink|include/` +
        String.raw`|project/(profile|embedded|default)|cli/(db|init))`,
    );
    expect(
      sources
        .filter((s) => /['"`](postgres|clickhouse)['"`]/.test(code(s.text)) && !allowed.test(s.name))
        .map((s) => s.name),
    ).toEqual([]);
  });

  it('starts every file with what it does', () => {
    expect(sources.filter((s) => !s.text.startsWith('// ')).map((s) => s.name)).toEqual([]);
  });

  it('names only paths that exist in ARCHITECTURE.md, in at most 300 lines', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const paths = [
      ...text.matchAll(/`((?:src|tests|scripts|bench|bin|models|seeds|macros|snapshots|\.ci)\/[\w./-]*)`/g),
    ].map((m) => m[1]!);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((p) => !existsSync(join(root, p)))).toEqual([]);
    expect(text.split('\n').length).toBeLessThanOrEqual(301);
  });
});
