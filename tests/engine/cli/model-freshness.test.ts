// Tests that `source freshness` also checks models with a freshness, while sources.json contains only sources.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

let project: FaultProject;
const terms = (settings: string): string =>
  `models: [{name: a, config: {event_time: at, meta: {tsdbt: {freshness: ${settings}}}}}, {name: b}]\n`;
const read = (
  file: string,
): { results: { unique_id: string; status: string; max_loaded_at_time_ago_in_s: number; criteria: unknown }[] } =>
  JSON.parse(readFileSync(join(project.dir, 'target', file), 'utf8')) as never;

beforeAll(async () => {
  project = await FaultProject.open({
    'models/a.sql': "select now() - interval '30 minutes' as at, 'x' as kind",
    'models/b.sql': 'select 1 as id',
    'models/a.yml': terms('{warn_after: {count: 10, period: minute}, error_after: {count: 1, period: hour}}'),
  });
  expect((await project.run(['run'])).code).toBe(0);
});
afterAll(async () => {
  await project.close();
});

it('source freshness warns about a late model and succeeds', async () => {
  const { code, out } = await project.run(['source', 'freshness']);
  expect(code, out).toBe(0);
  expect(out).toMatch(/1 of 1 WARN freshness of s\.a \.+ \[WARN in/);
  expect(read('freshness.json').results).toMatchObject([
    {
      unique_id: 'model.faults.a',
      status: 'warn',
      criteria: { warn_after: { count: 10, period: 'minute' }, error_after: { count: 1, period: 'hour' } },
    },
  ]);
  expect(read('sources.json').results).toEqual([]);
});

it('source freshness fails for a model that is too late, with another column and a filter, too', async () => {
  project.write({
    'models/a.yml': terms(
      '{error_after: {count: 20, period: minute}, loaded_at_field: "at - interval \'1 day\'", filter: "kind = \'x\'"}',
    ),
  });
  const { code, out } = await project.run(['source', 'freshness', '--select', 'a']);
  expect([code, out]).toEqual([1, expect.stringContaining('ERROR STALE freshness of s.a')]);
  expect(read('freshness.json').results[0]!.max_loaded_at_time_ago_in_s).toBeGreaterThan(86_400);
});

it.each([
  ['{}', "needs 'warn_after' or 'error_after'"],
  [
    '{warn_after: 5}',
    "'meta.tsdbt.freshness.warn_after' of model.faults.a must be a dictionary of count, period, found 5",
  ],
  ['{warn: 5}', "unknown key 'meta.tsdbt.freshness.warn'"],
])('source freshness reports what is wrong with %s', async (settings, words) => {
  project.write({ 'models/a.yml': terms(settings) });
  const { code, out } = await project.run(['source', 'freshness']);
  expect([code, out]).toEqual([2, expect.stringContaining(words)]);
});

it('source freshness leaves a source that could not be measured out of sources.json, as dbt does', async () => {
  project.write({
    'models/a.yml': terms('{warn_after: {count: 10, period: minute}}'),
    'models/raw.yml':
      'sources: [{name: raw, schema: s, tables: [' +
      '{name: a, config: {loaded_at_field: at, freshness: {warn_after: {count: 9, period: day}}}}, ' +
      '{name: b, config: {loaded_at_field: "\'no time\'", freshness: {warn_after: {count: 9, period: day}}}}]}]',
  });
  const { code, out } = await project.run(['source', 'freshness', '--select', 'source:raw']);
  expect([code, out]).toEqual([1, expect.stringMatching(/ERROR freshness of raw\.b/)]);
  expect(read('sources.json').results).toMatchObject([{ unique_id: 'source.faults.raw.a', status: 'pass' }]);
});
