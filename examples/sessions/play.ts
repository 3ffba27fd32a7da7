// Plays examples/sessions: a click stream in Avro through Kafka into the marts, on servers that it starts and ends.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaBroker } from '../../tests/engine/kafka/kafka-broker.ts';
import { MemoryRegistry } from '../../tests/engine/loader/memory-registry.ts';
import { type Play, Stage } from '../stage.ts';
import { type Click, Clicks } from './clicks.ts';

const MART =
  'select campaign, count(*) as sessions, sum(page_views) as page_views, sum(purchased::int) as purchases, ' +
  "round(avg(duration_seconds), 1) as seconds from {{ ref('mart_session_metrics') }} group by 1 order by 1";

export async function main(play: Play): Promise<void> {
  const { dir, once, signal } = play;
  const stage = new Stage(play);
  try {
    await stage.clear();
    stage.say('\n\u25b8 Kafka and a schema registry; the first time its jars are fetched, some minutes');
    const broker = stage.ends(await KafkaBroker.start(), 'Kafka');
    const registry = stage.ends(await MemoryRegistry.start());
    stage.say(`Kafka at 127.0.0.1:${broker.port}, the registry at ${registry.url}`);
    Object.assign(stage.env, { KAFKA_BROKERS: `127.0.0.1:${broker.port}`, SCHEMA_REGISTRY: registry.url });
    stage.publish();

    const clicks = new Clicks(20260302);
    let files = 0;
    /** Sends clicks by a version of the schema. */
    const send = async (sent: readonly Click[], version: 1 | 2, show: boolean): Promise<void> => {
      const path = join('.tsdbt', `clicks-${files++}.ndjson`);
      mkdirSync(join(dir, '.tsdbt'), { recursive: true });
      writeFileSync(join(dir, path), sent.map((click) => `${JSON.stringify(fields(click, version))}\n`).join(''));
      const schema = version === 1 ? 'session_event.avsc' : 'session_event.2.avsc';
      await (show ? stage.tsdbt.bind(stage) : stage.quietly.bind(stage))(
        ...['produce', '--topic', 'session_events', '--key', 'session_id', '--partitions', '4', '--from', path],
        ...['--format', 'avro', '--schema', schema, '--register'],
      );
    };
    const now = Date.now();
    await send(clicks.between(now - 3_600_000, now, 2000), 1, true);
    await stage.tsdbt('load', 'check');
    await stage.tsdbt('load', '--once');
    await stage.tsdbt('build');

    stage.say('\n\u25b8 The schema grows: `page` is called page_url, and there is a campaign');
    await send(clicks.between(now, now + 60_000, 500), 2, true);
    await stage.tsdbt('load', 'check');
    if (once) {
      await stage.tsdbt('load', '--once');
      await stage.tsdbt('build');
      await stage.tsdbt('source', 'freshness');
      await stage.tsdbt('show', '--inline', MART);
      return;
    }
    stage.start('load', 'load');
    stage.start('build', 'build', '--every', '10s', '--if-changed');
    stage.say('\n20 events a second from here on, sent every 10 s. Ctrl-C ends everything.');
    for (let from = Date.now(); !signal.aborted; ) {
      await stage.pause(10_000);
      const to = Date.now();
      await send(clicks.between(from, to, Math.round((to - from) / 50)), 2, false);
      await stage.quietly('show', '--inline', MART);
      from = to;
    }
  } finally {
    await stage.close();
  }
}

/** What a version of the schema has of a click. */
function fields({ page, campaign, ...click }: Click, version: 1 | 2): object {
  return version === 1 ? { ...click, page } : { ...click, page_url: page, campaign };
}
