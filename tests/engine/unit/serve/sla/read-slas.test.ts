// Which promises a manifest and jobs.yml make, and where a wrong one is said to stand.
import { describe, expect, it } from 'vitest';
import { job as anyJob } from '../../../serve/job.ts';
import type { Json } from '../../../../../src/contracts/node.ts';
import type { Manifest } from '../../../../../src/contracts/manifest.ts';
import { TsdbtError } from '../../../../../src/errors.ts';
import { jobPromises, nodePromises, type PromisingJob } from '../../../../../src/serve/sla/read-slas.ts';

const node = (meta: Json, more: object = {}, config: object = {}) => ({
  unique_id: 'model.p.a',
  name: 'a',
  resource_type: 'model',
  original_file_path: 'models/a.sql',
  patch_path: 'p://models/a.yml',
  config: { meta, materialized: 'table', ...config },
  ...more,
});
const source = (meta: Json, more: object = {}) => ({
  unique_id: 'source.p.raw.events',
  name: 'events',
  source_name: 'raw',
  resource_type: 'source',
  original_file_path: 'models/raw.yml',
  meta,
  source_meta: {},
  config: {},
  loaded_at_field: null,
  loaded_at_query: null,
  ...more,
});
const manifest = (nodes: object[], sources: object[] = []) =>
  ({ nodes, sources }) as unknown as Pick<Manifest, 'nodes' | 'sources'>;
const short = (found: ReturnType<typeof nodePromises>) =>
  found.map(({ key, terms, looks }) => ({ key, looks, ...terms }));
const job = (sla: Json | null, more: Partial<PromisingJob> = {}): PromisingJob => ({
  name: 'fast',
  path: 'jobs.yml',
  line: 7,
  work: { kind: 'load', select: [], exclude: [] },
  timing: { kind: 'every', ms: 300_000 },
  retries: { times: 2, backoffMs: 5000 },
  owner: 'ann',
  sla,
  ...more,
});
const command: PromisingJob['work'] = anyJob('fast').work;
function refused(work: () => unknown): { message: string; path?: string | undefined; line?: number | undefined } {
  try {
    work();
  } catch (error) {
    if (error instanceof TsdbtError)
      return { message: error.message, path: error.details.path, line: error.details.line };
  }
  throw new Error('was not refused');
}
const fifteen = { tsdbt: { sla: { freshness: '15m' } } };

describe('the objectives of nodes', () => {
  it('are those of models, seeds, snapshots and sources', () => {
    const sla = { freshness: { max: '15m', field: 'session_end' }, success: '99%', duration: '1m', looks: 3 };
    const found = nodePromises(
      manifest(
        [node({ owner: 'ann', tsdbt: { sla } }), node({}), node(fifteen, { resource_type: 'test' })],
        [source({ tsdbt: { load: { topic: 'events' }, sla: { freshness: '2m', lag: '1m' } } })],
      ),
    );
    expect(found[0]!.subject).toEqual({
      kind: 'node',
      id: 'model.p.a',
      shown: 'model a',
      owner: 'ann',
      path: 'models/a.yml',
      line: null,
    });
    expect(short(found)).toEqual([
      {
        key: 'sla:model.p.a:freshness',
        looks: 3,
        kind: 'freshness',
        maxMs: 900_000,
        field: 'session_end',
        filter: null,
        by: 'rows',
      },
      { key: 'sla:model.p.a:success', looks: 3, kind: 'success', min: 0.99, overMs: 604_800_000 },
      {
        key: 'sla:model.p.a:duration',
        looks: 3,
        kind: 'duration',
        maxMs: 60_000,
        percentile: null,
        overMs: 604_800_000,
      },
      {
        key: 'sla:source.p.raw.events:freshness',
        looks: 2,
        kind: 'freshness',
        maxMs: 120_000,
        field: null,
        filter: null,
        by: 'rows',
      },
      { key: 'sla:source.p.raw.events:lag', looks: 2, kind: 'lag', maxMs: 60_000 },
    ]);
  });

  const LOADED = { loaded_at_field: 'loaded', warn_after: { count: 1, period: 'day' } };
  it.each<[string, object, object]>([
    ['its event_time', node(fifteen, {}, { event_time: 'at' }), { field: 'at', by: 'rows' }],
    [
      'the field of meta.tsdbt.freshness',
      node({ tsdbt: { ...fifteen.tsdbt, freshness: LOADED } }, {}, { event_time: 'at' }),
      { field: 'loaded', by: 'rows' },
    ],
    ['its last run', node(fifteen), { field: null, by: 'runs' }],
  ])('measure the freshness of a model by %s', (_name, model, expected) => {
    expect(short(nodePromises(manifest([model])))).toMatchObject([expected]);
  });

  it('may be in the config of a source, or in the source of several tables', () => {
    const loaded = { loaded_at_field: 'at' };
    expect(nodePromises(manifest([], [source({}, { config: { meta: fifteen }, ...loaded })])).length).toBe(1);
    expect(nodePromises(manifest([], [source({}, { source_meta: fifteen, ...loaded })])).length).toBe(1);
  });

  it.each([
    ['topics', { topics: ['a', 'b'] }],
    ['a pattern', { topic_pattern: 'a.*' }],
  ])('of a source that is filled by %s include freshness and lag', (_name, load) => {
    const meta = { tsdbt: { load, sla: { freshness: '2m', lag: '1m' } } };
    expect(short(nodePromises(manifest([], [source(meta)])))).toMatchObject([{ kind: 'freshness' }, { kind: 'lag' }]);
  });

  it('of a source that is synced include freshness, but not lag', () => {
    const promised = (sla: Json): ReturnType<typeof nodePromises> =>
      nodePromises(manifest([], [source({ tsdbt: { load: { table: 'public.a' }, sla } })]));
    expect(short(promised({ freshness: '2h' }))).toMatchObject([{ kind: 'freshness', field: null, by: 'rows' }]);
    expect(refused(() => promised({ lag: '1m' })).message).toBe("sla of source raw.events: unknown key 'lag'");
  });

  it('that are invalid are rejected with file, position and option', () => {
    const asked: (string | number)[][] = [];
    const placeOf = (_node: object, keys: readonly (string | number)[]) => {
      asked.push([...keys]);
      return { line: 12, column: 9 };
    };
    const wrong = node({ tsdbt: { sla: { freshness: { max: 15 } } } });
    expect(refused(() => nodePromises(manifest([wrong]), placeOf))).toEqual({
      message: "sla of model a: 'freshness.max' must be a duration such as 30s, 5m or 1h30m, found 15",
      path: 'models/a.yml',
      line: 12,
    });
    expect(asked).toEqual([['freshness', 'max']]);
    expect(refused(() => nodePromises(manifest([], [source(fifteen)])))).toMatchObject({
      message: 'sla of source raw.events: nothing tells how old the rows are: the source has no loaded_at_field',
      path: 'models/raw.yml',
    });
    expect(refused(() => nodePromises(manifest([node(fifteen, {}, { materialized: 'ephemeral' })]))).message).toBe(
      'sla of model a: an ephemeral model has no rows and no runs of its own',
    );
  });
});

describe('the objectives of jobs', () => {
  it('are failed, late and those of their sla', () => {
    const sla = { success: '99%', duration: '4m', late: '1m', freshness: '10m' };
    expect(short(jobPromises([job(sla, { work: command })]))).toEqual([
      { key: 'job:fast:failed', looks: 1, kind: 'failed', retries: { times: 2, backoffMs: 5000 } },
      { key: 'job:fast:late', looks: 2, kind: 'late', maxMs: 60_000 },
      {
        key: 'sla:job.fast:freshness',
        looks: 2,
        kind: 'freshness',
        maxMs: 600_000,
        field: null,
        filter: null,
        by: 'runs',
      },
      { key: 'sla:job.fast:success', looks: 2, kind: 'success', min: 0.99, overMs: 604_800_000 },
      {
        key: 'sla:job.fast:duration',
        looks: 2,
        kind: 'duration',
        maxMs: 240_000,
        percentile: null,
        overMs: 604_800_000,
      },
    ]);
    expect(short(jobPromises([job(null, { timing: { kind: 'resident' } })]))).toMatchObject([
      { key: 'job:fast:failed' },
    ]);
  });

  it.each<[Json, Partial<PromisingJob>, string]>([
    [{ succes: '99%' }, { work: command }, "sla of job 'fast': unknown key 'succes'"],
    [
      { late: '1m' },
      { work: command, timing: { kind: 'manual' } },
      "sla of job 'fast': 'late' needs a job with every or cron",
    ],
    [{ success: '99%' }, {}, "sla of job 'fast': a job that loads does not end"],
  ])('that contain %j are rejected with file and line', (sla, more, message) => {
    expect(refused(() => jobPromises([job(sla, more)]))).toEqual({ message, path: 'jobs.yml', line: 7 });
  });
});
