// What the history costs on a run of 1,000 models: CPU of claim, heartbeats, 1,000 rows of nodes in batches and the
// end, over the CPU of the same plain `run`. `--small` is 50 models.
import { createAdapter } from '../../src/adapters/index.ts';
import type { Credentials } from '../../src/contracts/project.ts';
import { History } from '../../src/serve/history.ts';
import { Leases } from '../../src/serve/lease-heartbeat.ts';
import { StoreLink } from '../../src/serve/store-link.ts';
import { createStore } from '../../src/serve/store/create-store.ts';
import type { Claim, NodeRun } from '../../src/serve/store/serve-store.ts';
import { load, median, openBench, pause, run } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  const models = small ? 50 : 1000;
  const bench = await openBench('postgres', models);
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = bench.env;
  const credentials = {
    type: 'postgres',
    host: PGHOST,
    port: Number(PGPORT),
    user: PGUSER,
    password: PGPASSWORD,
    database: PGDATABASE,
    schema: 'bench',
  } as unknown as Credentials;
  const profile = { profile_name: 'bench', target_name: 'dev', threads: 4, profiles_dir: null, credentials };
  const adapter = await createAdapter(profile, { quoting: {}, projectDir: bench.dir, threads: 4 });
  const clock = { now: () => Date.now(), sleep: (ms: number) => pause(ms) };
  const link = new StoreLink(createStore(adapter), clock, () => undefined);
  try {
    await run(bench, ['seed']);
    await run(bench, ['run']);
    await link.open();
    // Serve goes on for days: its connection is there and its code is compiled.
    for (let i = 0; i < 3; i++) await keep(link, models, 2, -1 - i);
    const [plain, kept, ratios]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < 3; round++) {
      const { cpu, wall } = await run(bench, ['run']);
      plain.push(cpu);
      const used = process.cpuUsage();
      await keep(link, models, wall, round);
      const { user, system } = process.cpuUsage(used);
      const loop = process.cpuUsage();
      await keep(link, models, wall, null);
      const own = process.cpuUsage(loop);
      kept.push((user + system - own.user - own.system) / 1e6);
      ratios.push((kept.at(-1) ?? 0) / cpu);
    }
    console.table({
      'plain run, CPU s': `${Math.min(...plain).toFixed(2)} least, ${median(plain).toFixed(2)} median`,
      'its history, CPU s': `${Math.min(...kept).toFixed(3)} least, ${median(kept).toFixed(3)} median`,
      'history over run': `${(100 * median(ratios)).toFixed(2)} % median`,
      'least over least': `${((100 * Math.min(...kept)) / Math.min(...plain)).toFixed(2)} %`,
      load: load(),
    });
  } finally {
    await adapter.close();
    await bench.close();
  }
}

const LOOP: Claim = { runId: 'none', job: 'none', dueAt: 0, attempt: 1, host: 'none', token: 0n };

/** What serve asks of the store for one run of so many seconds. */
async function keep(link: StoreLink, models: number, seconds: number, round: number | null): Promise<void> {
  const clock = { now: () => Date.now(), sleep: (ms: number, signal: AbortSignal) => unlessOver(ms, signal) };
  const history = new History(link, clock, () => undefined);
  const leases = new Leases(link, clock, () => undefined, 5000);
  // Without a round it is the loop alone, which no run has.
  const claimed =
    round === null
      ? { value: LOOP }
      : await link.ask((store) => store.claim('marts', 1_800_000_000_000 + round * 1000, 1, 'bench'));
  const claim = claimed?.value;
  if (claim === null || claim === undefined) throw new Error('no claim');
  if (round !== null) leases.hold(claim, () => undefined);
  const made: NodeRun[] = [];
  // As many a second as the run had.
  const steps = Math.max(1, Math.round(seconds * 20));
  for (let step = 0, node = 0; step < steps; step++) {
    for (; node < ((step + 1) * models) / steps; node++)
      (round === null ? made.push.bind(made) : history.addNode.bind(history))({
        runId: claim.runId,
        uniqueId: `model.bench.mart_${String(node).padStart(5, '0')}`,
        status: 'success',
        thread: `Thread-${(node % 4) + 1} (worker)`,
        startedAt: Date.now(),
        seconds: 0.0123,
        rows: node,
        readRows: null,
        readBytes: null,
        failures: null,
        message: null,
        checksum: 'c0ffee'.repeat(10),
      });
    await pause(50);
  }
  await history.close();
  leases.release(claim);
  if (round !== null) await link.ask((store) => store.finish(claim, { state: 'success', reason: null }));
  await leases.close();
}

function unlessOver(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(done, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });
}
