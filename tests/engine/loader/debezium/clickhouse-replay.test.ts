// Recorded changes of Debezium through the loader into ClickHouse: over any border of flushes, any share of partitions
// and TSDBT_CHANGE_KILLS kills the table is that of the source, a Postgres that ran the same statements. `npm run
// faults -- changes`: 204 kills.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { clickhouseMissing } from '../../support/clickhouse.ts';
import { ClickHouseLab } from '../clickhouse-lab.ts';
import { LoadLab } from '../load-lab.ts';
import { recorded, statementsOf } from './envelopes.ts';
import { KILLS, killedOften, produce, randomOf } from './replays.ts';

const TIMES = Math.ceil(Number(process.env['TSDBT_CHANGE_KILLS'] ?? 24) / KILLS / 2);
const CHANGES: ChangeConfig = {
  deletes: 'soft',
  keeps: false,
  truncate: 'ignore',
  decimals: 'precise',
  times: 'adaptive',
  binary: 'bytes',
};
const MODES = {
  'debezium-default': CHANGES,
  'debezium-readable': { ...CHANGES, decimals: 'string', times: 'isostring', binary: 'hex' },
} as const;
const COLUMNS = {
  id: 'Int64',
  customer: 'UUID',
  status: 'String',
  total: 'Nullable(Decimal(20, 4))',
  created_at: "DateTime64(6, 'UTC')",
  lines: 'Nullable(String)',
  tags: 'Array(String)',
};
/** Each column as a text, of the source and of ClickHouse, whose arrays are never null. */
const TEXTS: Readonly<Record<keyof typeof COLUMNS, readonly [source: string, loaded: string]>> = {
  id: ['id::text', 'toString(id)'],
  customer: ['customer::text', 'toString(customer)'],
  status: ['status::text', 'status'],
  total: ['trim_scale(total)::text', 'toString(total)'],
  created_at: ["to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')", 'toString(created_at)'],
  lines: ['lines::text', 'lines'],
  tags: ["coalesce(array_to_json(tags)::text, '[]')", 'toJSONString(tags)'],
};

describe.skipIf(clickhouseMissing !== null)('recorded Debezium changes in ClickHouse, with kills,', () => {
  let source: LoadLab;
  let lab: ClickHouseLab;
  beforeAll(async () => {
    source = await LoadLab.open();
    lab = new ClickHouseLab('debezium_replay');
    const statements = statementsOf('dml');
    const session = source.adapter.session({ name: 'source' });
    try {
      await session.begin();
      // Up to the first truncate, which ClickHouse ignores.
      for (const statement of [
        ...statementsOf('setup'),
        ...statements.slice(
          0,
          statements.findIndex((line) => line.startsWith('truncate')),
        ),
      ])
        await session.execute(statement);
      await session.commit();
    } finally {
      await session.release();
    }
  });
  afterAll(async () => {
    await lab?.close();
    await source?.close();
  });

  it.each(['debezium-default', 'debezium-readable'] as const)(
    'result in the table of the source: %s',
    async (file) => {
      const all = recorded(file).filter(({ topic }) => topic.endsWith('.shop.orders'));
      const truncate = all.findIndex(({ value }) => value?.includes('"op":"t"'));
      // The row of 44 BC is deleted at once: ClickHouse has no such year.
      const messages = all.slice(0, truncate).filter(({ value }) => value?.includes('"created_at":"-0043-') !== true);
      expect(messages.length).toBe(truncate - 1);
      // The connector's default writes decimals as bytes, whose digits a message without a schema does not say.
      const names = Object.keys(COLUMNS).filter((name): name is keyof typeof COLUMNS => name in TEXTS);
      const compared = names.filter((name) => name !== 'total' || file === 'debezium-readable');
      const list = (of: 0 | 1): string => compared.map((name) => TEXTS[name][of]).join(', ');
      const wanted = (await source.rows(`select ${list(0)} from shop.orders as o order by o.id`)).map((row) => [
        ...row,
      ]);
      expect(wanted.length).toBe(8);

      for (let seed = 1; seed <= TIMES; seed++) {
        const random = randomOf(seed);
        const partitions = 1 + Math.floor(random() * 3);
        const target = lab.target(
          COLUMNS,
          {
            ...{ format: 'debezium', mode: 'upsert', key: ['id'], changes: MODES[file], rest: null },
            flush: { rows: 1 + Math.floor(random() * 12), bytes: 1e6, ageMs: 20 },
          },
          partitions,
        );
        lab.broker.batch = 1 + Math.floor(random() * 10);
        produce(lab.broker, messages, partitions, random);
        const decoder = (): ReturnType<typeof changeDecoder> => changeDecoder(null, target, Date.now);
        await killedOften(random, (reached) =>
          lab.load(target, { sink: lab.anotherSink(reached), decoder: decoder() }),
        );
        await lab.load(target, { sink: lab.anotherSink(), decoder: decoder() });
        const table = `${target.schema}.${target.identifier}`;
        expect(
          await lab.rows(`select ${list(1)} from ${table} final where not _deleted order by id`),
          `seed ${seed}`,
        ).toEqual(wanted);
      }
    },
    3_600_000,
  );
});
