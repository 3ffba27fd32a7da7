// Runs on ClickHouse that are killed at any statement, the server too: afterwards the same command leaves exactly what
// an undisturbed run leaves, and a reader has only ever seen the table before or after. `npm run faults -- clickhouse`
// kills at every statement; with TSDBT_ORACLE_CLICKHOUSE real dbt-clickhouse's strategies run in the same harness, for
// comparison.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab, type Fault, type Program, TSDBT } from './clickhouse-lab.ts';

/** How many kills; 0: a few, around the statement that publishes. */
const KILLS = Number(process.env['TSDBT_FAULT_KILLS'] ?? 0);
const ORACLE = process.env['TSDBT_ORACLE_CLICKHOUSE'];
const ORACLE_KILLS = Number(process.env['TSDBT_FAULT_ORACLE_KILLS'] ?? 24);
const HOW = ['before', 'late', 'after', 'server'] as const;

interface Row {
  readonly id: number;
  readonly day: string;
  readonly v: string;
}
/**
 * Kills, looks of the reader, looks that fit neither state, rows lost and double after the command was run again, runs
 * that then failed.
 */
interface Figures {
  kills: number;
  looks: number;
  partial: number;
  lost: number;
  double: number;
  failed: number;
}
type Strike = Fault | { readonly killAfter: number };

const UPSERT = "incremental_strategy=var('keyed', 'atomic_upsert'), unique_key='id'";
interface Model {
  readonly config: string;
  readonly spread: boolean;
  readonly publishes: RegExp;
  readonly how: Fault['how'] /** Each round gives every row anew. */;
  readonly whole?: boolean;
  readonly where?: string;
  readonly args?: readonly string[];
}
const MODELS: Readonly<Record<string, Model>> = {
  one_partition: {
    config: UPSERT,
    spread: false,
    publishes: /alter table \S*one_partition\S* replace partition/i,
    how: 'late',
  },
  many_partitions: { config: UPSERT, spread: true, publishes: /exchange tables \S*many_partitions/i, how: 'late' },
  overwritten: {
    config: "incremental_strategy='insert_overwrite'",
    spread: true,
    whole: true,
    publishes: /exchange tables \S*overwritten/i,
    how: 'late',
  },
  batched: {
    config: "incremental_strategy='microbatch', event_time='day', batch_size='year', begin='2024-01-01'",
    spread: true,
    whole: true,
    publishes: /exchange tables \S*batched/i,
    how: 'before',
    where: 'where toYear(day) = {{ model.batch.id }}',
    args: ['--event-time-start', '2024-01-01', '--event-time-end', '2025-01-01'],
  },
  added: {
    config: "incremental_strategy='append'",
    spread: true,
    publishes: /exchange tables \S*added/i,
    how: 'after',
    where: '{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}',
  },
};

let lab: ClickhouseLab;
let round = 0;

const none = (): Figures => ({ kills: 0, looks: 0, partial: 0, lost: 0, double: 0, failed: 0 });
const day = (n: number): string => new Date(Date.UTC(2024, 0, 1 + n)).toISOString().slice(0, 10);
const line = ({ id, day: d, v }: Row): string => `${id} ${d} ${v}`;
const content = (table: string, where = '1'): string =>
  `select arraySort(groupArray(concat(toString(id), ' ', toString(day), ' ', v))) from s.${table} where ${where}`;

/** The rows of a round: some keys again, some new; spread over months, with keys that move between them. */
function batch(model: string, number: number): Row[] {
  const { spread, whole = false } = MODELS[model] ?? { spread: true };
  if (whole) return Array.from({ length: 60 }, (_, id) => ({ id, day: day((id * 13) % 120), v: `${number}` }));
  const ids =
    model === 'added'
      ? Array.from({ length: 40 }, (_, i) => number * 40 + i)
      : Array.from({ length: 40 }, (_, i) => (number * 7 + i) % 60);
  return [...new Set(ids)].map((id) => ({
    id,
    day: day(spread ? ((id + number) * 13) % 120 : (id + number) % 28),
    v: `${number}`,
  }));
}

async function give(model: string): Promise<Row[]> {
  const rows = batch(model, ++round);
  await lab.rows(`truncate table raw.${model}`);
  await lab.rows(
    `insert into raw.${model} values ${rows.map(({ id, day: d, v }) => `(${id}, '${d}', '${v}')`).join(', ')}`,
  );
  return rows;
}

async function works(args: readonly string[], program: Program): Promise<readonly string[]> {
  const ended = await lab.run(args, { program });
  expect(ended.code, ended.out).toBe(0);
  return ended.statements;
}

/**
 * A fault and the run that follows it, against what must come of them.
 * @param before lines of the table, by key; becomes what is there afterwards
 */
async function strike(
  table: string,
  where: string,
  before: Map<string, string>,
  fresh: readonly Row[],
  fault: Strike,
  figures: Figures,
  program: Program,
  command: readonly string[],
): Promise<void> {
  const was = [...before.values()].sort();
  for (const row of fresh) before.set(String(row.id), line(row));
  const after = [...before.values()].sort();
  const allowed = new Set([was, after].map((lines) => JSON.stringify([[lines]])));
  const [, reading] = await lab.watch(content(table, where), async () => {
    const struck = await lab.run(command, { program, beside: true, ...('killAfter' in fault ? fault : { fault }) });
    if (struck.killed || ('how' in fault && fault.how === 'server')) figures.kills++;
    const again = await lab.run(command, { program, beside: true });
    if (again.code !== 0) {
      figures.failed++;
      console.log(`${table} ${JSON.stringify(fault)}: ${again.out.slice(-1500)}`);
    }
  });
  figures.looks += reading.looks;
  for (const seen of reading.states) if (!allowed.has(seen)) figures.partial++;
  const found = (await lab.rows(content(table, where)))[0]![0] as string[];
  figures.lost += after.filter((text) => !found.includes(text)).length;
  figures.double += found.length - new Set(found).size + found.filter((text) => !after.includes(text)).length;
  // The next round begins with what is there.
  before.clear();
  for (const text of found) before.set(text.split(' ')[0]!, text);
}

/** As many faults as asked for: at every statement in turn, in every way, and at any time. */
function faults(statements: readonly string[], count: number): Strike[] {
  return Array.from({ length: count }, (_, i) =>
    i % 5 === 4
      ? { killAfter: 200 + ((i * 37) % 900) }
      : {
          at: (i * 3 + Math.floor(i / statements.length)) % statements.length,
          how: HOW[i % 5]!,
          delay: (i * 131) % 900,
        },
  );
}

async function present(table: string, where = '1'): Promise<Map<string, string>> {
  const found = (await lab.rows(content(table, where)))[0]![0] as string[];
  return new Map(found.map((text) => [text.split(' ')[0]!, text]));
}

async function measure(model: string, count: number, program: Program, args: readonly string[] = []): Promise<Figures> {
  const figures = none();
  const { publishes, how, args: own = [] } = MODELS[model]!;
  const command = ['run', '--select', model, ...own, ...args];
  let strikes: Strike[] = [{ at: publishes, how, delay: 300 }];
  if (count > 0) {
    await give(model);
    strikes = faults(await works(command, program), count);
  }
  const table = await present(model);
  for (const fault of strikes) await strike(model, '1', table, await give(model), fault, figures, program, command);
  return figures;
}

describe.skipIf(clickhouseMissing !== null)(
  'a run on ClickHouse that is killed, or whose server is ' +
    `killed${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    const share = Math.ceil(KILLS / 6);
    const shown: Record<string, Figures> = {};

    beforeAll(async () => {
      lab = await ClickhouseLab.open({
        ...Object.fromEntries(
          Object.entries(MODELS).map(([name, { config, where = '' }]) => [
            `models/${name}.sql`,
            "{{ config(materialized='incremental', engine='MergeTree()', order_by='id', " +
              `partition_by='toYYYYMM(day)', ${config}) }}
select id, day, v from raw.${name} ${where}`,
          ]),
        ),
        'snapshots/versions.sql':
          "{% snapshot versions %}{{ config(target_schema='s', unique_key='id', strategy='check', " +
          "check_cols=['v']) }} select id, day, v from raw.versions{% endsnapshot %}",
      });
      await lab.rows('create database raw');
      for (const name of [...Object.keys(MODELS), 'versions']) {
        await lab.rows(`create table raw.${name} (id Int64, day Date, v String) engine = MergeTree order by id`);
        await give(name);
      }
      await works(['build'], TSDBT);
    });
    afterAll(async () => {
      if (KILLS > 0) console.table(shown);
      await lab?.close();
    });

    const harmless = { partial: 0, lost: 0, double: 0, failed: 0 };

    it.each(Object.keys(MODELS))(
      'loses, duplicates and partially shows nothing: %s',
      async (model) => {
        const figures = (shown[model] = await measure(model, share, TSDBT));
        expect(figures).toMatchObject(harmless);
        expect(figures.kills).toBeGreaterThan(0);
        expect(figures.looks).toBeGreaterThan(5);
        expect(await lab.orphans()).toEqual([]);
      },
      300_000 + KILLS * 15_000,
    );

    it(
      'keeps one current version of each row in a snapshot',
      async () => {
        const figures = (shown['snapshot'] = none());
        const current = 'dbt_valid_to is null';
        let strikes: Strike[] = [{ at: /alter table \S*versions\S* replace partition/i, how: 'before' }];
        if (share > 0) {
          await give('versions');
          strikes = faults(await works(['snapshot'], TSDBT), share);
        }
        const table = await present('versions', current);
        for (const fault of strikes)
          await strike('versions', current, table, await give('versions'), fault, figures, TSDBT, ['snapshot']);
        expect(figures).toMatchObject(harmless);
        expect(figures.kills).toBeGreaterThan(0);
        expect(
          Number(
            (
              await lab.rows(
                'select count() from (select id, dbt_valid_to from s.versions group by all having count() > 1)',
              )
            )[0]![0],
          ),
        ).toBe(0);
        expect(await lab.orphans()).toEqual([]);
      },
      300_000 + KILLS * 15_000,
    );

    it.runIf(KILLS > 0 && ORACLE)(
      "loses, duplicates or partially shows rows with dbt-clickhouse's strategies",
      async () => {
        const dbt: Program = { command: `${ORACLE}/bin/dbt`, args: [] };
        let harm = 0;
        for (const model of Object.keys(MODELS)) {
          const figures = (shown[`dbt-clickhouse ${model}`] = await measure(model, Math.ceil(ORACLE_KILLS / 5), dbt, [
            '--vars',
            '{keyed: delete_insert}',
          ]));
          harm += figures.partial + figures.lost + figures.double;
        }
        // Its snapshots go on with what a killed run has left (dbt-clickhouse #600).
        const figures = (shown['dbt-clickhouse snapshot'] = none());
        const current = 'dbt_valid_to is null';
        const table = await present('versions', current);
        const again: Strike = { at: /insert into \S*versions__snapshot_upsert/i, how: 'after' };
        for (let i = 0; i < Math.ceil(ORACLE_KILLS / 8); i++)
          await strike('versions', current, table, await give('versions'), again, figures, dbt, ['snapshot']);
        expect(harm).toBeGreaterThan(0);
      },
      300_000 + ORACLE_KILLS * 60_000,
    );
  },
);
