// Tests ClickHouse tables after a run died while publishing, and snapshots, on a real engine.
import { beforeAll, describe, expect, it } from 'vitest';
import { ownHost } from '../../../src/adapters/process-identity.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import type { ClickhouseSchema } from '../support/clickhouse-build.ts';
import { publishingBench, UPSERT } from './clickhouse-publishing.ts';

describe.skipIf(clickhouseMissing !== null)(
  `publishing on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    const bench = publishingBench('interrupted');
    const { content, monthly, select, publishes } = bench;
    let db: ClickhouseSchema;
    beforeAll(() => {
      db = bench.db;
    });

    describe('after a run died', () => {
      const nobody = { pid: 1, start: 'of another' };
      const dead = 'd'.repeat(12);
      /**
       * What a run that began an exchange leaves, rows of others in the old table.
       * @returns whether the EXCHANGE was still run
       */
      const abandon = async (name: string, exchanged: boolean, state: (exchange: object) => object): Promise<void> => {
        await monthly(name, "(1, '2024-01-01', 'a'), (2, '2024-02-01', 'a')");
        const shadow = `${name}__tsdbt_shadow_${'e'.repeat(32)}`;
        await db.rows(`create table interrupted.${shadow} as interrupted.${name}`);
        await db.rows(`insert into interrupted.${shadow} values (1, '2024-01-01', 'new'), (2, '2024-02-01', 'new')`);
        const uuid = (
          await db.rows(`select toString(uuid) from system.tables where database = 'interrupted' and name = '${name}'`)
        )[0]![0]!;
        const blocks = Object.fromEntries(
          (
            await db.rows(
              'select partition_id, max(max_block_number) from system.parts where active and database = ' +
                `'interrupted' and table = '${name}' group by 1`,
            )
          ).map(([id, block]) => [id, Number(block)]),
        );
        await db.rows(`system stop merges interrupted.${name}`);
        await db.rows(
          `insert into interrupted.${name} values (100, '2024-01-07', 'other'), (101, '2024-03-07', 'other')`,
        );
        const comment = JSON.stringify({
          host: ownHost(),
          ...nobody,
          stopped: true,
          exchange: state({ shadow, uuid, blocks, carried: [] }),
        });
        await db.rows(
          `create table interrupted.${name}__tsdbt_lock_${dead} (nothing UInt8) engine = Null comment '${comment}'`,
        );
        if (exchanged) await db.rows(`exchange tables interrupted.${name} and interrupted.${shadow}`);
      };
      const upsert = (name: string): Promise<string[]> =>
        db.build({ name, sql: select("(3, '2024-01-01', 'b')"), config: UPSERT });

      it('before its EXCHANGE has changed nothing', async () => {
        await abandon('dead_before', false, (exchange) => exchange);
        await upsert('dead_before');
        expect(await content('dead_before')).toEqual([
          '1 2024-01-01 a',
          '2 2024-02-01 a',
          '3 2024-01-01 b',
          '100 2024-01-07 other',
          '101 2024-03-07 other',
        ]);
        expect((await db.tables()).filter((name) => name.startsWith('dead_before'))).toEqual(['dead_before']);
      });

      it('after its EXCHANGE is completed, with the rows that others had written', async () => {
        await abandon('dead_after', true, (exchange) => exchange);
        await upsert('dead_after');
        expect(await content('dead_after')).toEqual([
          '1 2024-01-01 new',
          '2 2024-02-01 new',
          '3 2024-01-01 b',
          '100 2024-01-07 other',
          '101 2024-03-07 other',
        ]);
        expect((await db.tables()).filter((name) => name.startsWith('dead_after'))).toEqual(['dead_after']);
      });

      it('while it moved such rows moves the rest, none twice', async () => {
        const carry = `dead_moving__tsdbt_carry_${dead}`;
        let parts: string[] = [];
        await abandon('dead_moving', true, (exchange) => ({ ...exchange, carry }));
        const old = `dead_moving__tsdbt_shadow_${'e'.repeat(32)}`;
        parts = (await db.rows(`select distinct _part from interrupted.${old} where v = 'other'`)).flat();
        await db.rows(`create table interrupted.${carry} as interrupted.dead_moving`);
        await db.rows(`insert into interrupted.${carry} select * from interrupted.${old} where v = 'other'`);
        await db.rows(`alter table interrupted.${carry} move partition id '202403' to table interrupted.dead_moving`);
        const lock = `interrupted.dead_moving__tsdbt_lock_${dead}`;
        const claim = JSON.parse(
          (
            await db.rows(
              "select comment from system.tables where database = 'interrupted' and name = " +
                `'dead_moving__tsdbt_lock_${dead}'`,
            )
          )[0]![0]!,
        ) as { exchange: object };
        await db.rows(
          `alter table ${lock} modify comment ` +
            `'${JSON.stringify({ ...claim, exchange: { ...claim.exchange, carried: parts } })}'`,
        );
        await upsert('dead_moving');
        expect(await content('dead_moving')).toEqual([
          '1 2024-01-01 new',
          '2 2024-02-01 new',
          '3 2024-01-01 b',
          '100 2024-01-07 other',
          '101 2024-03-07 other',
        ]);
        expect((await db.tables()).filter((name) => name.startsWith('dead_moving'))).toEqual(['dead_moving']);
      });

      it('does not wait for it, but waits for a live run on another host until that is done', async () => {
        await monthly('awaited', "(1, '2024-01-01', 'a')");
        const lock = `interrupted.awaited__tsdbt_lock_${dead}`;
        await db.rows(
          `create table ${lock} (nothing UInt8) engine = Null comment ` +
            `'${JSON.stringify({ host: 'another', ...nobody })}'`,
        );
        let built = false;
        const build = upsert('awaited').then(() => {
          built = true;
        });
        await db.rows('select sleep(0.5)');
        expect(built).toBe(false);
        await db.rows(`drop table ${lock}`);
        await build;
        expect(await content('awaited')).toEqual(['1 2024-01-01 a', '3 2024-01-01 b']);
      });
    });

    describe('with a snapshot', () => {
      const give = async (rows: string): Promise<void> => {
        await db.rows(
          'create or replace table interrupted.source (id Nullable(Int64), k String, v Nullable(String), at ' +
            'DateTime) engine = MergeTree order by tuple()',
        );
        await db.rows(`insert into interrupted.source values ${rows}`);
      };
      const snap = (
        name: string,
        config: Readonly<Record<string, unknown>>,
        sql = 'select * from interrupted.source',
      ): Promise<string[]> => db.build({ materialization: 'snapshot', name, sql, config });
      const versions = async (name: string): Promise<string[]> =>
        (
          await db.rows(
            'select id, k, v, dbt_valid_to is null, * except (id, k, v, at, dbt_scd_id, dbt_updated_at, ' +
              `dbt_valid_from, dbt_valid_to) from interrupted.${name} order by all`,
          )
        ).map((row) => row.join(' '));

      it('by timestamp supports keys of several nullable columns, and records deleted rows', async () => {
        const config = { strategy: 'timestamp', unique_key: ['id', 'k'], updated_at: 'at', hard_deletes: 'new_record' };
        await give(
          "(1, 'a', 'x', '2024-01-01 00:00:00'), (NULL, 'a', 'y', '2024-01-01 00:00:00'), (3, 'c', 'z', " +
            "'2024-01-01 00:00:00')",
        );
        await snap('by_time', config);
        await give(
          "(1, 'a', 'x2', '2024-01-02 00:00:00'), (NULL, 'a', 'y2', '2024-01-02 00:00:00'), (4, 'd', 'n', " +
            "'2024-01-02 00:00:00')",
        );
        await snap('by_time', config);
        const now = [
          '1 a x 0 False',
          '1 a x2 1 False',
          '3 c z 0 False',
          '3 c z 1 True',
          '4 d n 1 False',
          'null a y 0 False',
          'null a y2 1 False',
        ];
        expect(await versions('by_time')).toEqual(now);
        expect(publishes(await snap('by_time', config), 'by_time')).toEqual([]);
        expect(await versions('by_time')).toEqual(now);
        await expect(
          snap(
            'by_time',
            config,
            "select * from interrupted.source union all select 1, 'a', 'x3', '2024-01-03 00:00:00'",
          ),
        ).rejects.toThrow('several current rows for one unique_key');
        expect(await versions('by_time')).toEqual(now);
      });

      it('by checked columns detects changes from and to NULL, ends deleted rows, and adds new columns', async () => {
        const config = { strategy: 'check', unique_key: 'id', check_cols: ['v'], hard_deletes: 'invalidate' };
        await give(
          "(1, 'a', NULL, '2024-01-01 00:00:00'), (NULL, 'a', 'y', '2024-01-01 00:00:00'), (3, 'c', 'z', " +
            "'2024-01-01 00:00:00'), (5, 'e', NULL, '2024-01-01 00:00:00')",
        );
        await snap('by_value', config);
        await give(
          "(1, 'a', 'x', '2024-01-02 00:00:00'), (NULL, 'a', NULL, '2024-01-02 00:00:00'), (4, 'd', 'n', " +
            "'2024-01-02 00:00:00'), (5, 'e', NULL, '2024-01-02 00:00:00')",
        );
        await snap('by_value', config, "select *, 'new' as extra from interrupted.source");
        expect(await versions('by_value')).toEqual([
          '1 a x 1 new',
          '1 a null 0 null',
          '3 c z 0 null',
          '4 d n 1 new',
          '5 e null 1 null',
          'null a y 0 null',
          'null a null 1 new',
        ]);
      });

      it('with dbt_valid_to_current and custom column names ends the current versions', async () => {
        const names = {
          dbt_valid_to: 'till',
          dbt_valid_from: 'since',
          dbt_scd_id: 'version',
          dbt_updated_at: 'changed',
          dbt_is_deleted: 'gone',
        };
        const config = {
          strategy: 'check',
          unique_key: 'id',
          check_cols: 'all',
          dbt_valid_to_current: "toDateTime('2100-01-01 00:00:00')",
          snapshot_meta_column_names: names,
        };
        await give("(1, 'a', 'x', '2024-01-01 00:00:00')");
        await snap('named', config);
        await give("(1, 'a', 'y', '2024-01-01 00:00:00')");
        await snap('named', config);
        expect(
          await db.rows("select v, till = toDateTime('2100-01-01 00:00:00') from interrupted.named order by v"),
        ).toEqual([
          ['x', '0'],
          ['y', '1'],
        ]);
      });
    });
  },
);
