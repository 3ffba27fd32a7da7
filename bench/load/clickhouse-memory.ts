// Measures the largest resident set of `tsdbt load --once` into ClickHouse with a backlog: messages of 2 kB in 12
// partitions, all there before it starts.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { load, openClickHouse, writeSource } from './clickhouse-setup.ts';
import { pause, produce } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  const bench = await openClickHouse();
  const rows = small ? 100_000 : 1_000_000;
  try {
    writeSource(bench, 'backlog', '{age: 5s}');
    await produce(bench, 'backlog', 12, rows, 2000);
    const args = ['load', '--once', '--project-dir', bench.dir, '--profiles-dir', bench.dir];
    const child = spawn(process.execPath, ['bin/tsdbt.js', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    let largest = 0;
    const began = Date.now();
    while (child.exitCode === null && child.signalCode === null) {
      largest = Math.max(largest, peak(child.pid ?? 0));
      await pause(100);
    }
    const seconds = (Date.now() - began) / 1000;
    const found = Number((await bench.ask('select count() from raw.backlog')).toString());
    if (found !== rows) throw new Error(`${found} of ${rows} rows arrived`);
    process.stdout.write(
      '| messages of 2 kB waiting | largest resident set | seconds | load |\n|---|---|---|---|\n' +
        `| ${rows} | ${Math.round(largest)} MB | ${seconds.toFixed(0)} | ${load()} |\n`,
    );
  } finally {
    await bench.close();
  }
}

/** The largest resident set of a process so far in MB; 0: it has ended. */
function peak(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
