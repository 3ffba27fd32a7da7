// `node_info` in the JSON log of a build: which node its events tell of, and in which state. Expectations are what real
// dbt-core 1.12.6 wrote for the same project, but that the results of unit tests keep their state here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

interface Line {
  readonly info: { readonly name: string; readonly msg: string };
  readonly data: { readonly node_info?: Readonly<Record<string, unknown>> };
}

let project: FaultProject;
let lines: readonly Line[];

beforeAll(async () => {
  project = await FaultProject.open({
    'dbt_project.yml': `
name: faults
version: '1.0'
profile: faults
on-run-start: ["{% do run_query('select 1') %}{{ log('begins', info=true) }} select 2"]
on-run-end: ["{{ log('ends', info=true) }}", "{% do log('quietly') %} select 3"]
`,
    'models/a.sql': 'select 1 as id',
    'models/b.sql': "{{ log('in b', info=true) }} select id from {{ ref('a') }}",
    'models/p.yml': `
models:
  - {name: b, columns: [{name: id, data_tests: [unique]}]}
unit_tests:
  - name: fails
    model: b
    config: {meta: {x: 1}}
    given: [{input: ref('a'), rows: [{id: 1}]}]
    expect: {rows: [{id: 2}]}
`,
  });
  const { out } = await project.run(['--log-format', 'json', '--log-level', 'debug', 'build', '--threads', '1']);
  lines = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
});
afterAll(async () => {
  await project.close();
});

/** Of the events of a node: name, materialization, state, whether the times are there. */
const told = (id: string, names: readonly string[] = []): unknown[] =>
  lines.flatMap(({ info, data: { node_info } }) =>
    node_info?.['unique_id'] !== id || (names.length > 0 && !names.includes(info.name))
      ? []
      : [
          [
            info.name,
            node_info['materialized'],
            node_info['node_status'],
            node_info['node_started_at'] !== '',
            node_info['node_finished_at'] !== '',
          ],
        ],
  );

describe('node_info', () => {
  it('names the hook that runs a statement or calls log() in its template', () => {
    expect(told('operation.faults.faults-on-run-start-0')).toEqual([
      ['ConnectionUsed', 'view', 'None', false, false],
      ['SQLQuery', 'view', 'None', false, false],
      ['SQLQueryStatus', 'view', 'None', false, false],
      ['JinjaLogInfo', 'view', 'None', false, false],
      ['LogHookStartLine', 'view', 'started', true, false],
      ['ConnectionUsed', 'view', 'started', true, false],
      ['SQLQuery', 'view', 'started', true, false],
      ['SQLQueryStatus', 'view', 'started', true, false],
      ['LogHookEndLine', 'view', 'success', true, true],
    ]);
    expect(told('operation.faults.faults-on-run-end-0', ['JinjaLogInfo'])).toEqual([
      ['JinjaLogInfo', 'view', 'None', false, false],
    ]);
    expect(told('operation.faults.faults-on-run-end-1', ['JinjaLogDebug'])).toEqual([
      ['JinjaLogDebug', 'view', 'None', false, false],
    ]);
  });

  it('of a unit test is that of its definition until it is compiled', () => {
    const id = 'unit_test.faults.b.fails';
    expect(told(id, ['NodeStart', 'LogStartLine', 'JinjaLogInfo', 'NodeFinished', 'LogTestResult'])).toEqual([
      ['NodeStart', '', 'started', true, false],
      ['LogStartLine', '', 'started', true, false],
      ['JinjaLogInfo', '', 'executing', true, false],
      ['LogTestResult', 'unit', 'fail', true, true],
      ['NodeFinished', '', 'fail', true, true],
    ]);
    const infos = lines.flatMap(({ info, data: { node_info } }) =>
      node_info?.['unique_id'] === id && /^(?:NodeStart|LogTestResult)$/.test(info.name) ? [node_info] : [],
    );
    expect(infos.map(({ node_checksum, node_path, meta }) => [node_checksum, node_path, meta])).toEqual([
      ['', 'p.yml', {}],
      ['', 'models/fails.sql', {}],
    ]);
  });

  it('of a skipped node is in its first and last events', () => {
    expect(told('model.faults.b')).toEqual([
      ['NodeStart', 'view', 'started', true, false],
      ['SkippingDetails', 'view', 'skipped', true, false],
      ['NodeFinished', 'view', 'skipped', true, false],
    ]);
    const marked = lines.filter(({ info }) => info.name === 'MarkSkippedChildren').map(({ info }) => info.msg);
    expect(marked.map((msg) => msg.slice(0, msg.indexOf(' to be')))).toEqual([
      "Marking all children of 'unit_test.faults.b.fails'",
      "Marking all children of 'model.faults.b'",
      "Marking all children of 'test.faults.unique_b_id.fd91545187'",
    ]);
  });
});
