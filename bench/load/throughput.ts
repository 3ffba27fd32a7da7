// Compares rows per second of the loader, JSON decoding included, with a raw COPY of the same encoded rows from memory
// into the same table; for an upsert, into a table with the same key. Also prints CPU seconds of all three programs and
// the ratio that they allow on shared cores.
import { cpus } from 'node:os';
import { collectSeldom } from '../../src/cli/collect-garbage.ts';
import { familySeconds, parentOf } from './processor-time.ts';
import type { Session } from '../../src/adapters/adapter.ts';
import { median, loadTopic, openBench, produce, targetOf } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  // As `tsdbt load` does.
  collectSeldom();
  const bench = await openBench();
  const rounds = small ? 1 : 5;
  try {
    process.stdout.write(
      '| message | partitions | mode | loader rows/s | COPY rows/s | ratio (min–max) | CPU s per million rows: ' +
        'loader, Postgres, broker, COPY alone | ' +
        'room for | with an idle loader |\n|---|---|---|---|---|---|---|---|---|\n',
    );
    for (const bytes of [200, 2000]) {
      for (const partitions of [1, 4]) {
        const count = (bytes === 200 ? 300_000 : 60_000) / (small ? 6 : 1);
        for (const mode of ['append', 'upsert'] as const) {
          const topic = `t${bytes}_${partitions}_${mode}`;
          await produce(bench, topic, partitions, count, bytes);
          const target = targetOf(topic, mode, { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 });
          const rates: { loader: number; copy: number; cpu: readonly number[]; copyCpu: number }[] = [];
          for (let round = 0; round < rounds; round++) {
            const adapter = bench.adapter();
            const session = adapter.session({ name: 'bench' });
            await session.begin();
            await session.execute(
              `drop table if exists raw.${topic}; drop table if exists raw.base; drop schema if exists tsdbt cascade`,
            );
            await session.commit();
            const server = await serverOf(session);
            const before = [server, bench.broker.pid ?? 0].map(familySeconds);
            const { summary, ms, cpuMs } = await loadTopic(bench, target);
            const used = [server, bench.broker.pid ?? 0].map((pid, i) => familySeconds(pid) - before[i]!);
            if (summary.rows !== count) throw new Error(`${summary.rows} rows of ${count} were loaded`);
            await session.begin();
            const chunks = await encoded(session, topic);
            await session.commit();
            await session.begin();
            await session.execute(`create table raw.base (like raw.${topic} including all)`);
            await session.commit();
            await session.begin();
            const serverBefore = familySeconds(server);
            const began = performance.now();
            await session.copyIn(`copy raw.base (${COPIED}) from stdin`, chunks);
            await session.commit();
            rates.push({
              loader: count / (ms / 1000),
              copy: count / ((performance.now() - began) / 1000),
              copyCpu: ((familySeconds(server) - serverBefore) / count) * 1e6,
              cpu: [cpuMs / 1000, ...used].map((seconds) => (seconds / count) * 1e6),
            });
            await session.release();
            await adapter.close();
          }
          const ratios = rates.map(({ loader, copy }) => loader / copy);
          const [loader = 0, postgres = 0, broker = 0] = [0, 1, 2].map((i) => median(rates.map(({ cpu }) => cpu[i]!)));
          const copy = median(rates.map(({ copyCpu }) => copyCpu));
          // COPY is bound by its server process. The loader is too, unless all three programs, spread over the cores,
          // need more. CPU time is used, so that other load does not count.
          const room = (own: number): string =>
            (copy / Math.max(postgres, (own + postgres + broker) / cpus().length)).toFixed(2);
          process.stdout.write(
            `| ${bytes} B | ${partitions} | ${mode} | ${Math.round(median(rates.map((r) => r.loader)))} | ` +
              `${Math.round(median(rates.map((r) => r.copy)))} | ${median(ratios).toFixed(2)} ` +
              `(${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}) | ` +
              `${[loader, postgres, broker, copy].map((seconds) => seconds.toFixed(1)).join(', ')} | ` +
              `${room(loader)} | ${room(0)} |\n`,
          );
        }
      }
    }
  } finally {
    await bench.close();
  }
}

/** Process id of the postmaster. */
async function serverOf(session: Session): Promise<number> {
  const { table } = await session.execute('select pg_backend_pid()', { autoBegin: true, fetch: true });
  await session.commit();
  return parentOf(Number(table.rows[0]?.values[0]));
}

const COPIED =
  'session_id, event_id, event_ts, user_id, event_type, page, amount, processing_ts, _rest, _topic, _partition,' +
  ' _offset, _kafka_ts, _deleted, _load_id';

/** The loaded rows in COPY's text format, in memory. These values need no escaping. */
async function encoded(
  session: {
    execute(
      sql: string,
      options: { fetch: true },
    ): Promise<{ table: { rows: readonly { values: readonly unknown[] }[] } }>;
  },
  topic: string,
): Promise<Buffer[]> {
  const { table } = await session.execute(
    `select concat_ws(E'\\t', ${COPIED.split(', ')
      .map((column) => `coalesce(${column}::text, '\\N')`)
      .join(', ')}) from raw.${topic}`,
    { fetch: true },
  );
  const chunks: Buffer[] = [];
  for (let at = 0; at < table.rows.length; at += 500)
    chunks.push(
      Buffer.from(
        table.rows
          .slice(at, at + 500)
          .map(({ values }) => `${String(values[0])}\n`)
          .join(''),
      ),
    );
  return chunks;
}
