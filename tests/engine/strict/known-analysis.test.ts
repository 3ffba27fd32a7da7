// What --strict and lineage keep for the next command: used again only while everything that decides it is the same.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';
import { type Dialect, shopFiles, writeFiles } from './planted-project.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-known-analysis-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
const BOTH: readonly Dialect[] = ['postgres', 'clickhouse'];

for (const dialect of BOTH) {
  describe.skipIf(dialect === 'clickhouse' && clickhouseMissing !== null)(`analysis of ${dialect} that is kept`, () => {
    const folder = join(dir, dialect);
    const file = join(folder, 'target', 'node_analysis.json');
    const command = (...args: string[]): Promise<Ended> =>
      run([...args, '--profiles-dir', '.'], { cwd: folder, env: ENV });
    /** Mistakes as node and message, and the number of nodes that were examined. */
    const strict = async (...args: string[]): Promise<{ mistakes: string[]; examined: number }> => {
      const { stdout } = await command('--debug', 'compile', '--strict', '--output', 'json', ...args);
      const records = stdout.split('\n').flatMap((line) => /\{"node":.*\}$/.exec(line)?.[0] ?? []);
      const mistakes = records
        .map((record) => JSON.parse(record))
        .filter(({ status }) => status === 'mistake')
        .map(({ node, path, line, message }) => `${node} ${path}:${line} ${message.split('\n')[0]}`);
      return { mistakes, examined: Number(/(\d+) nodes compiled for the local engine/.exec(stdout)?.[1]) };
    };
    const SOUND = { mistakes: [], examined: 0 };
    const names = ['reads', 'cents', 'star', 'first_day'];

    beforeAll(async () => {
      writeFiles(folder, {
        ...shopFiles(dialect),
        'models/reads.sql': "select id, status from {{ ref('orders') }}",
        'models/cents.sql': "select {{ cents('amount') }} as cents from {{ ref('payments') }}",
        'models/star.sql': "select * from {{ ref('reads') }}",
        'models/first_day.sql': "select {{ var('first', 'rate') }} as x from {{ ref('rates') }}",
        'models/m.yml': 'models: [{name: reads, columns: [{name: status, data_tests: [not_null]}]}]',
      });
      const first = await strict();
      expect(first.mistakes).toEqual([]);
      expect(first.examined).toBeGreaterThan(names.length);
    });

    it('is used again if nothing has changed', async () => {
      expect(await strict()).toEqual(SOUND);
    });

    it('is renewed for a changed model only, if its columns are the same', async () => {
      writeFiles(folder, { 'models/reads.sql': "select id, status from {{ ref('orders') }} where id > 0" });
      expect(await strict()).toEqual({ mistakes: [], examined: 1 });
      expect(await strict()).toEqual(SOUND);
    });

    it('is not used for readers of a column that was removed, and again when it is back', async () => {
      writeFiles(folder, { 'models/reads.sql': "select id from {{ ref('orders') }}" });
      const { mistakes, examined } = await strict();
      expect(mistakes).toHaveLength(2);
      expect(mistakes.join()).toContain('column "status" is declared, but the model does not output it');
      // The model, its reader, and its test.
      expect(examined).toBe(3);
      expect((await strict()).mistakes).toEqual(mistakes);
      writeFiles(folder, { 'models/reads.sql': "select id, status from {{ ref('orders') }} where id > 0" });
      expect((await strict()).mistakes).toEqual([]);
      expect(await strict()).toEqual(SOUND);
    });

    it('is not used if a macro, a variable, a seed or the catalog has changed', async () => {
      const change = async (path: string, to: (text: string) => string, of: string): Promise<void> => {
        const text = readFileSync(join(folder, path), 'utf8');
        writeFiles(folder, { [path]: to(text) });
        expect((await strict()).mistakes.join()).toContain(of);
        writeFiles(folder, { [path]: text });
        expect((await strict()).mistakes).toEqual([]);
      };
      await change('macros/m.sql', (text) => text.replace('* 100', '* nope'), 'model.shop.cents macros/m.sql:2');
      await change('seeds/rates.csv', (text) => text.replace('rate', 'rat'), 'model.shop.first_day');
      await change('target/catalog.json', (text) => text.replaceAll('paid_at', 'paid_on'), 'model.shop.payments');
      expect((await strict('--vars', '{first: nope}')).mistakes.join()).toContain('model.shop.first_day');
      expect((await strict()).mistakes).toEqual([]);
    });

    it('is not believed if it was modified or comes from another project', async () => {
      await strict();
      const text = readFileSync(file, 'utf8');
      // Without the signature, the reader would be valid.
      const forged = text.replace(/(check model\.shop\.reads\t.*?)\["id",/, '$1["nope","text"],["id",');
      expect(forged).not.toBe(text);
      writeFileSync(file, forged);
      writeFiles(folder, { 'models/star.sql': "select nope from {{ ref('reads') }}" });
      expect((await strict()).mistakes.join()).toContain('model.shop.star models/star.sql:1');
      writeFileSync(file, `${'0'.repeat(64)}${text.slice(64)}`);
      expect((await strict()).examined).toBeGreaterThan(names.length);
      writeFiles(folder, { 'models/star.sql': "select * from {{ ref('reads') }}" });
      await strict();
    });

    it('is not kept if it contains a secret', async () => {
      const secret = { ...ENV, DBT_ENV_SECRET_WORD: 'hidden-word' };
      writeFiles(folder, { 'models/told.sql': "select 'hidden-word' as word" });
      await run(['lineage', 'told', '--profiles-dir', '.'], { cwd: folder, env: secret });
      expect(() => readFileSync(file)).toThrow('ENOENT');
      rmSync(join(folder, 'models/told.sql'));
    });

    it('has the lineage of readers follow the columns of a parent', async () => {
      const sources = async (): Promise<string[]> =>
        (await command('lineage', 'star', '--output', 'json')).stdout
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line).column);
      expect(await sources()).toEqual(['id', 'status']);
      expect(await sources()).toEqual(['id', 'status']);
      writeFiles(folder, { 'models/reads.sql': "select id, status, amount from {{ ref('orders') }}" });
      expect(await sources()).toEqual(['id', 'status', 'amount']);
    });
  });
}
