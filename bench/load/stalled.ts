// Measures the memory of `tsdbt load` while its table is locked for five minutes and the topic always holds more
// messages. Reads the resident set each second. After the lock is released, every row must arrive.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresSink } from '../../src/loader/postgres/sink.ts';
import { Sealer } from '../../src/loader/seal.ts';
import { now, openBench, pause, produce, targetOf } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  const bench = await openBench();
  const [rows, seconds] = small ? [60_000, 15] : [400_000, 300];
  try {
    mkdirSync(join(bench.dir, 'models'));
    writeFileSync(
      join(bench.dir, 'models', 'sources.yml'),
      'sources: [{name: raw, tables: [{name: stalled, config: {meta: {tsdbt: {load: {topic: stalled}}}}, ' +
        'columns: [{name: event_id, data_type: bigint}, {name: session_id, data_type: text}]}]}]\n',
    );
    writeFileSync(
      join(bench.dir, 'connections.yml'),
      `connections: {default: {brokers: ["${bench.connection.brokers[0]}"]}}\n`,
    );
    const adapter = bench.adapter();
    const columns = [
      ['event_id', 'bigint'],
      ['session_id', 'text'],
      ['processing_ts', 'timestamptz'],
    ].map(([name = '', type = '']) => ({ name, type }));
    await new PostgresSink(adapter, new Sealer(null), now).prepare({
      ...targetOf('stalled', 'append', { rows: 1, bytes: 1, ageMs: 1 }),
      columns,
    });
    const lock = adapter.session({ name: 'lock' });
    await lock.begin();
    await lock.execute('lock table raw.stalled');
    await produce(bench, 'stalled', 4, rows, 1000);
    const child = spawn(
      process.execPath,
      ['bin/tsdbt.js', 'load', '--project-dir', bench.dir, '--profiles-dir', bench.dir],
      { stdio: 'ignore' },
    );
    const resident = (): number =>
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' })) / 1024;
    const samples: number[] = [];
    for (const began = now(); now() - began < seconds * 1000; await pause(1000)) samples.push(resident());
    await lock.commit();
    await lock.release();
    const session = adapter.session({ name: 'count' });
    const count = async (): Promise<number> =>
      Number(
        (await session.execute('select count(*)::int from raw.stalled', { fetch: true })).table.rows[0]!.values[0],
      );
    let [last, at] = [-1, now()];
    while (last < rows && now() - at < 60_000) {
      const found = await count();
      if (found !== last) [last, at] = [found, now()];
      await pause(500);
    }
    await pause(1000);
    last = await count();
    await session.release();
    await adapter.close();
    child.kill('SIGTERM');
    const part = (from: number, to: number): string => {
      const end = Math.max(1, Math.ceil(samples.length * to));
      return `${Math.round(Math.max(...samples.slice(Math.floor(samples.length * from), end)))} MB`;
    };
    process.stdout.write(
      `| ${rows} rows of 1 kB, table locked | largest in the first fifth | in the last fifth | ever | rows in ` +
        `the end |\n|---|---|---|---|---|\n| ${seconds} s | ${part(0, 0.2)} | ${part(0.8, 1)} | ${part(0, 1)} | ` +
        `${last} |\n`,
    );
    if (last !== rows) throw new Error(`${last} of ${rows} rows arrived`);
  } finally {
    await bench.close();
  }
}
