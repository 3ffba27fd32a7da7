// The command `lineage` on a project: formats, directions, and what it says if it cannot answer.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-lineage-'));
afterAll(() => rmSync(dir, { recursive: true }));

const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
const FILES = {
  'dbt_project.yml': 'name: shop\nversion: "1.0"\nprofile: shop\n',
  'profiles.yml':
    'shop:\n  target: pg\n  outputs:\n' +
    '    pg: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: d, schema: s, threads: 1}\n' +
    '    ch: {type: clickhouse, host: 127.0.0.1, port: 1, user: u, password: p, schema: s, threads: 1}\n',
  'models/sources.yml':
    'sources:\n  - name: raw\n    tables:\n      - name: payments\n' +
    '        columns: [{name: id}, {name: order_id}, {name: amount}]\n',
  'models/paid.sql':
    "{{ config(materialized='ephemeral') }} select order_id, amount::numeric as amount " +
    "from {{ source('raw', 'payments') }}",
  'models/orders.sql': 'select order_id as id, sum(amount) as total from {{ ref("paid") }} where amount > 0 group by 1',
  'models/later.sql':
    "{{ config(materialized='incremental') }} select id, total from {{ ref('orders') }}" +
    '{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}',
  'models/broken.sql': 'select id,\nfrom from {{ ref("orders") }}',
  'models/after_broken.sql': 'select id, b.k from {{ ref("broken") }} b',
  'models/fresh.sql':
    "{{ config(materialized='incremental') }} select id from {{ new_rows(source('raw', 'payments')) }} as fresh",
  'models/asking.sql': "select {% if run_query('select 1') %}1{% endif %} as id",
  'seeds/rates.csv': 'currency,rate\neur,1\n',
};
for (const [path, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

function lineage(...args: string[]): Promise<Ended> {
  return run(['lineage', ...args, '--profiles-dir', '.'], { cwd: dir, env: ENV });
}
async function records(...args: string[]): Promise<unknown[]> {
  const { code, stdout } = await lineage(...args, '--output', 'json');
  expect(code).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

describe('lineage', () => {
  it('prints the columns of a model with their direct sources', async () => {
    const { code, stdout } = await lineage('orders');
    expect(code).toBe(0);
    expect(stdout).toContain('model.shop.orders\n');
    expect(stdout).toMatch(
      / {2}id +renamed +model\.shop\.paid\.order_id\n {2}total +aggregate +model\.shop\.paid\.amount\n/,
    );
    expect(stdout).toContain('  rows: filter by model.shop.paid.amount\n  rows: group by model.shop.paid.order_id\n');
  });

  it('prints JSON up to the sources', async () => {
    const uses = [
      { node: 'model.shop.paid', column: 'amount', role: 'filter' },
      { node: 'model.shop.paid', column: 'order_id', role: 'group' },
    ];
    const payments = 'source.shop.raw.payments';
    expect(await records('orders.total', '--up')).toEqual([
      {
        node: 'model.shop.orders',
        column: 'total',
        status: 'known',
        sources: [{ node: 'model.shop.paid', column: 'amount', kind: 'aggregate' }],
        uses,
      },
      {
        node: 'model.shop.paid',
        column: 'amount',
        status: 'known',
        sources: [{ node: payments, column: 'amount', kind: 'cast' }],
        uses: [],
      },
      { node: payments, column: 'amount', status: 'known', sources: [], uses: [] },
    ]);
  });

  it('prints what comes from a column, through ephemeral and incremental models', async () => {
    const down = await records('raw.payments.amount', '--down');
    expect(down.map((each) => `${Reflect.get(Object(each), 'node')}.${Reflect.get(Object(each), 'column')}`)).toEqual([
      'source.shop.raw.payments.amount',
      'model.shop.paid.amount',
      'model.shop.orders.total',
      'model.shop.later.total',
    ]);
    expect(await records('later.id')).toEqual([
      {
        node: 'model.shop.later',
        column: 'id',
        status: 'known',
        sources: [{ node: 'model.shop.orders', column: 'id', kind: 'identical' }],
        uses: [
          { node: 'model.shop.orders', column: 'id', role: 'filter' },
          { node: 'model.shop.later', column: 'id', role: 'filter' },
        ],
      },
    ]);
  });

  it('prints Mermaid', async () => {
    const { stdout } = await lineage('orders.id', '--output', 'mermaid');
    expect(stdout).toContain(
      'flowchart LR\n  c0["model.shop.orders.id"]\n  c1["model.shop.paid.order_id"]\n  c1 -->|renamed| c0\n',
    );
  });

  it('knows the columns of seeds', async () => {
    expect(await records('rates')).toMatchObject([{ column: 'currency' }, { column: 'rate' }]);
  });

  it('is part of the docs if requested', async () => {
    const generate = (...args: string[]): Promise<Ended> =>
      run(['docs', 'generate', '--profiles-dir', '.', '--empty-catalog', '--no-compile', ...args], {
        cwd: dir,
        env: ENV,
      });
    const file = join(dir, 'target/column_lineage.json');
    expect((await generate('--column-lineage')).code).toBe(0);
    const { nodes } = JSON.parse(readFileSync(file, 'utf8')) as { nodes: Record<string, unknown> };
    expect(nodes['model.shop.orders']).toMatchObject({
      columns: [
        { column: 'id', sources: [{ node: 'model.shop.paid', column: 'order_id', kind: 'renamed' }] },
        { column: 'total', sources: [{ node: 'model.shop.paid', column: 'amount', kind: 'aggregate' }] },
      ],
    });
    expect(readFileSync(join(dir, 'target/index.html'), 'utf8')).toContain('"order_id","renamed"');
    expect((await generate()).code).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('says where SQL cannot be parsed, and goes on with its readers', async () => {
    expect(await records('broken')).toMatchObject([
      { column: '*', status: 'unknown', reason: expect.stringMatching(/cannot be parsed: .*, line 2, column \d+$/) },
    ]);
    expect(await records('fresh.id')).toMatchObject([
      { status: 'known', sources: [{ node: 'source.shop.raw.payments', column: 'id', kind: 'identical' }] },
    ]);
    expect(await records('asking')).toMatchObject([
      { column: '*', status: 'unknown', reason: 'its template queries the database' },
    ]);
    expect(await records('after_broken.k')).toMatchObject([
      { status: 'known', sources: [{ node: 'model.shop.broken', column: 'k', kind: 'identical' }] },
    ]);
    expect((await lineage('broken')).out).toContain('1 of 1 columns are not fully known');
  });

  it.each([
    [['order'], "Error: 'order' is not a model, snapshot, seed or source of the project.\n  Did you mean orders?"],
    [['orders.totl'], "Error: model.shop.orders has no column 'totl'.\n  Did you mean total?"],
    [[], 'Error: Missing argument: MODEL or MODEL.COLUMN.'],
    [['orders', '--up', '--down'], 'Error: --up and --down cannot be used together.'],
  ])('of %j is a usage error', async (args, message) => {
    const { code, out } = await lineage(...args);
    expect(code).toBe(2);
    expect(out).toContain(message);
  });

  it.skipIf(clickhouseMissing !== null)(
    'analyzes ClickHouse with the embedded engine, and leaves no folder',
    async () => {
      const temporary = mkdtempSync(join(dir, 'tmp-'));
      const args = ['lineage', 'orders', '--profiles-dir', '.', '--target', 'ch'];
      const { code, stdout } = await run(args, { cwd: dir, env: { ...ENV, TMPDIR: temporary } });
      expect(code).toBe(0);
      expect(stdout).toMatch(/ {2}total +aggregate +model\.shop\.paid\.amount\n/);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it('says which parser to install', async () => {
    // A copy of the program outside of the folder that has the packages.
    const program = join(dir, 'program');
    const root = join(import.meta.dirname, '../../..');
    for (const path of ['dist', 'bin', 'package.json', 'src/include'])
      cpSync(join(root, path), join(program, path), { recursive: true });
    const ended = (target: string): SpawnSyncReturns<string> =>
      spawnSync(
        process.execPath,
        [join(program, 'bin/tsdbt.js'), 'lineage', 'orders', '--profiles-dir', '.', '--target', target],
        { cwd: dir, env: ENV, encoding: 'utf8' },
      );
    for (const [target, name] of [
      ['pg', 'libpg-query'],
      ['ch', 'chdb'],
    ] as const) {
      const { stdout, stderr, status } = ended(target);
      expect(stdout + stderr).toContain(`This command needs the package ${name}, which is not installed.`);
      expect(stdout + stderr).toContain(`npm install ${name}`);
      expect(status).not.toBe(0);
    }
  });
});
