// Two nodes that swap their aliases do not add to each other's tables.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';

describe.each([
  ['Postgres', null, () => FaultProject.open({})],
  ['ClickHouse', clickhouseMissing, () => ClickhouseLab.open({})],
] as const)('the rows of an incremental table on %s', (_name, missing, open) => {
  describe.skipIf(missing !== null)(missing ?? 'of one node', () => {
    let project: FaultProject | ClickhouseLab;
    beforeAll(async () => {
      project = await open();
    });
    afterAll(async () => {
      await project?.close();
    });

    const model = (name: string, alias: string, config = "materialized='incremental'"): void =>
      project.write({ [`models/${name}.sql`]: `{{ config(${config}, alias='${alias}') }} select '${name}' as v` });
    async function run(code: number, ...args: readonly string[]): Promise<string> {
      const ended = await project.run(args);
      expect(ended.code, ended.out).toBe(code);
      return ended.out.replaceAll(/\s+/g, ' ');
    }
    const rows = async (table: string): Promise<string> =>
      (await project.rows(`select v from s.${table} order by v`)).flat().join(' ');

    it('are not mixed with those of a node that had the alias before', async () => {
      model('a', 'first');
      model('b', 'second');
      await run(0, 'run', '--full-refresh');
      model('a', 'second');
      model('b', 'first');
      const out = await run(1, 'run');
      expect(out).toMatch(/first["`] holds the rows of model\.faults\.a, and model\.faults\.b would add to them/);
      expect(out).toMatch(/second["`] holds the rows of model\.faults\.b, and model\.faults\.a would add to them/);
      expect(out).toContain('Run the node with --full-refresh');
      expect([await rows('first'), await rows('second')]).toEqual(['a', 'b']);
      await run(0, 'run', '--full-refresh');
      expect([await rows('first'), await rows('second')]).toEqual(['b', 'a']);
      await run(0, 'run');
      expect([await rows('first'), await rows('second')]).toEqual(['b b', 'a a']);
    });

    it('are not mixed with those of a table, or with full_refresh: false', async () => {
      model('a', 'first', "materialized='table'");
      model('b', 'second');
      await run(0, 'run', '--full-refresh');
      model('a', 'second', "materialized='table'");
      model('b', 'first', "materialized='incremental', full_refresh=false");
      expect(await run(1, 'run', '--full-refresh')).toMatch(/first["`] holds the rows of model\.faults\.a/);
      expect(await rows('first')).toBe('a');
    });

    it('stay if the node was renamed, or if nothing was recorded', async () => {
      model('a', 'first');
      model('b', 'second');
      await run(0, 'run', '--full-refresh');
      rmSync(join(project.dir, 'models/a.sql'));
      model('c', 'first');
      await run(0, 'run');
      expect(await rows('first')).toBe('a c');
      model('c', 'second');
      model('b', 'first');
      rmSync(join(project.dir, 'target/view_state.json'));
      await run(0, 'run');
      expect(await rows('first')).toBe('a b c');
      rmSync(join(project.dir, 'models/c.sql'));
    });

    it('of a snapshot are not mixed with those of another one', async () => {
      rmSync(join(project.dir, 'models/b.sql'));
      const snapshots = (first: string, second: string): void =>
        project.write({
          'models/one.sql': "select 1 as id, 'one' as v",
          'models/two.sql': "select 1 as id, 'two' as v",
          'snapshots/s.yml': `snapshots:\n${[
            ['one', first],
            ['two', second],
          ]
            .map(
              ([name, alias]) =>
                `  - {name: of_${name}, relation: "ref('${name}')", config: {alias: ${alias}, unique_key: id, ` +
                'strategy: check, check_cols: [v], hard_deletes: invalidate}}\n',
            )
            .join('')}`,
        });
      snapshots('h1', 'h2');
      await run(0, 'build');
      snapshots('h2', 'h1');
      expect(await run(1, 'build')).toMatch(/h2["`] holds the rows of snapshot\.faults\.of_two, .* Rename the tables/);
      expect([await rows('h1'), await rows('h2')]).toEqual(['one', 'two']);
      await run(1, 'build', '--full-refresh');
      expect([await rows('h1'), await rows('h2')]).toEqual(['one', 'two']);
    });
  });
});
