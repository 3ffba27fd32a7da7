// Recorded changes of Debezium through the loader into Postgres: over any border of flushes, any share of partitions
// and any kill the tables are those of the source.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { PostgresSink } from '../../../../src/loader/postgres/sink.ts';
import { LoadLab, loaderOn } from '../load-lab.ts';
import { type Recorded, recorded, statementsOf } from './envelopes.ts';
import { killedOften, produce, randomOf } from './replays.ts';

const CHANGES: ChangeConfig = {
  deletes: 'hard',
  keeps: true,
  truncate: 'apply',
  decimals: 'precise',
  times: 'adaptive',
  binary: 'bytes',
};
const MODES = {
  'debezium-default': CHANGES,
  'debezium-readable': { ...CHANGES, decimals: 'string', times: 'isostring', binary: 'hex' },
} as const;
const ORDERS = {
  id: 'bigint',
  customer: 'uuid',
  status: 'text',
  total: 'numeric(20,4)',
  created_at: 'timestamptz',
  due: 'date',
  lines: 'jsonb',
  tags: 'text[]',
  remark: 'text',
  channel: 'text',
};
const WIDE = { id: 'integer', big: 'text', n: 'integer' };

describe('recorded Debezium changes in Postgres', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
    // The scripts as the source ran them, to their end and up to the first truncate.
    const statements = statementsOf('dml');
    const truncated = statements.findIndex((line) => line.startsWith('truncate'));
    for (const [schema, count] of [
      ['shop', statements.length],
      ['before', truncated],
    ] as const)
      for (const statement of [...statementsOf('setup'), ...statements.slice(0, count)])
        await run(statement.replaceAll('shop', schema));
  });
  afterAll(async () => lab.close());

  async function run(sql: string): Promise<void> {
    const session = lab.adapter.session({ name: 'source' });
    try {
      await session.begin();
      await session.execute(sql);
      await session.commit();
    } finally {
      await session.release();
    }
  }

  /** Loads messages into a new table, killed now and then. */
  async function load(
    messages: readonly Recorded[],
    columns: Readonly<Record<string, string>>,
    changes: ChangeConfig,
    random: () => number,
  ): Promise<LoadTarget> {
    const flush = { rows: 1 + Math.floor(random() * 12), bytes: 1e6, ageMs: 20 };
    const partitions = 1 + Math.floor(random() * 3);
    const target = lab.target(
      columns,
      { format: 'debezium', mode: 'upsert', key: ['id'], changes, flush, rest: null },
      partitions,
    );
    lab.broker.batch = 1 + Math.floor(random() * 10);
    produce(lab.broker, messages, partitions, random);
    await killedOften(random, (reached) => {
      const sink = new PostgresSink(lab.adapter, lab.sealer, Date.now, reached);
      return loaderOn(lab.broker, sink, target, { decoder: changeDecoder(null, target, Date.now) }).loader.run();
    });
    await lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
    expect(await lab.letters(target)).toEqual([]);
    return target;
  }
  const of = (file: keyof typeof MODES, table: string): Recorded[] =>
    recorded(file).filter(({ topic }) => topic.endsWith(`.shop.${table}`));
  const same = async (
    target: LoadTarget,
    table: string,
    columns: readonly string[],
    schema = 'shop',
  ): Promise<void> => {
    const list = columns.join(', ');
    const [ours, theirs] = [
      `select ${list} from raw.${target.identifier} where not _deleted`,
      `select ${columns.map((name) => (name === 'status' ? 'status::text' : name)).join(', ')} from ${schema}.${table}`,
    ];
    expect(await lab.rows(`(${ours}) except all (${theirs})`)).toEqual([]);
    expect(await lab.rows(`(${theirs}) except all (${ours})`)).toEqual([]);
  };

  describe.each(['debezium-default', 'debezium-readable'] as const)('%s', (file) => {
    it.each(['hard', 'soft'] as const)('result in the tables of the source with deletes: %s', async (deletes) => {
      for (let seed = 1; seed <= 8; seed++) {
        for (const [table, columns] of [
          ['orders', ORDERS],
          ['wide', WIDE],
        ] as const) {
          const target = await load(of(file, table), columns, { ...MODES[file], deletes }, randomOf(seed));
          const names = Object.keys(columns);
          // The connector's default writes NaN as null.
          await same(target, table, file === 'debezium-default' ? names.filter((name) => name !== 'total') : names);
        }
      }
    });

    it('result in the table before it was truncated', async () => {
      const messages = of(file, 'orders');
      const truncate = messages.findIndex(({ value }) => value?.includes('"op":"t"'));
      // What an alter table does to rows that are there is no change of a row.
      const names = Object.keys(ORDERS).filter((name) => name !== 'remark' && name !== 'channel');
      for (let seed = 1; seed <= 8; seed++) {
        const target = await load(messages.slice(0, truncate), ORDERS, MODES[file], randomOf(seed));
        // Without a schema the digits of a decimal are those of the column as it is declared now.
        await same(
          target,
          'orders',
          names.filter((name) => name !== 'total' || file === 'debezium-readable'),
          'before',
        );
      }
    });
  });
});
