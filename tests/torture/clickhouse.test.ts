// ClickHouse under torture: a project that is built over and over while the command, its connections or the server
// fail, and while other commands build the same project. A reader looks all the while; afterwards one undisturbed build
// must put everything right. How to play it: postgres.test.ts.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChdb } from '../../src/adapters/clickhouse/embedded.ts';
import { type Ended, LONG, pause, type Program, type Running, SEED, start, Tally, unfit } from './campaign.ts';
import { ClickhouseLab, REFUSALS, type Strike } from './clickhouse-lab.ts';
import { ALWAYS, BUILT, change, FILES, SETUP, THEIRS } from './clickhouse-project.ts';
import { random } from './random.ts';

const { env } = process;
const OVERLAPS = Number(env['TSDBT_TORTURE_OVERLAPS'] ?? (LONG ? 90 : 3));
const DBT: Program | null =
  env['TSDBT_ORACLE_CLICKHOUSE'] === undefined
    ? null
    : { command: join(env['TSDBT_ORACLE_CLICKHOUSE'], 'bin/dbt'), args: [] };
/** Leaves out what real dbt builds. */
const OURS: readonly string[] = DBT === null ? [] : ['--exclude', 'path:models/theirs*'];
const dice = random(SEED);
const tally = new Tally();
const missing: string | null = (() => {
  try {
    findChdb(process.cwd());
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
})();

interface Fault {
  readonly name: string;
  readonly when: readonly Strike['when'][];
  act(lab: ClickhouseLab, running: Running): Promise<void>;
  heal?(lab: ClickhouseLab): Promise<void>;
}

const FAULTS_OF: readonly Fault[] = [
  {
    name: 'SIGKILL',
    when: ['before', 'after'],
    act: async (_lab, { child }) => {
      child.kill('SIGKILL');
    },
  },
  {
    name: 'SIGKILL, statement arrives later',
    when: ['late'],
    act: async (_lab, { child }) => {
      child.kill('SIGKILL');
    },
  },
  {
    name: 'SIGTERM',
    when: ['before', 'after'],
    act: async (_lab, { child }) => {
      child.kill('SIGTERM');
    },
  },
  {
    name: 'connections cut',
    when: ['before', 'after'],
    act: async (lab) => {
      lab.cut();
    },
  },
  { name: 'server crashes', when: ['before', 'after'], act: (lab) => lab.crash() },
  {
    name: 'network frozen, then back',
    when: ['before'],
    act: async (lab) => {
      lab.freeze();
      setTimeout(() => {
        lab.thaw();
      }, 1500);
    },
  },
  {
    name: 'network frozen, SIGTERM',
    when: ['before'],
    act: async (lab, { child }) => {
      lab.freeze();
      setTimeout(() => {
        child.kill('SIGTERM');
      }, 300);
    },
    heal: async (lab) => {
      lab.cut();
      lab.thaw();
    },
  },
  { name: 'queries killed', when: ['during'], act: (lab) => lab.killQueries(250) },
  {
    name: 'server full or read-only',
    when: ['before'],
    act: async (lab) => {
      lab.refuse(dice.pick(REFUSALS));
    },
    heal: async (lab) => {
      lab.refuse(null);
    },
  },
];

const FAULTS = Number(env['TSDBT_TORTURE_FAULTS'] ?? (LONG ? 200 : FAULTS_OF.length));

/** No further fault or overlap is begun then. */
const UNTIL = Date.now() + Number(env['TSDBT_TORTURE_MINUTES'] ?? 600) * 60_000;

/** Looks at everything again and again. @returns what stops it and tells what was wrong */
function watch(lab: ClickhouseLab): () => Promise<{ looks: number; wrong: string[] }> {
  let done = false;
  let looks = 0;
  let most = 0;
  const wrong = new Set<string>();
  // Each relation is read at a moment of its own; one statement spares the server many.
  const questions = Object.entries({ ...ALWAYS, 'rows of ap became fewer': 'select toInt64(count()) from an.ap' });
  const asked = `select ${questions.map(([, sql]) => `(${sql})`).join(', ')}`;
  const look = async (): Promise<void> => {
    try {
      const [row = []] = await lab.rows(asked);
      looks += questions.length;
      const found = row.map(Number);
      const rows = found.pop() ?? 0;
      if (rows < most) wrong.add(`rows of ap became fewer: ${rows}`);
      most = rows;
      found.forEach((number, i) => {
        if (number !== 0) wrong.add(`${questions[i]![0]}: ${number}`);
      });
    } catch (error) {
      // A server that is away is no answer; a relation that is away is one.
      const { message } = error as Error;
      if (/UNKNOWN_TABLE|UNKNOWN_DATABASE|UNKNOWN_IDENTIFIER/.test(message)) wrong.add(message);
    }
  };
  const reader = (async () => {
    while (!done) {
      await look();
      await pause(20);
    }
  })();
  return async () => {
    done = true;
    await reader;
    return { looks, wrong: [...wrong] };
  };
}

async function unmet(lab: ClickhouseLab): Promise<string[]> {
  const questions = Object.entries(BUILT);
  try {
    const [row = []] = await lab.rows(`select ${questions.map(([, sql]) => `toInt64((${sql}))`).join(', ')}`);
    return questions.flatMap(([name], i) =>
      Number(row[i] ?? -1) === 0 ? [] : [`after the repair, ${name}: ${String(row[i])}`],
    );
  } catch (error) {
    return [`after the repair: ${String(error)}`];
  }
}

describe.skipIf(missing !== null)(`ClickHouse under torture${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let lab: ClickhouseLab;
  let dir: string;
  let statements = 0;
  let round = 0;

  const repair = async (): Promise<string[]> => {
    const { code, out } = await start(dir, ['build', ...OURS], 'target').ended;
    return code === 0 ? unmet(lab) : [`the repair ended with ${code}:\n${out.slice(-2500)}`];
  };
  const more = async (): Promise<void> => {
    for (const sql of change(round++)) await lab.rows(sql);
  };

  beforeAll(async () => {
    lab = await ClickhouseLab.open(DBT === null ? FILES : { ...FILES, ...THEIRS });
    dir = join(lab.dir, 'project');
    for (const sql of SETUP) await lab.rows(sql);
    await more();
    expect(await repair()).toEqual([]);
    await more();
    lab.arm({ at: -1, when: 'before', act: async () => undefined });
    expect(await repair()).toEqual([]);
    statements = lab.count;
  }, 300_000);
  afterAll(async () => {
    tally.print('ClickHouse');
    await lab?.close();
  }, 300_000);

  it(`is right after each of ${FAULTS} faults, and while they last`, async () => {
    for (let i = 0; i < FAULTS && Date.now() < UNTIL; i++) {
      const fault = FAULTS_OF[i % FAULTS_OF.length]!;
      await more();
      const running: { now?: Running } = {};
      const at = dice.below(statements);
      const when = dice.pick(fault.when);
      const settled = lab.arm({ at, when, act: () => fault.act(lab, running.now!) });
      const look = watch(lab);
      running.now = start(dir, ['build', ...OURS, ...(dice.chance(0.15) ? ['--full-refresh'] : [])], 'target');
      const ended = await running.now.ended;
      const struck = await settled();
      await fault.heal?.(lab);
      const { looks, wrong } = await look();
      lab.arm(null);
      const mistakes = [...wrong, ...unfit(ended), ...(await repair())].map(
        (text) => `${text} [fault ${i}, statement ${at} of ${statements}, ${when}]`,
      );
      tally.add(struck ? fault.name : 'not struck', { failed: ended.code !== 0, wrong: mistakes, looks });
      if (tally.times % 10 === 0) tally.print('ClickHouse so far');
    }
    expect(tally.wrong).toEqual([]);
  }, 14_400_000);

  it(`is right after each of ${OVERLAPS} overlaps of commands, and while they last`, async () => {
    const folders = [dir, lab.copy('second'), lab.copy('third')];
    const commands: readonly (readonly string[])[] = [
      ['build', ...OURS],
      ['build', '--full-refresh', ...OURS],
      ['run', '--select', 'ap up ow mb'],
      ['run', '--select', 't+', ...OURS],
      ['snapshot'],
      ['seed', '--full-refresh'],
      ['test', ...OURS],
      ['run', '--select', 'ow mb', '--full-refresh'],
    ];
    for (let i = 0; i < OVERLAPS && Date.now() < UNTIL; i++) {
      await more();
      const look = watch(lab);
      const count = 2 + dice.below(2);
      const withDbt = DBT !== null && i % 3 === 0;
      const theirs = withDbt ? start(dir, ['run', '--select', 'path:models/theirs*'], 'target-dbt', DBT) : null;
      // It starts slowly: the others begin when it has read the project.
      while (theirs !== null && theirs.child.exitCode === null && !theirs.out().includes('Found ')) await pause(20);
      const runs = Array.from({ length: count }, async (_, n): Promise<readonly [string, Ended]> => {
        const command = n === 0 ? commands[0]! : dice.pick(commands);
        await pause(n === 0 ? 0 : dice.below(1500));
        return [command.join(' '), await start(folders[n]!, command, `target-${n}`).ended];
      });
      const ended = await Promise.all(runs);
      const dbt = (await theirs?.ended) ?? null;
      if (dbt !== null && dbt.code !== 0) console.log(`dbt ended with ${dbt.code}: ${dbt.out.slice(-1500)}`);
      const { looks, wrong } = await look();
      const failures = ended.flatMap(([command, each]) => [
        ...(each.code === 0 ? [] : [`${command} ended with ${each.code}:\n${each.out.slice(-2500)}`]),
        ...unfit(each),
      ]);
      const kind = withDbt ? `${count} of ours and dbt` : `${count} of ours`;
      tally.add(kind, {
        failed: dbt !== null && dbt.code !== 0,
        wrong: [...wrong, ...failures, ...(await repair())].map((text) => `${text} [overlap ${i}]`),
        looks,
      });
      if (tally.times % 10 === 0) tally.print('ClickHouse so far');
    }
    expect(tally.wrong).toEqual([]);
  }, 14_400_000);
});
