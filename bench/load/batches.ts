// Measures CPU seconds of the loader, startup included, for the same messages in batches of 1, 100 and 1,000. Each
// batch is one produce request.
import { forgetLoads, loadTopic, median, openBench, produce, targetOf } from './setup.ts';

/** Produce requests in flight at the same time. */
const IN_FLIGHT = 500;

export async function main(small: boolean): Promise<void> {
  const bench = await openBench();
  const count = small ? 20_000 : 100_000;
  const rounds = small ? 1 : 3;
  try {
    process.stdout.write('| messages a batch | CPU s | times that of 1,000 |\n|---|---|---|\n');
    let least = Number.NaN;
    for (const size of [1000, 100, 1]) {
      const topic = `b${size}`;
      const sending = { size, inFlight: Math.max(1, Math.floor(IN_FLIGHT / size)) };
      await produce(bench, topic, 1, count, 200, undefined, sending);
      const seconds: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await forgetLoads(bench, topic);
        const flush = { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 };
        const { summary, cpuMs } = await loadTopic(bench, targetOf(topic, 'append', flush));
        if (summary.rows !== count) throw new Error(`${summary.rows} rows of ${count} were loaded`);
        seconds.push(cpuMs / 1000);
      }
      const found = median(seconds);
      if (size === 1000) least = found;
      process.stdout.write(`| ${size} | ${found.toFixed(2)} | ${(found / least).toFixed(1)} |\n`);
    }
  } finally {
    await bench.close();
  }
}
