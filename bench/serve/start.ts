// From the start of the process until the first tick has begun, on 1,000 models whose parse is kept. `--small` is 50.
import { addressOf, cpuSeconds, load, median, openBench, run, start, until, writeJobs } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  const bench = await openBench('postgres', small ? 50 : 1000);
  try {
    await run(bench, ['seed']);
    writeJobs(bench, 'jobs: { marts: { every: 24h, run: mart_00001 } }\n');
    const [serving, begun, cpus]: [number[], number[], number[]] = [[], [], []];
    for (let i = 0; i < (small ? 3 : 8); i++) {
      // A job that nobody has run is due at once.
      if (i > 0) await bench.ask('delete from tsdbt.job_runs');
      const serve = start(bench, ['serve', '--port', '0']);
      await addressOf(serve);
      serving.push((Date.now() - serve.startedAt) / 1000);
      const found = (): Promise<string> =>
        bench.ask('select (extract(epoch from min(started_at)) * 1000)::bigint from tsdbt.job_runs').catch(() => '');
      let at = '';
      await until(serve, 'the first tick', async () => (at = await found()) !== '' && at !== 'null');
      cpus.push(cpuSeconds(serve.pid));
      begun.push((Number(at) - serve.startedAt) / 1000);
      serve.child.kill('SIGTERM');
      await serve.ended;
    }
    const told = ([first = 0, ...rest]: readonly number[]): string =>
      `first ${first.toFixed(2)}, then at least ${Math.min(...rest).toFixed(2)}, median ${median(rest).toFixed(2)}`;
    console.table({
      'until it serves, s': told(serving),
      'until the first tick has begun, s': told(begun),
      'CPU s by then (at most 0.02 later)': told(cpus),
      load: load(),
    });
  } finally {
    await bench.close();
  }
}
