// Postgres under torture: a project that is built over and over while the command, its connections, the server, the
// network or the disk fail, and while other commands build the same project. A reader looks all the while; afterwards
// one undisturbed build must put everything right. TSDBT_TORTURE=long plays the whole campaign, TSDBT_TORTURE_SEED one
// again; TSDBT_ORACLE (a Python environment) lets real dbt build beside us, TSDBT_TORTURE_FAULTS, _OVERLAPS and
// _MINUTES make it a piece.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Ended,
  LONG,
  pause,
  type Program,
  type Running,
  SEED,
  start,
  Tally,
  timeIsLeft,
  unfit,
} from './campaign.ts';
import { PG_BIN, PostgresLab } from './postgres-lab.ts';
import { bouncerMissing } from '../engine/support/pgbouncer.ts';
import { ALWAYS, BUILT, CHANGE, FILES, RELATIONS, SETUP, THEIRS } from './postgres-project.ts';
import { random } from './random.ts';

const { env } = process;
const FAULTS = Number(env['TSDBT_TORTURE_FAULTS'] ?? (LONG ? 320 : 14));
const OVERLAPS = Number(env['TSDBT_TORTURE_OVERLAPS'] ?? (LONG ? 120 : 3));
const DBT: Program | null = !env['TSDBT_ORACLE'] ? null : { command: join(env['TSDBT_ORACLE'], 'bin/dbt'), args: [] };
const dice = random(SEED);
const tally = new Tally();

/** What can be done to a command at one of its statements. `heal` is done when the command has ended. */
interface Fault {
  readonly name: string;
  readonly through?: 'bouncer';
  act(lab: PostgresLab, running: Running): Promise<void>;
  heal?(lab: PostgresLab): Promise<void>;
}

const kill = async (_lab: PostgresLab, { child }: Running): Promise<void> => {
  child.kill('SIGKILL');
};
const cut = async (lab: PostgresLab): Promise<void> => {
  lab.proxy.cut();
};

function faultsOf(lab: PostgresLab): Fault[] {
  return [
    { name: 'SIGKILL', act: kill },
    {
      name: 'SIGTERM',
      act: async (_lab, { child }) => {
        child.kill('SIGTERM');
      },
    },
    { name: 'connections cut', act: cut },
    { name: 'backends ended', act: (each) => each.endBackends(0.6) },
    { name: 'server crashes', act: (each) => each.crash() },
    {
      name: 'network frozen, then back',
      act: async (each) => {
        each.proxy.freeze();
        setTimeout(() => {
          each.proxy.thaw();
        }, 1500);
      },
    },
    {
      name: 'network frozen, SIGTERM',
      act: async (each, { child }) => {
        each.proxy.freeze();
        setTimeout(() => {
          child.kill('SIGTERM');
        }, 300);
      },
      heal: async (each) => {
        each.proxy.cut();
        each.proxy.thaw();
      },
    },
    { name: 'server in recovery', act: (each) => each.recover(), heal: (each) => each.promote() },
    {
      name: 'password changed',
      act: async (each) => {
        await each.changePassword(`other${dice.below(1_000_000)}`);
        each.proxy.cut();
      },
      heal: (each) => each.tellPassword(),
    },
    ...(lab.ownDisk
      ? [
          {
            name: 'disk full',
            act: async (each: PostgresLab) => {
              each.fillDisk();
            },
            heal: (each: PostgresLab) => each.freeDisk(),
          },
        ]
      : []),
    ...(bouncerMissing !== null
      ? []
      : [
          { name: 'PgBouncer: SIGKILL', through: 'bouncer', act: kill } as const,
          { name: 'PgBouncer: connections cut', through: 'bouncer', act: cut } as const,
          {
            name: 'PgBouncer: backends ended',
            through: 'bouncer',
            act: async (each: PostgresLab) => {
              await each.sql(
                'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and ' +
                  "backend_type = 'client backend'",
              );
            },
          } as const,
          {
            name: 'PgBouncer killed',
            through: 'bouncer',
            act: async (each: PostgresLab) => {
              await each.stopBouncer();
              await each.startBouncer();
            },
          } as const,
        ]),
  ];
}

/** What a server says that is away, full, or ended us; while nothing is disturbed, any error is wrong. */
const EXCUSED = /^(?:57P0[123]|53\d\d\d|58\d\d\d|28P01|08\d\d\d|25006|E[A-Z]+|)$/;

/** Looks at everything again and again. @param quiet no fault comes @returns what stops it and tells what was wrong */
function watch(lab: PostgresLab, quiet = false): () => Promise<{ looks: number; wrong: string[] }> {
  let done = false;
  let looks = 0;
  const wrong = new Set<string>();
  let most = 0;
  const questions = [...Object.values(ALWAYS), ...(DBT === null ? [] : [THEIRS]), 'select count(*) from an.ia'];
  const question = `select ${questions.map((sql) => `(${sql})::bigint`).join(', ')}`;
  const reader = (async () => {
    while (!done) {
      const client = lab.client();
      try {
        await client.connect();
        while (!done) {
          const {
            rows: [row],
          } = await client.query<string[]>({ text: question, rowMode: 'array' });
          looks++;
          Object.keys(ALWAYS).forEach((name, i) => {
            if (Number(row![i]) !== 0) wrong.add(`${name}: ${row![i]}`);
          });
          const rows = Number(row!.at(-1));
          if (rows < most) wrong.add(`rows of ia were ${most} and are ${rows}`);
          most = Math.max(most, rows);
          await pause(25);
        }
      } catch (error) {
        const { code = '', message } = error as { code?: string; message: string };
        if (quiet || !EXCUSED.test(code)) wrong.add(`the reader: ${code} ${message}`);
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

/** @param whole the relations that are there when all is right; null: not looked at */
async function unmet(lab: PostgresLab, whole: string | null): Promise<string[]> {
  const out: string[] = [];
  for (const [name, sql] of Object.entries(BUILT)) {
    const found = (await lab.sql(sql).catch((error: unknown) => [[String(error)]]))[0]![0];
    if (found !== '0') out.push(`after success, ${name}: ${found}`);
  }
  if (whole !== null) {
    const found = (await lab.sql(RELATIONS))[0]![0]!;
    if (found !== whole) out.push(`after the repair there are other relations:\n${found}\nrather than\n${whole}`);
    if (!(await lab.sessionsGone())) out.push('after the repair there are sessions of commands that have ended');
  }
  return out;
}

/** Files in the target folder that cannot be read, or that nobody will take away. */
function broken(target: string): string[] {
  return readdirSync(target).flatMap((name) => {
    if (/\.tmp$/.test(name)) return [`${name} is left in the target folder`];
    try {
      if (name.endsWith('.json') && name !== 'partial_parse.json') JSON.parse(readFileSync(join(target, name), 'utf8'));
      return [];
    } catch (error) {
      return [`${name}: ${String(error)}`];
    }
  });
}

/** A command ends with dbt's codes, or with the signal's. */
function badEnd({ code, killed, out }: Ended, fault: string): string[] {
  const fit =
    [0, 1, 2, ...(fault.includes('SIGTERM') ? [143] : [])].includes(code ?? -1) ||
    (killed && fault.includes('SIGKILL'));
  return fit ? [] : [`it ended with ${code}:\n${out.slice(-1500)}`];
}

/** A command ends within ten seconds; the rest is for a busy machine. Milliseconds. */
const ENDING = 60_000;
const OURS = ['--exclude', 'tag:theirs'];

describe.skipIf(PG_BIN === null)(
  `Postgres under torture${PG_BIN === null ? ' (skipped: no Postgres programs on this system)' : ''}`,
  () => {
    let lab: PostgresLab;
    let dir: string;
    let statements = 0;
    let whole: string | null = null;

    const repair = async (): Promise<string[]> => {
      const { code, out } = await start(dir, ['build', ...OURS], 'target').ended;
      return code === 0
        ? [...(await unmet(lab, whole)), ...broken(join(dir, 'target'))]
        : [`the repair ended with ${code}:\n${out.slice(-2500)}`];
    };
    /** After a mistake all is made anew, so that it is told once. */
    const anew = async (): Promise<void> => {
      await lab.sql('drop schema if exists an cascade');
      await repair();
      if (DBT !== null) await start(dir, ['run', '--select', 'tag:theirs'], 'target-dbt', DBT).ended;
    };

    beforeAll(async () => {
      lab = await PostgresLab.open(FILES);
      dir = join(lab.dir, 'project');
      await lab.sql(SETUP);
      await lab.sql(CHANGE);
      expect(await repair()).toEqual([]);
      if (DBT !== null)
        expect((await start(dir, ['run', '--select', 'tag:theirs'], 'target-dbt', DBT).ended).code).toBe(0);
      await lab.sql(CHANGE);
      lab.proxy.arm(null);
      expect(await repair()).toEqual([]);
      statements = lab.proxy.count;
      whole = (await lab.sql(RELATIONS))[0]![0]!;
      console.log(`${statements} statements a build; relations: ${whole}`);
      if (bouncerMissing === null) await lab.startBouncer();
    }, 300_000);
    afterAll(async () => {
      const left = [
        ...(bouncerMissing !== null ? ['PgBouncer, which is not installed'] : []),
        ...(lab.ownDisk ? [] : ['disk full: no disk can be mounted']),
        ...(DBT === null ? ['real dbt beside us: TSDBT_ORACLE is not set'] : []),
      ];
      tally.print(`Postgres${left.length === 0 ? '' : `, without ${left.join('; ')}`}`);
      await lab?.close();
    }, 60_000);

    it(`is right after each of ${FAULTS} faults, and while they last`, async () => {
      const faults = faultsOf(lab);
      for (let i = 0; i < FAULTS && timeIsLeft(); i++) {
        // Each kind once before any comes again.
        const fault = faults[i % faults.length]!;
        await lab.sql(CHANGE);
        if (fault.through === 'bouncer') lab.proxy.redirect(() => lab.bouncerPort);
        const running: { now?: Running } = {};
        let since = 0;
        const at = dice.below(statements);
        const when = dice.pick(['before', 'after'] as const);
        const settled = lab.proxy.arm({
          at,
          when: fault.name.startsWith('network') ? 'before' : when,
          act: () => {
            since = performance.now();
            return fault.act(lab, running.now!);
          },
        });
        const look = watch(lab);
        running.now = start(dir, ['build', ...OURS, ...(dice.chance(0.15) ? ['--full-refresh'] : [])], 'target');
        const ended = await running.now.ended;
        const struck = lab.proxy.hit;
        const slow =
          struck && fault.name.includes('SIGTERM') && performance.now() - since > ENDING
            ? ['it did not end soon after SIGTERM']
            : [];
        await settled();
        await fault.heal?.(lab);
        const { looks, wrong } = await look();
        lab.proxy.redirect(() => lab.port);
        lab.proxy.arm(null);
        const done = ended.code === 0 ? await unmet(lab, null) : [];
        // Some are struck again before they are put right.
        const repaired = i + 1 === FAULTS || dice.chance(0.7) ? await repair() : [];
        const mistakes = [
          ...wrong,
          ...unfit(ended),
          ...badEnd(ended, fault.name),
          ...slow,
          ...done,
          ...broken(join(dir, 'target')),
          ...repaired,
        ].map((text) => `${text} [fault ${i}, statement ${at} of ${statements}, ${when}]`);
        tally.add(fault.name, { failed: ended.code !== 0, wrong: mistakes, looks, struck });
        if (mistakes.length > 0) await anew();
      }
      expect(tally.wrong).toEqual([]);
    }, 14_400_000);

    it(`is right after each of ${OVERLAPS} overlaps of commands, and while they last`, async () => {
      const folders = [dir, lab.copy('second'), lab.copy('third')];
      for (const folder of ['project', 'second', 'third']) lab.writeProfile(folder, lab.port);
      const commands: readonly (readonly string[])[] = [
        ['build', ...OURS],
        ['build', ...OURS, '--full-refresh'],
        ['run', '--select', 'ia im dt'],
        ['run', '--select', 't+', '--exclude', 'tag:theirs'],
        ['snapshot'],
        ['seed', '--full-refresh'],
        ['test', ...OURS],
        ['run', '--select', 'days'],
        ['run', '--select', 'im', '--full-refresh'],
      ];
      for (let i = 0; i < OVERLAPS && timeIsLeft(); i++) {
        await lab.sql(CHANGE);
        const look = watch(lab, true);
        const count = 2 + dice.below(2);
        const withDbt = DBT !== null && i % 3 === 0;
        const killed = dice.chance(0.2);
        const theirs = withDbt ? start(dir, ['run', '--select', 'tag:theirs'], 'target-dbt', DBT) : null;
        // Real dbt is slow to start: without this wait we would be done before it begins.
        while (theirs !== null && theirs.child.exitCode === null && !theirs.out().includes('Concurrency:'))
          await pause(50);
        const runs = Array.from({ length: count }, async (_, n): Promise<readonly [string, Ended]> => {
          const command = n === 0 ? commands[0]! : dice.pick(commands);
          await pause(n === 0 ? 0 : dice.below(1500));
          const running = start(folders[n]!, command, `target-${n}`);
          if (killed && n === 1)
            setTimeout(() => {
              running.child.kill('SIGKILL');
            }, 400 + dice.below(2500));
          return [command.join(' '), await running.ended];
        });
        const ended = await Promise.all(runs);
        const dbt = await theirs?.ended;
        const { looks, wrong } = await look();
        const failures = ended.flatMap(([command, each]) => [
          ...(each.code === 0 || each.killed ? [] : [`${command} ended with ${each.code}:\n${each.out.slice(-2500)}`]),
          ...unfit(each),
        ]);
        if (dbt !== undefined && dbt.code !== 0) failures.push(`dbt ended with ${dbt.code}:\n${dbt.out.slice(-2500)}`);
        if (failures.length === 0) failures.push(...(await unmet(lab, null)));
        const kind = `${count} of ours${withDbt ? ' and dbt' : ''}${killed ? ', one killed' : ''}`;
        const names = ended.map(([command]) => command).join('; ');
        const mistakes = [...wrong, ...failures, ...(await repair())].map((text) => `${text} [overlap ${i}: ${names}]`);
        tally.add(kind, { failed: ended.some(([, { code }]) => code !== 0), wrong: mistakes, looks });
        if (mistakes.length > 0) await anew();
      }
      expect(tally.wrong).toEqual([]);
    }, 14_400_000);
  },
);
