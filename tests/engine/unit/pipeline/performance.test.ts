// What `parse` writes to perf_info.json. Keys and counts are those that dbt 1.12 writes for the same project.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { load, parse } from '../../../../src/index.ts';

const PROFILE = { type: 'postgres', host: '127.0.0.1', port: 1, user: 'u', password: 'p', dbname: 'd', schema: 's' };

test('perf_info.json counts the files that were parsed again, by project and parser', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tsdbt-performance-'));
  const info = async (): Promise<Record<string, unknown>> => {
    parse(await load({ cwd, env: {}, command: 'parse' }));
    return JSON.parse(readFileSync(join(cwd, 'target/perf_info.json'), 'utf8')) as Record<string, unknown>;
  };
  try {
    mkdirSync(join(cwd, 'models'));
    const files: Readonly<Record<string, string>> = {
      'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev: PROFILE } } }),
      'dbt_project.yml': 'name: p\nprofile: p\n',
      'models/a.sql': 'select 1 as n',
      'models/b.sql': "{% set table = 'a' %}select * from {{ ref(table) }}",
      'models/m.yml': 'models: [{ name: a, columns: [{ name: n, data_tests: [unique] }] }]',
    };
    for (const [path, text] of Object.entries(files)) writeFileSync(join(cwd, path), text);

    const first = await info();
    expect(first).toMatchObject({
      parsed_path_count: first['path_count'],
      static_analysis_path_count: 2,
      static_analysis_parsed_path_count: 1,
      is_partial_parse_enabled: true,
      is_static_analysis_enabled: true,
      load_macros_elapsed: expect.any(Number),
      parse_project_elapsed: expect.any(Number),
      patch_sources_elapsed: expect.any(Number),
      process_manifest_elapsed: expect.any(Number),
    });
    expect((first['projects'] as unknown[])[0]).toEqual({
      project_name: 'p',
      elapsed: expect.any(Number),
      parsers: [
        { parser: 'model', elapsed: expect.any(Number), parsed_path_count: 2 },
        { parser: 'test', elapsed: expect.any(Number), parsed_path_count: 1 },
      ],
      parsed_path_count: 3,
    });

    const again = await info();
    expect(again).toMatchObject({ path_count: first['path_count'], parsed_path_count: 0 });
    expect(again).not.toHaveProperty('load_macros_elapsed');

    writeFileSync(join(cwd, 'models/a.sql'), 'select 2 as n');
    expect(await info()).toMatchObject({ path_count: first['path_count'], parsed_path_count: 1 });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
