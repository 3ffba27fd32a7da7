// A million messages of one closed day in 288 small files of a real object store, joined. The ledger is in memory: what
// it costs is one row a file. The store's CPU is not counted.
import type { LoadTarget } from '../../src/loader/settings/load-target.ts';
import { compactArchive } from '../../src/loader/archive/compact.ts';
import { type ArchiveFormat, COMPACT, fileName } from '../../src/loader/settings/archive-settings.ts';
import { fileOf } from '../../src/loader/archive/file-format.ts';
import type { ArchiveLedger, KeptFile } from '../../src/loader/archive/ledger.ts';
import { S3Server } from '../../tests/engine/support/s3-server.ts';

const FILES = 288;
const BYTES = 200;

export async function main(small: boolean): Promise<void> {
  const server = await new S3Server().start();
  const store = server.store();
  const perFile = Math.round((small ? 200_000 : 1_000_000) / FILES);
  try {
    console.log('| format | messages | joined into | wall s | CPU s | MB |\n|---|---|---|---|---|---|');
    for (const format of ['ndjson.gz', 'parquet'] as const) {
      const path = `${format}/dt={day}/`;
      const files: KeptFile[] = [];
      for (let n = 0; n < FILES; n++) files.push(await written(format, n, perFile));
      const flush = { rows: 1, bytes: 1, ageMs: 1 };
      const archive = { connection: 'lake', path, format, table: false, flush };
      const target = { name: 'raw.t.archive', topic: 't', inFiles: true, archive } as unknown as LoadTarget;
      const [began, before] = [performance.now(), process.cpuUsage()];
      const done = await compactArchive({
        ...{ target, store, ledger: ledgerOf(files), owner: 'one', compact: COMPACT },
        ...{ signal: new AbortController().signal, now: () => Date.parse('2026-06-01T00:00:00Z') },
      });
      const { user, system } = process.cpuUsage(before);
      const cells = [
        ...[format, perFile * FILES, done.into, ((performance.now() - began) / 1000).toFixed(2)],
        ...[((user + system) / 1e6).toFixed(2), Math.round(process.resourceUsage().maxRSS / 1024)],
      ];
      console.log(`| ${cells.join(' | ')} |${done.problems.join(' ')}`);
    }
  } finally {
    store.close();
    await server.stop();
  }

  async function written(format: ArchiveFormat, n: number, rows: number): Promise<KeptFile> {
    const [from, to] = [BigInt(n * rows), BigInt((n + 1) * rows)];
    const lines = Array.from({ length: rows }, (_, i) => {
      const offset = n * rows + i;
      const text = `${(offset * 2654435761) % 4294967296}`.padEnd(BYTES - 40, 'some text ');
      return (
        `{"_topic":"t","_partition":0,"_offset":${offset},"_kafka_ts":"2026-05-01T10:00:00.000Z","_key":null,` +
        `"_headers":[],"id":${offset},"text":"${text}"}\n`
      );
    });
    const body = await fileOf(format, [Buffer.from(lines.join(''))]);
    const key = `${format}/dt=2026-05-01/${fileName(0, from, to, format)}`;
    await store.put(key, body);
    const place = { topic: 't', partition: 0, from, to, rows, bytes: rows * BYTES, size: body.length };
    return { key, ...place, status: 'done', ageMs: 0 };
  }
}

/** One partition's files, in memory. */
function ledgerOf(files: readonly KeptFile[]): ArchiveLedger {
  const nothing = async (): Promise<void> => undefined;
  return {
    partitions: async () => [{ topic: 't', partition: 0 }],
    files: async () => ({ files, openFrom: null }),
    claim: async () => true,
    join: async () => true,
    ...{ release: nothing, joined: nothing, forget: nothing },
  } as unknown as ArchiveLedger;
}
