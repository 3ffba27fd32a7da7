// Tests that a build with --empty or --sample of a model that uses `new_rows` costs the next build no rows, on both
// databases.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

const files = (number: string, time: string): Record<string, string> => ({
  'models/sources.yml': `sources:
  - name: raw
    tables:
      - name: events
        config: { event_time: t, meta: { tsdbt: { load: { topic: events, mode: append } } } }
        columns: [{ name: id, data_type: ${number} }, { name: t, data_type: "${time}" }]
`,
  'models/m.sql':
    "{{ config(materialized='incremental') }} select id, t from {{ new_rows(source('raw', 'events')) }} as fresh\n",
  'models/batches.sql':
    "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='t', begin='2026-01-01', " +
    "batch_size='day') }} select id, t from {{ new_rows(source('raw', 'events')) }} as fresh\n",
});

const OLD = '2020-01-01T00:00:00Z';

describe.each([
  ['Postgres', () => FaultProject.open(files('bigint', 'timestamptz'))],
  ...(clickhouseMissing === null
    ? [['ClickHouse', () => ClickhouseLab.open(files('Int64', "DateTime64(3, 'UTC')"))] as const]
    : []),
] as const)('a partial build of a model that uses new_rows on %s', (_name, open) => {
  it('costs the next build no rows', { timeout: 120_000 }, async () => {
    const project = await open();
    let next = 0;
    const run = async (...args: string[]): Promise<string> => {
      const { code, out } = await project.run(args);
      return `${code} ${out}`;
    };
    const load = async (rows: number, time: string): Promise<void> => {
      const name = `from-${next}.ndjson`;
      const lines = Array.from({ length: rows }, () => `{"id": ${next++}, "t": "${time}"}\n`);
      writeFileSync(join(project.dir, name), lines.join(''));
      expect(await run('load', '--from', name)).toMatch(/^0 /);
    };
    const build = async (...more: string[]): Promise<string> => {
      const out = await run('run', '--select', 'm', ...more);
      if (!out.startsWith('0 ')) return out;
      return (await project.rows('select count(*), count(distinct id) from s.m'))[0]!.join(' of ');
    };
    try {
      await load(10, OLD);
      await load(5, new Date().toISOString());
      expect(await build('--empty')).toBe('0 of 0');
      expect(await build()).toBe('15 of 15');
      await load(2, OLD);
      await load(3, new Date().toISOString());
      expect(await build('--empty')).toBe('15 of 15');
      expect(await build('--sample', '1 day')).toBe('15 of 15');
      expect(await build()).toBe('20 of 20');
      expect(await build('--empty', '--full-refresh')).toBe('0 of 0');
      expect(await build()).toBe('20 of 20');
      expect(await build('--sample', '1 day', '--full-refresh')).toBe('8 of 8');
      expect(await build('--sample', '1 day')).toBe('8 of 8');
      expect(await build()).toContain('Build it with --full-refresh');
      expect(await build('--full-refresh')).toBe('20 of 20');
      await load(4, OLD);
      expect(await build()).toBe('24 of 24');
      expect(await run('run', '--select', 'batches')).toContain('new_rows cannot be used in a microbatch model');
    } finally {
      await project.close();
    }
  });
});
