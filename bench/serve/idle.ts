// What serve costs while nothing changes, on 1,000 models: CPU of the looks between due times, and of a due tick with
// `if_changed` where nothing has changed. `--small` is 50 models.
import { addressOf, cpuSeconds, load, openBench, pause, run, start, until, writeJobs } from './setup.ts';

const IDLE_SECONDS = 30;
const TICKS = 10;

export async function main(small: boolean): Promise<void> {
  const models = small ? 50 : 1000;
  const bench = await openBench('postgres', models);
  const goodRuns = async (): Promise<number> =>
    Number(await bench.ask("select count(*) from tsdbt.job_runs where job = 'marts' and state = 'success'"));
  try {
    await run(bench, ['seed']);
    const found: Record<string, string> = {};
    for (const [what, every] of [
      ['looks', '24h'],
      ['ticks', '2s'],
    ] as const) {
      writeJobs(bench, `jobs: { marts: { every: ${every}, run: , if_changed: true } }\n`);
      const serve = start(bench, ['serve', '--port', '0']);
      try {
        await addressOf(serve);
        const before = await goodRuns().catch(() => 0);
        // The first run builds everything, or finds that nothing is known; the second one is idle.
        await until(serve, 'the first run', async () => (await goodRuns().catch(() => 0)) > before || every === '24h');
        if (every === '24h') await until(serve, 'a run', async () => (await goodRuns().catch(() => 0)) > 0);
        await pause(5000);
        const began = Date.now();
        const used = cpuSeconds(serve.pid);
        const runs = await goodRuns();
        if (what === 'looks') await pause(IDLE_SECONDS * 1000);
        else await until(serve, 'idle ticks', async () => (await goodRuns()) >= runs + TICKS);
        const cpu = cpuSeconds(serve.pid) - used;
        const seconds = (Date.now() - began) / 1000;
        const ticks = (await goodRuns()) - runs;
        found[what] =
          what === 'looks'
            ? `${((cpu / seconds) * 1000).toFixed(1)} ms of CPU a second, ${((cpu / seconds) * 2).toFixed(4)} s a look`
            : `${(cpu / ticks).toFixed(3)} CPU s a tick (${ticks} ticks in ${seconds.toFixed(0)} s), looks included`;
        const idle = await bench.ask(
          "select count(*) filter (where reason = 'nothing has changed') || ' of ' || count(*) from (select * from " +
            `tsdbt.job_runs order by token desc limit ${ticks}) as r`,
        );
        if (what === 'ticks') found['ticks that found nothing changed'] = idle;
        found[`memory, ${what}`] = await memory(serve.pid);
      } finally {
        serve.child.kill('SIGTERM');
        await serve.ended;
      }
    }
    process.stdout.write(`${models} models, load ${load()}\n`);
    console.table(found);
  } finally {
    await bench.close();
  }
}

async function memory(pid: number): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return `${(kilobytes / 1024).toFixed(0)} MB`;
}
