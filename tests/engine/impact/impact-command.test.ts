// The command `impact` on a project: readers of all kinds, formats, exit codes, and states of another target.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { shopFiles, writeFiles } from '../strict/planted-project.ts';
import { type Ended, run } from '../support/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-impact-command-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
const { 'dbt_project.yml': PROJECT = '', 'profiles.yml': PROFILE = '' } = shopFiles('postgres');
const FILES: Readonly<Record<string, string>> = {
  'dbt_project.yml': `${PROJECT}vars: {least: 0}\n`,
  'profiles.yml': PROFILE.replace(/( +)t: .*\n/, (line) => line + line.replace('t:', 'prod:').replace('dev', 'prod')),
  'connections.yml': 'connections: {app: {type: postgres, host: h, user: u, password: p, dbname: d, schema: s}}\n',
  'seeds/rates.csv': 'code,rate\neur,1\n',
  'models/raw.yml':
    'sources: [{name: raw, tables: [{name: payments, columns: [{name: id, data_type: integer}, ' +
    '{name: amount, data_type: integer}, {name: note, data_type: text}]}]}]\n',
  'models/paid.sql':
    "{{ config(materialized='ephemeral') }} select id, amount, note from {{ source('raw', 'payments') }} p",
  'models/orders.sql': "select id, amount * 2 as total, note from {{ ref('paid') }} where amount > {{ var('least') }}",
  'models/daily.sql': "select id, total from {{ ref('orders') }}",
  'models/notes.sql': "select id, note from {{ ref('orders') }}",
  'models/all_orders.sql': "select * from {{ ref('orders') }}",
  'models/later.sql':
    "{{ config(materialized='incremental') }} select id, total from {{ ref('orders') }}" +
    '{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}',
  'models/rated.sql': "select code from {{ ref('rates') }}",
  'models/models.yml':
    'models:\n  - name: orders\n    columns:\n      - {name: total, data_tests: [not_null]}\n' +
    '      - {name: note, data_tests: [not_null]}\n  - name: daily\n' +
    '    config: {meta: {tsdbt: {publish: [{to: app, table: daily, columns: [id]}]}}}\n' +
    'exposures: [{name: board, type: dashboard, owner: {name: o}, depends_on: [ref("daily")]}]\n',
};

const OF_SHOP = /^(\w+)\.shop\.([\w.]+?)(?:\.[0-9a-f]{10})?$/;
const OPTIONS = ['--profiles-dir', '.'];
let projects = 0;

/** A project with changed files, and the state before in `state/`. */
async function project(changes: Readonly<Record<string, string>>, target = 't'): Promise<string> {
  const folder = join(dir, String(projects++));
  mkdirSync(join(folder, 'state'), { recursive: true });
  writeFiles(folder, FILES);
  const compile = ['compile', '--no-introspect', '--no-populate-cache', '--exclude', 'later', '--target', target];
  const { code, out } = await run([...compile, ...OPTIONS], { cwd: folder, env: ENV });
  expect(code, out).toBe(0);
  const manifest = JSON.parse(readFileSync(join(folder, 'target/manifest.json'), 'utf8'));
  const { 'model.shop.later': later, 'model.shop.orders': orders } = manifest.nodes;
  const [self, parent] = [later.relation_name, orders.relation_name];
  later.compiled_code = ` select id, total from ${parent} where id > (select max(id) from ${self})`;
  writeFileSync(join(folder, 'state/manifest.json'), JSON.stringify(manifest));
  writeFiles(folder, changes);
  return folder;
}

function impact(folder: string, ...args: string[]): Promise<Ended> {
  return run(['impact', '--state', 'state', ...OPTIONS, ...args], { cwd: folder, env: ENV });
}

interface Change {
  readonly column: string | null;
  readonly change: string;
  readonly class: string;
  readonly readers: readonly { readonly node: string; readonly class: string }[];
}

/** `node column change class`, then the readers with their classes. */
async function changesIn(folder: string, code: number): Promise<string[]> {
  const ended = await impact(folder, '--output', 'json');
  expect(ended.code, ended.out).toBe(code);
  return ended.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .flatMap(({ node, status, changes }) =>
      status === 'changed'
        ? changes.map(({ column, change, class: found, readers }: Change) => {
            const named = readers.map((reader) => `${reader.node.replace(OF_SHOP, '$1.$2')} ${reader.class}`);
            return `${node.replace('shop.', '')} ${column} ${change} ${found}: ${named.sort().join(', ')}`;
          })
        : [`${node.replace('shop.', '')} ${status}`],
    );
}

describe('impact', () => {
  it('reports nothing for the same project, also if the state is of another target', async () => {
    expect(await changesIn(await project({}), 0)).toEqual([]);
    expect(await changesIn(await project({}, 'prod'), 0)).toEqual([]);
  });

  it('lists the readers of a changed column, of all kinds and through others', async () => {
    const orders = FILES['models/orders.sql']?.replace('* 2', '* 3') ?? '';
    expect(await changesIn(await project({ 'models/orders.sql': orders }, 'prod'), 1)).toEqual([
      'model.orders total values breaking: exposure.board breaking, model.all_orders breaking, model.daily breaking, ' +
        'model.later breaking, test.not_null_orders_total breaking',
    ]);
  });

  it('distinguishes additive from invisible changes', async () => {
    const orders = FILES['models/orders.sql']?.replace('note from', 'note, amount from') ?? '';
    expect(await changesIn(await project({ 'models/orders.sql': orders }), 0)).toEqual([
      'model.orders amount added additive: model.all_orders additive',
    ]);
    const daily = "select total, id from {{ ref('orders') }}";
    expect(await changesIn(await project({ 'models/daily.sql': daily }), 0)).toEqual([
      'model.daily id order invisible: exposure.board invisible, publication.daily.app_daily invisible',
      'model.daily total order invisible: exposure.board invisible',
    ]);
  });

  it('attributes a change of an ephemeral model to it', async () => {
    const paid = FILES['models/paid.sql']?.replace('note from', "note || '!' as note from") ?? '';
    expect(await changesIn(await project({ 'models/paid.sql': paid }), 1)).toEqual([
      'model.paid note values breaking: model.all_orders breaking, model.notes breaking, model.orders breaking, ' +
        'test.not_null_orders_note breaking',
    ]);
  });

  it('reads a publication by the columns that it lists', async () => {
    const daily = "select id, total + 1 as total from {{ ref('orders') }}";
    expect(await changesIn(await project({ 'models/daily.sql': daily }), 1)).toEqual([
      'model.daily total values breaking: exposure.board breaking',
    ]);
    const other = "select id + 1 as id, total from {{ ref('orders') }}";
    expect(await changesIn(await project({ 'models/daily.sql': other }), 1)).toEqual([
      'model.daily id values breaking: exposure.board breaking, publication.daily.app_daily breaking',
    ]);
  });

  it('compares incremental models by both branches', async () => {
    const later = FILES['models/later.sql'] ?? '';
    const added = later.replace('id, total', 'id, total, total + 1 as more');
    expect(await changesIn(await project({ 'models/later.sql': added }), 0)).toEqual([
      'model.later more added additive: ',
    ]);
    const filtered = later.replace('id > (', 'id >= (');
    expect(await changesIn(await project({ 'models/later.sql': filtered }), 0)).toEqual([
      'model.later null rows invisible: ',
    ]);
  });

  it('finds changes of variables, seeds, sources and configs', async () => {
    const vars = FILES['dbt_project.yml']?.replace('least: 0', 'least: 5') ?? '';
    const [first = ''] = await changesIn(await project({ 'dbt_project.yml': vars }), 1);
    expect(first).toMatch(/^model\.orders null rows breaking: exposure\.board breaking, model\.all_orders breaking, /);
    expect(await changesIn(await project({ 'seeds/rates.csv': 'code,rate\nusd,1\n' }), 1)).toEqual([
      'seed.rates null rows breaking: model.rated breaking',
    ]);
    const raw = FILES['models/raw.yml']?.replace('note, data_type: text', 'note, data_type: integer') ?? '';
    expect((await changesIn(await project({ 'models/raw.yml': raw }), 1)).join('\n')).toContain(
      'source.raw.payments note type breaking: ',
    );
    const daily = `{{ config(post_hook='delete from {{ this }}') }} ${FILES['models/daily.sql']}`;
    expect(await changesIn(await project({ 'models/daily.sql': daily }), 1)).toEqual([
      'model.daily null rows breaking: exposure.board breaking, publication.daily.app_daily breaking',
    ]);
    const table = `{{ config(materialized='table', tags=['x']) }} ${FILES['models/daily.sql']}`;
    expect(await changesIn(await project({ 'models/daily.sql': table }), 0)).toEqual([]);
  });

  it('reports new and removed models', async () => {
    const folder = await project({ 'models/fresh.sql': 'select 1 as one' });
    rmSync(join(folder, 'models/rated.sql'));
    expect(await changesIn(folder, 0)).toEqual(['model.fresh new', 'model.rated removed']);
  });

  it('prints text, Markdown and annotations', async () => {
    const folder = await project({ 'models/daily.sql': "select id, total::bigint as total from {{ ref('orders') }}" });
    const { stdout } = await impact(folder);
    expect(stdout).toMatch(
      /model\.shop\.daily\n {2}total {2}type changed: integer to bigint {2}breaking {2}exposure\./,
    );
    expect(stdout).toContain(
      '1 changed, 0 new, 0 removed. Readers of what changed: 1 breaking, 0 additive, 1 invisible',
    );
    expect((await impact(folder, '--output', 'markdown')).stdout).toContain(
      '| `model.shop.daily` | `total` | type changed: integer to bigint | breaking | `exposure.shop.board` |',
    );
    expect((await impact(folder, '--output', 'github')).stdout).toContain(
      '::error file=models/daily.sql,title=model.shop.daily breaking::total: type changed: integer to bigint, ' +
        'read by ' +
        'exposure.shop.board\n',
    );
  });

  it('exits with 2 without a state, or if the state has no compiled SQL', async () => {
    const folder = await project({});
    const without = await run(['impact', ...OPTIONS], { cwd: folder, env: ENV });
    expect(without.code).toBe(2);
    expect(without.out).toContain('Missing option --state');
    const manifest = JSON.parse(readFileSync(join(folder, 'state/manifest.json'), 'utf8'));
    manifest.nodes['model.shop.daily'].compiled_code = null;
    writeFileSync(join(folder, 'state/manifest.json'), JSON.stringify(manifest));
    const { code, out } = await impact(folder);
    expect(code).toBe(2);
    expect(out).toContain('The manifest.json in state has no compiled SQL of model.shop.daily.');
    expect(out).toContain('tsdbt compile');
  });
});
