// Shell completion: bash reads its script itself, zsh and fish only where they are installed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { nodeNames } from '../../../../src/cli/completion-nodes.ts';
import { completionScript } from '../../../../src/cli/completion.ts';
import { COMMANDS } from '../../../../src/project/command-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsdbt-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A stub of the program: its names show the folder. */
const STUB = `tsdbt() { printf '%s\\n' orders orders_daily "in_$3" source:raw.events source:raw.users | tr ' ' _; }`;

/** Returns what bash offers for the last word. Bash treats `=` and `:` as separate words. */
function offered(...words: string[]): string[] {
  const line = words.join(' ').replace(/ ([=:]) ?/g, '$1');
  const call =
    `${STUB}; COMP_LINE=${quoted(line)}; COMP_POINT=\${#COMP_LINE}; ` +
    `COMP_WORDS=(${words.map(quoted).join(' ')}); COMP_CWORD=${words.length - 1}; _tsdbt`;
  const done = spawnSync(
    'bash',
    ['-c', `${completionScript('bash') ?? ''}\n${call}; printf '%s\\n' "\${COMPREPLY[@]}"`],
    {
      encoding: 'utf8',
    },
  );
  expect(done.stderr).toBe('');
  return done.stdout.trim().split('\n');
}

const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

it.each<[string[], string[]]>([
  [['tsdbt', 'bu'], ['build']],
  [['tsdbt', '--debug', 'sna'], ['snapshot']],
  [
    ['tsdbt', 'docs', ''],
    ['generate', 'serve'],
  ],
  [
    ['tsdbt', 'docs', 'serve', '--po'],
    ['--port', '--populate-cache'],
  ],
  [['tsdbt', 'build', '--full'], ['--full-refresh']],
  [['tsdbt', 'build', '--no-par'], ['--no-partial-parse']],
  [
    ['tsdbt', 'db', 'sta'],
    ['start', 'status'],
  ],
  [
    ['tsdbt', 'ls', '--output', ''],
    ['json', 'name', 'path', 'selector'],
  ],
  [
    ['tsdbt', 'query', '-o', ''],
    ['table', 'json', 'csv'],
  ],
  [['tsdbt', 'ls', '--output', '=', 'na'], ['name']],
  [['tsdbt', 'build', '-f', '--full'], ['--full-refresh']],
  [['tsdbt', '--target', 'docs', 'bu'], ['build']],
  [['tsdbt', 'query', '--file', 'bu'], ['']],
  [
    ['tsdbt', 'build', '--select', 'ord'],
    ['orders', 'orders_daily'],
  ],
  [
    ['tsdbt', 'build', '-s', 'orders', '+ord'],
    ['+orders', '+orders_daily'],
  ],
  [
    ['tsdbt', 'build', '-s', 'orders', '--excl'],
    ['--exclude', '--exclude-resource-types'],
  ],
  [['tsdbt', 'run', '--exclude', 'source', ':', 'raw.e'], ['raw.events']],
  [['tsdbt', 'build', '--project-dir', '"my shop"', '--select', 'in_'], ['in_my_shop']],
  [['tsdbt', 'run', '--indirect-selection', 'b'], ['buildable']],
  [
    ['tsdbt', 'completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
])('bash completes %j', (words, expected) => {
  const found = offered(...words);
  expect(expected.filter((word) => !found.includes(word))).toEqual([]);
  if (words.at(-1) !== '' || words.at(-2)?.startsWith('-')) expect(found).toEqual(expected);
});

it.runIf(spawnSync('fish', ['-c', 'true']).error === undefined).each<[string, string[]]>([
  ['tsdbt build -f --full', ['--full-refresh']],
  ['tsdbt ls --output ', ['json', 'name', 'path', 'selector']],
  ['tsdbt jobs run --outp', ['--output']],
  ['tsdbt --target docs bu', ['build']],
  ['tsdbt build --select orders_', ['orders_daily']],
  ['tsdbt build --select +orders_', ['+orders_daily']],
  ['tsdbt build --project-dir "my shop" --select in_', ['in_my_shop']],
])('fish completes %j', (line, expected) => {
  const stub = 'function tsdbt; printf "%s\\n" orders orders_daily in_$argv[3] | string replace -a " " _; end';
  const done = spawnSync(
    'fish',
    ['--no-config', '-c', `${completionScript('fish') ?? ''}\n${stub}\ncomplete -C ${quoted(line)}`],
    { encoding: 'utf8' },
  );
  expect(done.stderr).toBe('');
  expect(
    done.stdout
      .trim()
      .split('\n')
      .map((each) => each.split('\t')[0]),
  ).toEqual(expected);
});

it('completion offers node names from the last graph or else the manifest, and none that a shell would execute', () => {
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  expect(nodeNames(folder, {})).toEqual([]);
  write('dbt_project.yml', 'name: shop\ntarget-path: out\n');
  expect(nodeNames(folder, {})).toEqual([]);
  write('out/manifest.json', '{"parent_map": {"model.shop.old": [], "test.shop.t.1": []}}');
  expect(nodeNames(folder, {})).toEqual(['old']);
  const ids = [
    'model.shop.b',
    'model.shop.a.v2',
    'source.shop.raw.events',
    'test.shop.t.1',
    'model.shop.$(id)',
    'seed.shop.a b',
  ];
  write('out/graph_summary.json', JSON.stringify({ linked: Object.fromEntries(ids.map((name, i) => [i, { name }])) }));
  write('models/x.sql', '');
  expect(nodeNames(join(folder, 'models'), {})).toEqual(['a.v2', 'b', 'source:raw.events']);
  expect(nodeNames(folder, { DBT_TARGET_PATH: 'elsewhere' })).toEqual([]);
  write('out/graph_summary.json', '{');
  expect(nodeNames(folder, {})).toEqual([]);
});

it.each(['zsh', 'fish'])('the %s completion script contains every command and every option', (shell) => {
  const script = completionScript(shell) ?? '';
  for (const { path, options } of COMMANDS) {
    expect(script).toContain(path.at(-1));
    for (const option of options.filter(({ hidden }) => hidden !== true)) {
      const long = option.names.find((name) => name.startsWith('--'));
      expect(script).toContain(shell === 'fish' ? ` -l ${long?.slice(2)} ` : `'${long}:`);
    }
  }
  if (spawnSync(shell, ['-c', 'true']).error !== undefined) return;
  expect(spawnSync(shell, ['-n', '-c', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

it('completion has no script for other shells', () => {
  expect(completionScript('csh')).toBeNull();
});
