// Measures latency from produce to visible: each message is sent at a steady rate and followed to the commit that shows
// it. Start is the message's creation time, end the return of the commit; this process reads both clocks.
import { TopicWriter } from '../../tests/engine/kafka/topic-writer.ts';
import type { Sink } from '../../src/loader/sink.ts';
import { loadTopic, message, now, openBench, pause, produce, targetOf } from './setup.ts';

export async function main(small: boolean): Promise<void> {
  const bench = await openBench();
  const seconds = small ? 5 : 30;
  try {
    process.stdout.write(`| rows/s asked | rows/s reached | p50 | p99 | largest |\n|---|---|---|---|---|\n`);
    for (const rate of small ? [1000] : [1000, 10_000, 50_000]) {
      const topic = `l${rate}`;
      await produce(bench, topic, 4, 0, 200);
      const waits: number[] = [];
      const stop = new AbortController();
      const watched = (sink: Sink): Sink =>
        new Proxy(sink, {
          get: (of, name) =>
            name !== 'flush'
              ? (Reflect.get(of, name, of).bind?.(of) ?? Reflect.get(of, name, of))
              : async (flush: Parameters<Sink['flush']>[0]) => {
                  const done = await of.flush(flush);
                  const at = now();
                  for (const row of flush.rows.all()) waits.push(at - flush.rows.message(row).timestamp!);
                  return done;
                },
        });
      const loading = loadTopic(
        bench,
        targetOf(topic, 'append', { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 100 }),
        { once: false, signal: stop.signal, sink: watched },
      );
      const writer = await TopicWriter.open(bench.connection.brokers, { retries: 50, retryDelay: 200 });
      // Warm-up: the loader has joined the group and the code is compiled before measuring starts.
      let seq = 0;
      const send = async (count: number): Promise<void> => {
        const messages = Array.from({ length: count }, () => ({
          topic,
          ...message(seq, 200),
          partition: seq++ % 4,
          timestamp: BigInt(now()),
        }));
        for (let at = 0; at < messages.length; at += 2000) await writer.send(messages.slice(at, at + 2000));
      };
      while (waits.length === 0) {
        await send(100);
        await pause(200);
      }
      for (let i = 0; i < 20; i++) {
        await send(Math.ceil(rate / 20));
        await pause(50);
      }
      await pause(1000);
      const already = waits.length;
      const [began, first] = [now(), seq];
      while (now() - began < seconds * 1000) {
        const due = first + Math.floor(((now() - began) / 1000) * rate) - seq;
        if (due > 0) await send(due);
        await pause(20);
      }
      const elapsed = (now() - began) / 1000;
      const sent = seq - first;
      for (let i = 0; i < 300 && waits.length < already + sent; i++) await pause(100);
      stop.abort();
      await loading;
      await writer.close();
      const sorted = waits.slice(already).sort((a, b) => a - b);
      if (sorted.length !== sent) throw new Error(`${sorted.length} of ${sent} rows became visible`);
      const at = (part: number): string =>
        `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]} ms`;
      process.stdout.write(`| ${rate} | ${Math.round(sent / elapsed)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |\n`);
    }
  } finally {
    await bench.close();
  }
}
