// From the moment a freshness promise is broken until a webhook has the alarm, and from the first new row until it has
// "recovered": thirty sources that stop and go on at moments of their own. `--small` is six, once.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { receiveWebhooks } from '../../tests/engine/serve/webhook-receiver.ts';
import { addressOf, load, median, openBench, pause, start, writeJobs } from './setup.ts';

/** The promise: no row is older. */
const MAX_MS = 5000;

export async function main(small: boolean): Promise<void> {
  const names = Array.from({ length: small ? 6 : 30 }, (_, i) => `e${i}`);
  const bench = await openBench('postgres', 10);
  const hook = await receiveWebhooks<{ readonly occasion: string; readonly key: string }>();
  try {
    await bench.ask('create schema raw');
    for (const name of names) await bench.ask(`create table raw.${name} (at timestamptz)`);
    const tables = names.map((name) => `{name: ${name}, loaded_at_field: at}`).join(', ');
    mkdirSync(join(bench.dir, 'models'), { recursive: true });
    writeFileSync(
      join(bench.dir, 'models', 'promised.yml'),
      'sources: [{name: raw, schema: raw, config: {meta: {tsdbt: {sla: {freshness: 5s, looks: 1}}}}, ' +
        `tables: [${tables}]}]\n`,
    );
    writeJobs(
      bench,
      'jobs: { measured: { every: 24h, source freshness: "source:raw.e0" } }\n' +
        `alerts: { hook: { webhook: "http://127.0.0.1:${hook.port}/" } }\n`,
    );
    let last: Promise<unknown> = Promise.resolve();
    /** One question after another: there is one connection. */
    const ask = (sql: string): Promise<string> => {
      const answer = last.then(() => bench.ask(sql));
      last = answer.catch(() => undefined);
      return answer;
    };
    const fresh = async (name: string): Promise<void> => {
      await ask(`insert into raw.${name} values (clock_timestamp())`);
    };
    await Promise.all(names.map(fresh));
    const serve = start(bench, ['serve', '--port', '0']);
    await addressOf(serve);
    const seen = new Map<string, number>();
    const told = async (name: string, occasion: string): Promise<number> => {
      for (;;) {
        for (const { key, occasion: found } of hook.received.slice(seen.size)) {
          const once = `${key} ${found}`;
          if (seen.has(once)) throw new Error(`told twice: ${once}`);
          seen.set(once, Date.now());
        }
        for (const [once, at] of seen) if (once.includes(`.${name}:`) && once.endsWith(occasion)) return at;
        if (serve.child.exitCode !== null) throw new Error(serve.out());
        await pause(10);
      }
    };
    const [alarms, ends]: [number[], number[]] = [[], []];
    let over = false;
    const writers: Promise<void>[] = [];
    const one = async (name: string, index: number): Promise<void> => {
      // Rows come until its own moment within two looks.
      const stopAt = Date.now() + 15_000 + (index * 20_000) / names.length;
      while (Date.now() < stopAt) {
        await fresh(name);
        await pause(700);
      }
      const newest = Number(await ask(`select (extract(epoch from max(at)) * 1000)::bigint from raw.${name}`));
      alarms.push((await told(name, 'opened')) - newest - MAX_MS);
      const again = Date.now();
      const write = async (): Promise<void> => {
        for (; !over; await pause(700)) await fresh(name);
      };
      writers.push(write());
      ends.push((await told(name, 'recovered')) - again);
    };
    await Promise.all(names.map(one));
    over = true;
    await Promise.all(writers);
    serve.child.kill('SIGTERM');
    await serve.ended;
    const words = (ms: readonly number[]): string =>
      `median ${(median(ms) / 1000).toFixed(1)}, most ${(Math.max(...ms) / 1000).toFixed(1)}`;
    console.table({
      'incidents, each told once and once over': names.length,
      'from broken to the alarm, s': words(alarms),
      'from the first new row to recovered, s': words(ends),
      load: load(),
    });
  } finally {
    hook.close();
    await bench.close();
  }
}
