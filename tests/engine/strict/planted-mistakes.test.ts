// --strict finds planted mistakes at their lines, and reports none in valid queries.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { run } from '../support/program.ts';
import { type Dialect, plantedQueries, shopFiles, writeFiles } from './planted-project.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-strict-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };

interface Reported {
  readonly node: string;
  readonly status: string;
  readonly path?: string;
  readonly line?: number;
}

async function strict(name: string, files: Readonly<Record<string, string>>): Promise<[number | null, Reported[]]> {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFiles(folder, files);
  const args = ['compile', '--strict', '--output', 'json', '--profiles-dir', '.'];
  const { code, stdout } = await run(args, { cwd: folder, env: ENV });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return [code, lines.map((line) => JSON.parse(line))];
}

/** Mistakes whose error is at another line: the engine continues to read there. */
const ELSEWHERE: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ['syntax_comma'],
  clickhouse: ['syntax_comma', 'syntax_case', 'window_without_over', 'tuple_element'],
};

for (const dialect of ['postgres', 'clickhouse'] as const) {
  const missing = dialect === 'clickhouse' && clickhouseMissing !== null;
  describe.skipIf(missing)(`compile --strict on ${dialect}`, () => {
    const planted = plantedQueries(dialect);
    const files = (kind: 'valid' | 'mistake'): Record<string, string> => ({
      ...shopFiles(dialect),
      ...Object.fromEntries(planted.map((query) => [`models/planted/${query.name}.sql`, query[kind]])),
    });

    it('reports nothing about valid queries, and checks all of them', async () => {
      expect(planted.length).toBeGreaterThan(98);
      expect(await strict(`${dialect}-valid`, files('valid'))).toEqual([0, []]);
    });

    it('finds every planted mistake at its line', async () => {
      const [code, reported] = await strict(`${dialect}-mistakes`, files('mistake'));
      expect(code).toBe(1);
      const found = new Map(reported.map(({ node, path, line }) => [node, `${path}:${line}`]));
      const elsewhere = planted
        .filter(({ name, place }) => found.get(`model.shop.${name}`) !== place)
        .map(({ name }) => name);
      expect(reported.every(({ status }) => status === 'mistake')).toBe(true);
      expect([...found.keys()].sort()).toEqual(planted.map(({ name }) => `model.shop.${name}`).sort());
      expect(elsewhere).toEqual(ELSEWHERE[dialect]);
    });
  });
}
