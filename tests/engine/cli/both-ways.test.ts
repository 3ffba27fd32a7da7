// Most tests run the program in their own process (tests/engine/support/program.ts). Here each command runs both ways,
// in two equal projects: exit code, output and files are the same as in a separate process.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import type { Ended } from '../support/program.ts';

const FILES = {
  'seeds/fruit.csv': 'id,name\n1,apple\n2,pear\n',
  'models/a.sql': "{{ config(materialized='table') }} select id, name, {{ var('n', 1) }} as n from {{ ref('fruit') }}",
  'models/b.sql': "select count(*) as n from {{ ref('a') }}",
  'models/s.yml':
    'models: [{name: a, columns: [{name: id, data_tests: [unique, not_null]}]}]\n' +
    'sources: [{name: raw, schema: s, loaded_at_field: now(), freshness: {warn_after: {count: 1, period: day}}, ' +
    'tables: [{name: fruit}, {name: t, config: {meta: {tsdbt: {load: {topic: t}}}}, ' +
    'columns: [{name: id, data_type: bigint}]}]}]\n',
  'snapshots/kept.sql':
    "{% snapshot kept %}{{ config(unique_key='id', strategy='check', check_cols='all', target_schema='s') }}" +
    "select * from {{ ref('fruit') }}{% endsnapshot %}",
  'macros/m.sql': "{% macro say(what) %}{{ log('said ' ~ what, info=true) }}{% endmacro %}",
  'connections.yml': 'connections: { default: { brokers: ["127.0.0.1:1"] } }\n',
  'jobs.yml': 'jobs: { by-hand: { build: } }\n',
  'rows.ndjson': '{"id": 1}\n{"id": 2}\n',
};

/** A command each, in an order in which all find what they need, and the ways to end. */
const COMMANDS: readonly (readonly string[])[] = [
  ['debug'],
  ['deps'],
  ['parse'],
  ['parse', '--no-partial-parse', '--warn-error'],
  ['ls', '--output', 'json', '--output-keys', 'name resource_type'],
  ['compile', '--select', 'b'],
  ['seed'],
  ['snapshot'],
  ['run', '--full-refresh'],
  ['test'],
  ['build', '--vars', '{n: 2}', '--log-format', 'json', '--log-level', 'warn'],
  ['run', '--select', 'a', '--vars', '{n: oops}'],
  ['retry'],
  ['show', '--inline', "select * from {{ ref('a') }} order by 1", '--output', 'json'],
  ['docs', 'generate'],
  ['source', 'freshness', '--select', 'source:raw.fruit'],
  ['run-operation', 'say', '--args', '{what: this}'],
  ['clone', '--state', 'target', '--full-refresh'],
  ['load', '--from', 'rows.ndjson'],
  ['db', 'status'],
  ['jobs'],
  ['jobs', 'pause', 'by-hand', '--output', 'json'],
  ['completion', 'bash'],
  ['clean'],
  ['run', '--no-such-option'],
  ['run', '--select', 'nothing_of_this_name'],
  ['--version'],
  ['run', '--help'],
];

const projects: FaultProject[] = [];
beforeAll(async () => {
  for (let i = 0; i < 2; i++) projects.push(await FaultProject.open(FILES));
});
afterAll(async () => {
  for (const project of projects) await project.close();
});

/** Without what differs from one run to the next: times, identifiers, places. */
const even = ({ dir, client }: FaultProject, text: string): string =>
  text
    .replaceAll(dir, 'DIR')
    .replaceAll(client.database ?? '', 'DATABASE')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{10,}\b/g, 'ID')
    .replace(/tmp\d+/g, 'tmp')
    .replace(/\d\d:\d\d:\d\d(\.\d+)?/g, 'TIME')
    .replace(/\d+ hours \d+ minutes and |\d+\.\d+s|\d+\.\d+ seconds/g, 'LONG');

/** Nodes of one run end in any order. */
const told = (project: FaultProject, { code, out }: Ended): unknown => ({
  code,
  lines: even(project, out).split('\n').sort(),
});

/** Every file by its name, and what the SQL among them holds. */
const written = (project: FaultProject): string[] =>
  readdirSync(project.dir, { recursive: true, encoding: 'utf8' })
    .map((path) =>
      even(
        project,
        path.endsWith('.sql') && statSync(join(project.dir, path)).isFile() ? `${path}: ${project.read(path)}` : path,
      ),
    )
    .sort();

it.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
  'tsdbt %s gives the same result in this process and in its own',
  async (_, args) => {
    const [within, apart] = projects as [FaultProject, FaultProject];
    const here = told(within, await within.run([...args]));
    const there = told(apart, await apart.start([...args]).ended);
    expect(here).toEqual(there);
    expect(written(within)).toEqual(written(apart));
  },
);
