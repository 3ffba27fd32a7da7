// Tests when a takeover treats nodes as built: which texts identify a project, and which hooks require the whole job.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { restBefore } from '../../../src/cli/commands/serve-record.ts';
import { load, madeOf, type ParsedProject, parse } from '../../../src/index.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Writes a project to a new folder. Its database is not used. */
async function parsed(files: Readonly<Record<string, string>>, env = {}): Promise<ParsedProject> {
  const cwd = mkdtempSync(join(tmpdir(), 'tsdbt-made-of-'));
  folders.push(cwd);
  const dev = { type: 'postgres', host: '127.0.0.1', port: 1, user: 'u', password: 'p', dbname: 'd', schema: 's' };
  const all = {
    'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev } } }),
    'dbt_project.yml': 'name: p\nversion: "1.0"\nprofile: p\n',
    'models/first.sql': 'select 1 as id',
    'models/second.sql': "select * from {{ ref('first') }}",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  const project = parse(await load({ cwd, env: { DBT_PROFILES_DIR: cwd, ...env }, command: 'run' }));
  await project.adapter.close();
  return project;
}

describe('the remaining work of a job whose first model was built', () => {
  const hooked = async (hooks: string): Promise<readonly string[] | null> => {
    const project = await parsed({ 'dbt_project.yml': `name: p\nversion: "1.0"\nprofile: p\n${hooks}` });
    const rest = restBefore(project, new Set(['model.p.first']));
    return rest === null ? null : [...rest.left];
  };

  it('is the other model', async () => {
    expect(await hooked('')).toEqual(['model.p.second']);
    expect(await hooked('on-run-end: ["select 1"]\n')).toEqual(['model.p.second']);
  });

  it('is everything if hooks run before all nodes', async () => {
    expect(await hooked('on-run-start: ["select 1"]\n')).toBeNull();
  });
});

describe('the fingerprint of a run', () => {
  const settings = 'name: p\nversion: "1.0"\nprofile: p\n';
  const connection = "connections:\n  store: { type: s3, bucket: b, region: \"{{ env_var('PLACE', 'x') }}\" }\n";
  const named = async (files: Readonly<Record<string, string>>, env = {}): Promise<string> =>
    madeOf(await parsed(files, env), 'build');

  it('is the same for the same files in another folder', async () => {
    expect(await named({ 'connections.yml': connection })).toBe(await named({ 'connections.yml': connection }));
  });

  it('changes with the connections', async () => {
    const known = await named({ 'connections.yml': connection });
    expect(await named({})).not.toBe(known);
    expect(await named({ 'connections.yml': connection.replace('bucket: b', 'bucket: c') })).not.toBe(known);
    expect(await named({ 'connections.yml': connection }, { PLACE: 'elsewhere' })).not.toBe(known);
  });

  it('changes with a seed that is not read while parsing', async () => {
    const rows = 'id\n'.padEnd(1_100_000, '1\n');
    const seed = (text: string) => named({ 'dbt_project.yml': settings, 'seeds/large.csv': text });
    const known = await seed(rows);
    expect(await seed(rows)).toBe(known);
    expect(await seed(`${rows}2\n`)).not.toBe(known);
  });
});
