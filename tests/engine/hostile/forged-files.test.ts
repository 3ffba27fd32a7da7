// Files that come with a cloned project contain values and names of any form: each is one error, never an internal one.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../support/program.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-forged-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const LOGIN = 'type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: d, schema: s';
const PROJECT = 'name: o\nprofile: o\n';

async function outputOf(args: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
  const profiles = `o: {target: d, outputs: {d: {${LOGIN}}}}\n`;
  for (const [path, text] of Object.entries({ 'dbt_project.yml': PROJECT, 'profiles.yml': profiles, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { code, out } = await run(args, { cwd: root });
  expect(code, out).toBe(2);
  expect(out).not.toMatch(/Internal Error|toString is not|primitive value|Cannot read/);
  return out;
}

const metadata = {
  dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json',
  generated_at: '2026-01-01T00:00:00Z',
};
const results = [{ unique_id: 'model.o.a', status: 'error' }];

it.each([
  ['select', 'x'],
  ['exclude', [1]],
  ['indirect_selection', { toString: 1 }],
])('retry rejects the argument %s of an earlier run if it is %j', async (name, value) => {
  const args = { which: 'run', [name]: value };
  const forged = JSON.stringify({ metadata, args, results });
  const files = { 'models/a.sql': 'select 1 as a', 'target/run_results.json': forged };
  expect(await outputOf(['retry'], files)).toContain(`its argument '${name}' is ${JSON.stringify(value)}`);
});

it.each([
  [{ unique_id: { toString: 1 } }],
  [{ config: null }],
  [{ columns: ['x'] }],
  [{ columns: { id: { constraints: null } } }],
  [{ relation_name: true }],
  [{ depends_on: { nodes: 'x' } }],
  [{ constraints: null }],
])('a state with a node that contains %j is rejected', async (change) => {
  const node = { unique_id: 'model.o.a', resource_type: 'model', name: 'a', config: {}, columns: {}, ...change };
  const manifest = {
    metadata: { dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json' },
    nodes: { 'model.o.a': node },
  };
  const files = { 'models/a.sql': 'select 1 as a', 'st/manifest.json': JSON.stringify(manifest) };
  expect(await outputOf(['impact', '--state', 'st'], files)).toContain("at path ['nodes']['model.o.a']");
});

it.each([
  ['docs', 'serve', 'manifest.json', 5],
  ['docs', 'serve', 'manifest.json', { metadata: null, nodes: {} }],
])('%s %s reports a %s of another form: %j', async (docs, serve, name, value) => {
  const files = { [`target/${name}`]: JSON.stringify(value) };
  expect(await outputOf([docs, serve, '--port', '0', '--no-browser'], files)).toContain('a value has another type');
});

it.each([
  ['dbt_project.yml', 'name: [{toString: 1}]\nprofile: o\n', ['parse']],
  ['dbt_project.yml', `${PROJECT}flags: {warn_error_options: {warn: [{toString: 1}]}}\n`, ['parse']],
  ['connections.yml', 'connections: {c: {constructor: 1}}\n', ['load', 'check']],
  ['connections.yml', 'connections: {c: {brokers: [a], registry: {toString: 1}}}\n', ['load', 'check']],
  ['snapshots/s.yml', 'snapshots: [{name: {toString: 1}, relation: {valueOf: 1, toString: 2}}]\n', ['parse']],
  ['models/m.yml', 'metrics: [{name: m, type: derived, expr: a, input_metrics: [{name: {toString: 1}}]}]\n', ['parse']],
  ['models/m.yml', 'metrics: [{name: m, type: cumulative, input_metric: {name: [{toString: 1}]}}]\n', ['parse']],
  [
    'models/m.yml',
    'models: [{name: a, data_tests: [{unique: {column_name: a, name: [x, {toString: 1}]}}]}]\n',
    ['parse'],
  ],
  ['models/m.yml', 'models: [{name: a, constraints: [{type: foreign_key, to: [{toString: 1}]}]}]\n', ['parse']],
])('%s with names of members of objects is one error: %s', async (path, text, command) => {
  const load = 'config: {load: {connection: c, topic: t}}, columns: [{name: a, data_type: text}]';
  const sources = `sources: [{name: r, tables: [{name: t, ${load}}]}]\n`;
  await outputOf(command, { 'models/sources.yml': sources, 'models/a.sql': 'select 1 as a', [path]: text });
});
