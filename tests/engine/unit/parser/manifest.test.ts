// Whole manifests, field by field, against those of dbt-core 1.12.6 with dbt-postgres. The goldens are dbt's:
// `dbt parse` in a copy of the case, then `npm run oracle -- compare-manifests --golden target/manifest.json >
// expected/manifest.json` (profile `cases`, target `dev`: database `db`, schema `sch`).
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { comparable, differences } from '../../../oracle/compare-manifests.mjs';
import { artifactJson } from '../../../../src/artifacts.ts';
import { load } from '../../../../src/index.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { readSourceFiles } from '../../../../src/project/files.ts';
import { resolveFlags } from '../../../../src/project/flags.ts';
import { loadYaml } from '../../../../src/project/yaml.ts';
import { parseInput } from '../../support/parse.ts';

const cases = join(dirname(fileURLToPath(import.meta.url)), '../../cases');
const folder = mkdtempSync(join(tmpdir(), 'parser-cases-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(
  join(folder, 'profiles.yml'),
  JSON.stringify({
    cases: {
      target: 'dev',
      outputs: {
        dev: {
          type: 'postgres',
          host: 'localhost',
          user: 'u',
          password: 'p',
          port: 5432,
          dbname: 'db',
          schema: 'sch',
          threads: 1,
        },
      },
    },
  }),
);

async function manifestOf(name: string, packages: readonly string[]): Promise<unknown> {
  const projectDir = join(folder, name);
  cpSync(join(cases, name), projectDir, { recursive: true });
  for (const each of packages)
    cpSync(join(projectDir, each), join(projectDir, 'dbt_packages', each), { recursive: true });
  const { flags = null } = loadYaml(readFileSync(join(projectDir, 'dbt_project.yml'), 'utf8'), null) as {
    flags?: never;
  };
  const logger = { fire: () => undefined };
  const { config, adapter } = await load({
    projectDir,
    cwd: projectDir,
    env: {},
    logger,
    now: () => 0,
    flags: resolveFlags('parse', { profiles_dir: folder }, {}, flags),
    invocation: { invocation_id: 'test', started_at: new Date('2026-01-02T03:04:05Z'), args: {}, command: 'parse' },
  });
  return JSON.parse(artifactJson(parseProject({ config, files: readSourceFiles(config), adapter, logger }).manifest));
}

describe('parseProject', () => {
  it.each([
    ['parse-resources', []],
    ['parse-packages', ['helper']],
  ])("returns dbt's manifest of %s", async (name, packages) => {
    const golden: unknown = JSON.parse(readFileSync(join(cases, name, 'expected/manifest.json'), 'utf8'));
    expect(differences(comparable(await manifestOf(name, packages)), golden)).toEqual([]);
  });
});

describe('the clock while parsing', () => {
  it('shows the start of the command, to the microsecond', async () => {
    const input = await parseInput({
      'models/m.sql':
        "{{ config(meta={'now': modules.datetime.datetime.utcnow().isoformat(), " +
        "'start': run_started_at.replace(tzinfo=none).isoformat()}) }} select 1",
    });
    const invocation = { ...input.config.invocation, started_at: new Date('2026-01-02T03:04:05.067Z') };
    const config = { ...input.config, invocation: { ...invocation, started_micros: 891 } };
    const { manifest } = parseProject({ ...input, config });
    const now = '2026-01-02T03:04:05.067891';
    expect(manifest.nodes['model.p.m']?.config['meta']).toEqual({ now, start: now });
  });
});
