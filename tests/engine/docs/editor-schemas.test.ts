// The JSON Schemas for editors accept the files of every example, and refuse mistakes at their key.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadSettings, schemaFiles } from '../../../scripts/settings.mjs';
import { ROOT } from './markdown.ts';

// Draft 7 ignores what editors know beside it.
const ajv = new Ajv({ allErrors: true, strict: false });
const schemas = schemaFiles(await loadSettings());
const check: Readonly<Record<string, ValidateFunction>> = {
  'jobs.yml': ajv.compile(schemas['jobs.json'] ?? false),
  'connections.yml': ajv.compile(schemas['connections.json'] ?? false),
  'policies.yml': ajv.compile(schemas['policies.json'] ?? false),
  'models.yml': ajv.compile(schemas['properties.json'] ?? false),
};

/** The key of a file in `check`: property files have any name. */
function kindOf(path: string): string {
  const name = basename(path);
  return /\/(models|snapshots|seeds)\/.*\.yml$/.test(path) ? 'models.yml' : name;
}

/** Places of what is wrong: `/jobs/fast/evry`. */
function problems(file: string, text: string): string[] {
  const validate = check[file];
  if (validate === undefined || validate(parse(text))) return [];
  return (validate.errors ?? []).map(({ instancePath, params, message }) =>
    `${instancePath}/${String(params['additionalProperty'] ?? '')} ${message}`.replace('/ ', ' '),
  );
}

function filesOf(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (name === 'node_modules' || name.startsWith('.')) return [];
    return statSync(path).isDirectory() ? filesOf(path) : kindOf(path) in check ? [path] : [];
  });
}

const files = [...filesOf(join(ROOT, 'examples')), join(ROOT, 'jobs.yml'), join(ROOT, 'connections.yml')];
it.each(files)('the schema for editors accepts %s', (path) => {
  expect(problems(kindOf(path), readFileSync(path, 'utf8'))).toEqual([]);
});

const model = (own: string): string => `models: [{ name: m, config: { meta: { tsdbt: { ${own} } } } }]`;
const fast = (keys: string): string => `jobs: { fast: { ${keys} } }`;
it.each([
  ['jobs.yml', fast('evry: 5m, build: '), '/jobs/fast/evry'],
  ['jobs.yml', fast('every: 5, build: '), '/jobs/fast/every must be string'],
  ['jobs.yml', fast('every: 5m, build: , overlap: skp'), '/jobs/fast/overlap must be equal to one of'],
  ['jobs.yml', fast('load: , timeout: 5m'), '/jobs/fast must NOT be valid'],
  ['jobs.yml', fast('run: , sla: { success: 99 }'), '/jobs/fast/sla/success must be <= 1'],
  ['jobs.yml', `${fast('run: ')}\nalerts: { a: { webhook: "https://x", secret: abc } }`, '/alerts/a/secret must match'],
  ['policies.yml', 'policies: [{ tag: pii, mask: [md5] }]', '/policies/0/mask'],
  ['models.yml', model('audti: true'), '/models/0/config/meta/tsdbt/audti'],
  ['models.yml', model('test_slice: { overlap: soon }'), '/models/0/config/meta/tsdbt/test_slice/overlap must match'],
  ['models.yml', model('freshness: { filter: a }'), '/models/0/config/meta/tsdbt/freshness must have'],
  ['connections.yml', 'a: { broker: "b:1" }', '/a/broker'],
  ['connections.yml', 'connections: { a: { type: s3, bucket: b, acces_key_id: k } }', '/connections/a/acces_key_id'],
  ['connections.yml', 'a: { brokers: "b:1", sasl: { username: u, password: abc } }', '/a/sasl/password must match'],
])('the editor schema of %s rejects %s', (file, text, expected) => {
  expect(
    problems(file, text).some((problem) => problem.startsWith(expected)),
    problems(file, text).join('\n'),
  ).toBe(true);
});
