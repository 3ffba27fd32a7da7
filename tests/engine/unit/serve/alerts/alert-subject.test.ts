// What an alarm says of its node or test: owners, place, rows, what is downstream.
import { describe, expect, it } from 'vitest';
import { inferTable } from '../../../../../src/adapters/table-inference.ts';
import { type AlarmProject, nodeSubject, troubleOf } from '../../../../../src/serve/alerts/alert-subject.ts';
import type { Incident } from '../../../../../src/serve/store/serve-store.ts';
import { parseFiles } from '../../../support/parse.ts';

const FILES: Record<string, string> = {
  'models/a.sql': "select user_id, email, total from {{ source('raw', 'events') }}",
  'models/b.sql': "select * from {{ ref('a') }}",
  'models/c.sql': "select * from {{ ref('b') }}",
  'tests/no_b.sql': "select * from {{ ref('b') }}",
  'models/_models.yml': `version: 2
groups:
  - name: finance
    owner: { name: Fin Team, email: fin@example.com }
sources:
  - name: raw
    tables:
      - name: events
        meta: { tsdbt: { load: { topic: events, hash: [user_id] } } }
        data_tests:
          - unique:
              column_name: user_id
models:
  - name: a
    config: { group: finance, tags: [nightly], meta: { owner: Ann } }
    columns:
      - name: email
        config: { meta: { tsdbt: { secret: true } } }
        data_tests: [unique]
      - name: total
        data_tests:
          - not_null
          - accepted_values: { arguments: { values: [1] } }
  - name: b
    columns:
      - name: total
        data_tests: [not_null]
exposures:
  - name: weekly
    type: dashboard
    owner: { name: Bob }
    depends_on: ["ref('c')"]
`,
};

const { manifest } = await parseFiles(FILES);
const project: AlarmProject = {
  manifest,
  jobs: [{ name: 'fast', path: 'jobs.yml', line: 3, owner: 'Ann' }],
  read: (path) => FILES[path] ?? null,
};
const idOf = (beginning: string): string => Object.keys(manifest.nodes).find((id) => id.startsWith(beginning)) ?? '';
const found = (uniqueId: string, message: string | null = null) => ({ uniqueId, message, rows: null, failures: null });
const incident = (key: string): Incident => ({ id: 'i1', key, openedAt: 0, closedAt: null, reason: 'late' });

describe('the subject of an alert', () => {
  it('is a model with its owners, group, tags, error line and downstream nodes', () => {
    const kept = 'no such column "x (y)" (models/a.sql line 1)';
    expect(nodeSubject(found('model.p.a', kept), project)).toEqual({
      what: 'model a',
      uniqueId: 'model.p.a',
      owners: ['Ann', 'Fin Team', 'fin@example.com'],
      group: 'finance',
      tags: ['nightly'],
      path: 'models/a.sql',
      line: 1,
      message: 'no such column "x (y)"',
      rows: null,
      downstream: { names: ['b', 'c', 'exposure weekly'], more: 0 },
    });
  });

  it('is a test with the line of its declaration and the owners of the tested node', () => {
    const lines = ['not_null_a_total', 'accepted_values_a_total', 'not_null_b_total', 'source_unique', 'no_b']
      .map((name) => nodeSubject(found(idOf(`test.p.${name}`)), project))
      .map(({ path, line, owners, downstream }) => ({ path, line, owner: owners[0], first: downstream.names[0] }));
    expect(lines).toEqual([
      { path: 'models/_models.yml', line: 22, owner: 'Fin Team', first: 'b' },
      { path: 'models/_models.yml', line: 23, owner: 'Fin Team', first: 'b' },
      { path: 'models/_models.yml', line: 27, owner: undefined, first: 'c' },
      { path: 'models/_models.yml', line: 11, owner: undefined, first: 'a' },
      { path: 'tests/no_b.sql', line: null, owner: undefined, first: 'c' },
    ]);
  });

  it('shows no value of a hashed or secret column, even under another name', () => {
    const rowsOf = (id: string, names: string[], row: (string | number | null)[]) =>
      nodeSubject({ ...found(idOf(id)), rows: inferTable(names, [row]), failures: 1 }, project).rows;
    expect(rowsOf('test.p.not_null_b_total', ['user_id', 'EMAIL', 'total'], ['u1', 'a@b.c', null])).toEqual({
      columns: ['user_id', 'EMAIL', 'total'],
      rows: [['*****', '*****', '']],
      total: 1,
    });
    expect(rowsOf('test.p.unique_a_email', ['unique_field', 'n_records'], ['a@b.c', 2])?.rows).toEqual([
      ['*****', '2'],
    ]);
    expect(rowsOf('test.p.accepted_values_a_total', ['value_field', 'n_records'], [7, 1])?.rows).toEqual([['7', '1']]);
  });

  it.each([
    ['job:fast:failed', 'failed', 'fast', 'job fast', 'jobs.yml'],
    ['job:fast:late', 'stale', 'fast', 'job fast', 'jobs.yml'],
    ['job:gone:failed', 'failed', 'gone', 'job gone', null],
    ['sla:job.fast:duration', 'slow', 'fast', 'job fast', 'jobs.yml'],
    ['sla:model.p.b:freshness', 'stale', null, 'model b', 'models/_models.yml'],
    ['sla:source.p.raw.events:lag', 'stale', null, 'source raw.events', 'models/_models.yml'],
    ['sla:model.p.b:success', 'failed', null, 'model b', 'models/_models.yml'],
    ['sla:model.p.gone:success', 'failed', null, 'model.p.gone', null],
    ['project:broken', 'project', null, 'the project', null],
    ['jobs:broken', 'project', null, 'jobs.yml', null],
  ])('for the incident %s is an event of the kind %s', (key, kind, job, what, path) => {
    const trouble = troubleOf(incident(key), project);
    const file = trouble.subject.path === 'models/b.sql' ? 'models/_models.yml' : trouble.subject.path;
    expect([trouble.kind, trouble.job, trouble.subject.what, file]).toEqual([kind, job, what, path]);
  });
});
