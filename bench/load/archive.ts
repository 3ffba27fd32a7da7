// Measures how many messages a CPU second an archive takes, from Kafka to an object store, and how small its files are.
// The store is versitygw; its CPU is not counted, nor is Postgres's.
import { archiveTarget } from '../../src/loader/settings/archive-settings.ts';
import { ArchiveSink } from '../../src/loader/archive/sink.ts';
import { createLedger } from '../../src/loader/create-sink.ts';
import { PostgresSink } from '../../src/loader/postgres/sink.ts';
import { Sealer } from '../../src/loader/seal.ts';
import { S3Server } from '../../tests/engine/support/s3-server.ts';
import { loadInto, now, openBench, produce, targetOf } from './setup.ts';

const PARTITIONS = 4;
const BYTES = 200;

export async function main(small: boolean): Promise<void> {
  const bench = await openBench();
  const server = await new S3Server().start();
  const count = small ? 200_000 : 500_000;
  const store = server.store();
  const adapter = bench.adapter();
  try {
    await produce(bench, 'archived', PARTITIONS, count, BYTES);
    process.stdout.write(
      '| rows | CPU s | rows a CPU s | wall s | MB in files | files | peak MB |\n|---|---|---|---|---|---|---|\n',
    );
    const rounds = small ? 2 : 3;
    for (let round = 0; round < rounds; round++) {
      const table = targetOf('archived', 'append', { rows: 1, bytes: 1, ageMs: 1 });
      const flush = { rows: 2 ** 31, bytes: 32 * 1024 ** 2, ageMs: 300_000 };
      const path = `round${round}/{day}/`;
      // A round is an archive of its own.
      const archive = archiveTarget({
        ...table,
        identifier: `archived${round}`,
        archive: { connection: 'lake', path, format: 'ndjson.gz', flush, table: false },
      });
      if (archive === null) throw new Error('no archive');
      const tables = new PostgresSink(adapter, new Sealer(null), now);
      const sink = new ArchiveSink(tables, createLedger(adapter, tables), store);
      const options = { once: true, signal: new AbortController().signal };
      const { summary, ms, cpuMs } = await loadInto(bench, archive, sink, options);
      if (summary.rows !== count) throw new Error(`${summary.rows} rows of ${count} were archived`);
      let [size, files] = [0, 0];
      for await (const object of store.list(`round${round}/`)) {
        size += object.size;
        files++;
      }
      const cells = [
        count,
        (cpuMs / 1000).toFixed(2),
        Math.round((count / cpuMs) * 1000),
        (ms / 1000).toFixed(2),
        (size / 1e6).toFixed(1),
        files,
        Math.round(process.resourceUsage().maxRSS / 1024),
      ];
      process.stdout.write(`| ${cells.join(' | ')} |\n`);
    }
  } finally {
    store.close();
    await adapter.close();
    await server.stop();
    await bench.close();
  }
}
