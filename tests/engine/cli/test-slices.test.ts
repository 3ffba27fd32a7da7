// Tests data tests that check only the newest rows, and all rows at intervals.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

let project: FaultProject;
const schema = (settings: string): string => `
models:
  - name: t
    config: {event_time: at, meta: {tsdbt: {test_slice: ${settings}}}}
    columns:
      - name: id
        data_tests: [{not_null: {config: {where: "kind = 'a'"}}}]
`;

beforeAll(async () => {
  project = await FaultProject.open({
    'models/t.sql':
      "{{ config(materialized='incremental') }} select 1 as id, 'a' as kind, now() - interval '3 days' as at " +
      '{% if is_incremental() %} where false {% endif %}',
    'models/t.yml': schema('{overlap: 2h, full_every: 1d}'),
  });
});
afterAll(async () => {
  await project.close();
});

const compiled = (): string => {
  const folder = join(project.dir, 'target/compiled/faults/models/t.yml');
  return readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8');
};

async function build(code = 0): Promise<string> {
  const ended = await project.run(['build']);
  expect(ended.code, ended.out).toBe(code);
  return compiled();
}

it('sliced tests check everything first, and then rows since the last pass', async () => {
  expect(await build()).toContain("where kind = 'a')");
  expect(await build()).toMatch(/where \(kind = 'a'\) and at >= '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00'\)/);
  const manifest = JSON.parse(readFileSync(join(project.dir, 'target/manifest.json'), 'utf8')) as {
    nodes: Record<string, { resource_type: string; config: { where: string } }>;
  };
  expect(Object.values(manifest.nodes).find((n) => n.resource_type === 'test')!.config.where).toBe("kind = 'a'");
});

it('sliced tests do not see an old row until a full check is due, and do not forget a failure', async () => {
  await project.client.query("insert into s.t values (null, 'a', now() - interval '2 days')");
  await build();
  await project.client.query("insert into s.t values (null, 'a', now())");
  await build(1);
  await project.client.query("delete from s.t where id is null and at > now() - interval '1 day'");
  expect(await build(1)).toContain("where kind = 'a')");
  await project.client.query('delete from s.t where id is null');
  expect(await build()).toContain("where kind = 'a')");
  expect(await build()).toContain('at >=');
});

it('sliced tests check everything after a change, and always with full_every: 0m', async () => {
  project.write({ 'models/t.yml': schema('{overlap: 2h, full_every: 0m}') });
  for (let i = 0; i < 2; i++) expect(await build()).not.toContain('at >=');
});

it.each([
  ['{overlap: soon}', `must be a duration such as 30s, 5m or 1h30m, found "soon"`],
  ['{every: 1d}', "unknown key 'meta.tsdbt.test_slice.every'"],
])('sliced tests report what is wrong with %s', async (settings, words) => {
  project.write({ 'models/t.yml': schema(settings) });
  const { code, out } = await project.run(['test']);
  expect([code, out]).toEqual([2, expect.stringContaining(words)]);
});
