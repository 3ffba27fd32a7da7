// Column lineage of SQL from a cloned project or package: a few words cannot make its analysis endless.
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { run, start } from '../support/program.ts';

/** Each query reads the one before twice. @param list what it selects of `x` and `y` */
const doubled = (list: string, queries: number): string =>
  `with c0 as (select 1 as a, 2 as b)${Array.from(
    { length: queries },
    (_, i) => `,\nc${i + 1} as (select ${list} from c${i} x cross join c${i} y)`,
  ).join('')}\nselect * from c${queries}`;

const MODELS = {
  named: doubled('x.*, y.*', 29),
  unnamed: doubled('*', 29),
  repeated: `with c as (select 1 as a)\nselect ${Array.from({ length: 20_000 }, () => 'c.*').join(', ')} from c`,
  // The scanner reads the rest of the text once per opened comment.
  comments: `select 1 as a /*${'/*'.repeat(100_000)}`,
  deep: `select ${'1 + '.repeat(50_000)}1 as a`,
  pattern: `select columns('(a+)+$') from (select 1 as ${'a'.repeat(40)}b)`,
};
const root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-lineage-'));

beforeAll(() => {
  mkdirSync(join(root, 'models'));
  writeFileSync(join(root, 'dbt_project.yml'), 'name: o\nprofile: o\n');
  const login = 'host: db.invalid, port: 1, user: u, password: p, schema: s, dbname: d';
  writeFileSync(
    join(root, 'profiles.yml'),
    `o: {target: p, outputs: {postgres: {type: postgres, ${login}}, clickhouse: {type: clickhouse, ${login}}}}\n`,
  );
  for (const [name, sql] of Object.entries(MODELS)) writeFileSync(join(root, `models/${name}.sql`), sql);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const lineageOf = async (target: string, model: string): Promise<string> => {
  const { code, out } = await run(['lineage', model, '--target', target], { cwd: root });
  expect(code, out).toBe(0);
  return out;
};

describe('the lineage of a hostile query', { timeout: 120_000 }, () => {
  it.each(['named', 'unnamed', 'repeated'] as const)('on Postgres ends: %s columns', async (model) => {
    expect(await lineageOf('postgres', model)).toContain('a query has more than 10000 columns');
  });

  it('on Postgres ends: comments and expressions', async () => {
    expect(await lineageOf('postgres', 'comments')).toContain('its analysis takes longer than 5 s');
    expect(await lineageOf('postgres', 'deep')).toContain('the SQL is nested too deeply');
  });

  it.skipIf(clickhouseMissing !== null).each([
    ['named', /a query has more than 10000 columns/],
    ['unnamed', /a query has more than 10000 columns/],
    ['repeated', /a query has more than 10000 columns/],
    ['pattern', /its analysis takes longer than 5 s/],
  ] as const)('on ClickHouse ends: %s columns', async (model, reason) => {
    expect(await lineageOf('clickhouse', model)).toMatch(reason);
  });

  it.skipIf(clickhouseMissing !== null)('leaves no temporary folder if a signal ends it', async () => {
    const temporary = join(root, 'temporary');
    mkdirSync(temporary);
    const left = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('tsdbt-parser-'));
    const place = { cwd: root, env: { ...process.env, TMPDIR: temporary } };
    const { child, ended } = start(['lineage', 'pattern', '--target', 'clickhouse'], place);
    while (left().length === 0 && child.exitCode === null) await pause(20);
    child.kill('SIGTERM');
    await ended;
    expect(left()).toEqual([]);
  });
});
