// Selections by columns: `column:model.column+` and `state:modified.columns`.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';
import { shopFiles, writeFiles } from '../strict/planted-project.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-column-selection-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };

for (const dialect of ['postgres', 'clickhouse'] as const) {
  describe.skipIf(dialect === 'clickhouse' && clickhouseMissing !== null)(`selection by columns on ${dialect}`, () => {
    const folder = join(dir, dialect);
    const command = (...args: string[]): Promise<Ended> =>
      run([...args, '--profiles-dir', '.'], { cwd: folder, env: ENV });
    const listed = async (...args: string[]): Promise<string[]> => {
      const { stdout, code } = await command('--quiet', 'ls', '--output', 'name', ...args);
      expect(code).toBe(0);
      return stdout
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    };

    beforeAll(async () => {
      mkdirSync(folder);
      writeFiles(folder, {
        ...shopFiles(dialect),
        'models/open.sql': "select id, amount as total from {{ ref('orders') }} where status = 'open'",
        'models/ids.sql': "select id from {{ ref('orders') }}",
        'models/daily.sql': "select count(*) as day from {{ ref('orders') }}",
        'models/sums.sql': "select sum(total) as sum_of_total, count(1) as n from {{ ref('open') }}",
        'models/counts.sql': "select n from {{ ref('sums') }}",
        'models/exposed.yml':
          'exposures: [{name: board, type: dashboard, owner: {name: x, email: x@x.invalid}, ' +
          "depends_on: [ref('counts')]}]",
        'selectors.yml':
          'selectors:\n  - name: of_amount\n    definition: {method: column, value: orders.amount, children: true}\n',
      });
      const { code, out } = await command('compile', '--no-introspect', '--no-populate-cache');
      expect(code, out).toBe(0);
      cpSync(join(folder, 'target'), join(folder, 'state'), { recursive: true });
    });

    it('takes a node for its column, and the readers of values for the operator after it', async () => {
      expect(await listed('--select', 'column:orders.amount')).toEqual(['orders']);
      expect(await listed('--select', 'column:orders.amount+')).toEqual(['open', 'orders', 'orders_history', 'sums']);
      expect(await listed('--select', 'column:orders.amount+1')).toEqual(['open', 'orders', 'orders_history']);
    });

    it('counts all columns of a node whose rows a column decides, and exposures', async () => {
      expect(await listed('--select', 'column:orders.status+')).toEqual(
        ['board', 'counts', 'open', 'orders', 'orders_history', 'sums'].sort(),
      );
    });

    it('goes up to the origins of a column', async () => {
      expect(await listed('--select', '1+column:sums.sum_of_total')).toEqual(['open', 'sums']);
      expect(await listed('--select', '+column:ids.id')).toEqual(['ids', 'orders', 'raw.orders']);
    });

    it('takes columns of sources, all columns of a node, and criteria in selectors.yml', async () => {
      const all = await listed('--select', 'column:raw.orders.amount+');
      expect(all).toEqual(['open', 'orders', 'orders_history', 'raw.orders', 'sums']);
      expect(await listed('--select', 'column:open+1')).toEqual(['open', 'sums']);
      expect(await listed('--selector', 'of_amount')).toEqual(['open', 'orders', 'orders_history', 'sums']);
      expect(await listed('--select', 'orders+1', '--exclude', 'column:orders.amount+')).not.toContain('open');
    });

    it('rejects a node or column that does not exist', async () => {
      for (const [criterion, message] of [
        ['column:orders.amont+', "model.shop.orders has no column 'amont'"],
        ['column:ordrs.amount+', "'ordrs.amount' is not a model, snapshot, seed or source"],
      ] as const) {
        const { out, code } = await command('ls', '--select', criterion);
        expect(out).toContain(message);
        expect(code).toBe(2);
      }
    });

    it('takes the models whose output columns differ from the state, and the readers of these columns', async () => {
      writeFiles(folder, {
        'models/open.sql': "select id, amount * 2 as total from {{ ref('orders') }} where status = 'open'",
        'models/ids.sql': "select id from {{ ref('orders') }} where id > 5",
        'models/added.sql': 'select 1 as one',
      });
      const state = ['--state', 'state'];
      expect(await listed('--select', 'state:modified.columns', ...state)).toEqual(['added', 'open']);
      expect(await listed('--select', 'state:modified.columns+', ...state)).toEqual(['added', 'open', 'sums']);
      const { out } = await command('ls', '--select', 'state:modified.columns');
      expect(out).toContain('--state');
    });
  });
}
