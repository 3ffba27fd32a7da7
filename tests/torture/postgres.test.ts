// Postgres under torture: a project that is built over and over while the command, its connections, the server, the network or the disk fail, and
// while other commands build the same project. A reader looks all the while; afterwards one undisturbed build must put everything right.
// TSDBT_TORTURE=long plays the whole campaign, TSDBT_TORTURE_SEED one again; TSDBT_ORACLE (a Python environment) lets real dbt build beside us.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, LONG, pause, type Program, type Running, SEED, start, Tally, unfit } from './campaign.ts';
import { PG_BIN, PGBOUNCER, PostgresLab } from './postgres-lab.ts';
import { ALWAYS, BUILT, CHANGE, FILES, SETUP } from './postgres-project.ts';
import { random } from './random.ts';

const { env } = process;
const FAULTS = Number(env['TSDBT_TORTURE_FAULTS'] ?? (LONG ? 320 : 12));
const OVERLAPS = Number(env['TSDBT_TORTURE_OVERLAPS'] ?? (LONG ? 120 : 4));
const DBT: Program | null = env['TSDBT_ORACLE'] === undefined ? null : { command: join(env['TSDBT_ORACLE'], 'bin/dbt'), args: [] };
const dice = random(SEED);
const tally = new Tally();

/** What can be done to a command at one of its statements. `heal` is done when the command has ended. */
interface Fault {
  readonly name: string;
  readonly through?: 'bouncer';
  act(lab: PostgresLab, running: Running): Promise<void>;
  heal?(lab: PostgresLab): Promise<void>;
}

const kill = async (_lab: PostgresLab, { child }: Running): Promise<void> => { child.kill('SIGKILL'); };
const cut = async (lab: PostgresLab): Promise<void> => { lab.proxy.cut(); };

function faultsOf(lab: PostgresLab): Fault[] {
  return [
    { name: 'SIGKILL', act: kill },
    { name: 'SIGTERM', act: async (_lab, { child }) => { child.kill('SIGTERM'); } },
    { name: 'connections cut', act: cut },
    { name: 'backends ended', act: (each) => each.endBackends(0.6) },
    { name: 'server crashes', act: (each) => each.crash() },
    {
      name: 'network frozen, then back', act: async (each) => {
        each.proxy.freeze();
        setTimeout(() => { each.proxy.thaw(); }, 1500);
      },
    },
    {
      name: 'network frozen, SIGTERM', act: async (each, { child }) => {
        each.proxy.freeze();
        setTimeout(() => { child.kill('SIGTERM'); }, 300);
      },
      heal: async (each) => {
        each.proxy.cut();
        each.proxy.thaw();
      },
    },
    { name: 'server in recovery', act: (each) => each.recover(), heal: (each) => each.promote() },
    {
      name: 'password changed', act: async (each) => {
        await each.changePassword(`other${dice.below(1_000_000)}`);
        each.proxy.cut();
      },
      heal: async (each) => { each.writeProfile('project', each.proxy.port); },
    },
    ...(lab.ownDisk ? [{ name: 'disk full', act: async (each: PostgresLab) => { each.fillDisk(); }, heal: (each: PostgresLab) => each.freeDisk() }] : []),
    ...(PGBOUNCER === null ? [] : [
      { name: 'PgBouncer: SIGKILL', through: 'bouncer', act: kill } as const,
      { name: 'PgBouncer: connections cut', through: 'bouncer', act: cut } as const,
      { name: 'PgBouncer: backends ended', through: 'bouncer', act: async (each: PostgresLab) => { await each.sql('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = \'client backend\''); } } as const,
      {
        name: 'PgBouncer killed', through: 'bouncer', act: async (each: PostgresLab) => {
          each.stopBouncer();
          await each.startBouncer();
        },
      } as const,
    ]),
  ];
}

/** Looks at everything again and again. @returns what stops it and tells what was wrong */
function watch(lab: PostgresLab): () => Promise<{ looks: number; wrong: string[] }> {
  let done = false;
  let looks = 0;
  const wrong = new Set<string>();
  let most = 0;
  const question = `select ${[...Object.values(ALWAYS), 'select count(*) from an.ia'].map((sql) => `(${sql})::bigint`).join(', ')}`;
  const reader = (async () => {
    while (!done) {
      const client = lab.client();
      try {
        await client.connect();
        while (!done) {
          const { rows: [row] } = await client.query<string[]>({ text: question, rowMode: 'array' });
          looks++;
          Object.keys(ALWAYS).forEach((name, i) => { if (Number(row![i]) !== 0) wrong.add(`${name}: ${row![i]}`); });
          const rows = Number(row!.at(-1));
          if (rows < most) wrong.add(`rows of ia were ${most} and are ${rows}`);
          most = Math.max(most, rows);
          await pause(10);
        }
      } catch (error) {
        // A server that is away, or full, says nothing of what it holds; a relation that is away does.
        const { code = '', message } = error as { code?: string; message: string };
        if (/^(?:42P01|3F000|42703)$/.test(code)) wrong.add(message);
        await pause(20);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  })();
  return async () => {
    done = true;
    await reader;
    return { looks, wrong: [...wrong] };
  };
}

async function unmet(lab: PostgresLab): Promise<string[]> {
  const out: string[] = [];
  for (const [name, sql] of Object.entries(BUILT)) {
    const found = (await lab.sql(sql).catch((error: unknown) => [[String(error)]]))[0]![0];
    if (found !== '0') out.push(`after the repair, ${name}: ${found}`);
  }
  return out;
}

const OURS = ['--exclude', 'tag:theirs'];

describe.skipIf(PG_BIN === null)(`Postgres under torture${PG_BIN === null ? ' (skipped: no Postgres programs on this system)' : ''}`, () => {
  let lab: PostgresLab;
  let dir: string;
  let statements = 0;

  const repair = async (): Promise<string[]> => {
    const { code, out } = await start(dir, ['build', ...OURS], 'target').ended;
    return code === 0 ? unmet(lab) : [`the repair ended with ${code}:\n${out.slice(-2500)}`];
  };

  beforeAll(async () => {
    lab = await PostgresLab.open(FILES);
    dir = join(lab.dir, 'project');
    await lab.sql(SETUP);
    await lab.sql(CHANGE);
    expect(await repair()).toEqual([]);
    if (DBT !== null) expect((await start(dir, ['run', '--select', 'tag:theirs'], 'target-dbt', DBT).ended).code).toBe(0);
    await lab.sql(CHANGE);
    lab.proxy.arm(null);
    expect(await repair()).toEqual([]);
    statements = lab.proxy.count;
    if (PGBOUNCER !== null) await lab.startBouncer();
  }, 300_000);
  afterAll(async () => {
    tally.print('Postgres');
    await lab?.close();
  }, 60_000);

  it(`is right after each of ${FAULTS} faults, and while they last`, async () => {
    const faults = faultsOf(lab);
    for (let i = 0; i < FAULTS; i++) {
      // Each kind once before any comes again.
      const fault = faults[i % faults.length]!;
      await lab.sql(CHANGE);
      if (fault.through === 'bouncer') lab.proxy.redirect(() => lab.bouncerPort);
      const running: { now?: Running } = {};
      const at = dice.below(statements);
      const when = dice.pick(['before', 'after'] as const);
      const settled = lab.proxy.arm({ at, when: fault.name.startsWith('network') ? 'before' : when, act: () => fault.act(lab, running.now!) });
      const look = watch(lab);
      running.now = start(dir, ['build', ...OURS, ...(dice.chance(0.15) ? ['--full-refresh'] : [])], 'target');
      const ended = await running.now.ended;
      await settled();
      await fault.heal?.(lab);
      const { looks, wrong } = await look();
      lab.proxy.redirect(() => lab.port);
      lab.proxy.arm(null);
      const repaired = await repair();
      const mistakes = [...wrong, ...unfit(ended), ...repaired].map((text) => `${text} [fault ${i}, statement ${at} of ${statements}, ${when}]`);
      tally.add(fault.name, { failed: ended.code !== 0, wrong: mistakes, looks });
    }
    expect(tally.wrong).toEqual([]);
  }, 14_400_000);

  it(`is right after each of ${OVERLAPS} overlaps of commands, and while they last`, async () => {
    const folders = [dir, lab.copy('second'), lab.copy('third')];
    for (const folder of ['project', 'second', 'third']) lab.writeProfile(folder, lab.port);
    const commands: readonly (readonly string[])[] = [
      ['build', ...OURS], ['build', ...OURS, '--full-refresh'], ['run', '--select', 'ia im dt'], ['run', '--select', 't+', '--exclude', 'tag:theirs'], ['snapshot'],
      ['seed', '--full-refresh'], ['test', ...OURS], ['run', '--select', 'days'], ['run', '--select', 'im', '--full-refresh'],
    ];
    for (let i = 0; i < OVERLAPS; i++) {
      await lab.sql(CHANGE);
      const look = watch(lab);
      const count = 2 + dice.below(2);
      const withDbt = DBT !== null && i % 3 === 0;
      const runs = Array.from({ length: count }, async (_, n): Promise<readonly [string, Ended]> => {
        const command = n === 0 ? commands[0]! : dice.pick(commands);
        await pause(n === 0 ? 0 : dice.below(1500));
        return [command.join(' '), await start(folders[n]!, command, `target-${n}`).ended];
      });
      const theirs = withDbt ? start(dir, ['run', '--select', 'tag:theirs'], 'target-dbt', DBT).ended : null;
      const ended = await Promise.all(runs);
      const dbt = await theirs;
      const { looks, wrong } = await look();
      const failures = ended.flatMap(([command, each]) => [...(each.code === 0 ? [] : [`${command} ended with ${each.code}:\n${each.out.slice(-2500)}`]), ...unfit(each)]);
      const kind = withDbt ? `${count} of ours and dbt` : `${count} of ours`;
      tally.add(kind, { failed: dbt !== null && dbt.code !== 0, wrong: [...wrong, ...failures, ...(await repair())].map((text) => `${text} [overlap ${i}]`), looks });
    }
    expect(tally.wrong).toEqual([]);
  }, 14_400_000);
});
