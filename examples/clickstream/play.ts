// Plays examples/clickstream: page views by Kafka and users of another Postgres become sessions, which are tested and
// published to ClickHouse, Postgres and Iceberg, on servers that it starts and ends.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Play, Stage } from '../stage.ts';
import { startParts } from './parts.ts';
import { type PageView, Views } from './views.ts';

const HOUR_MS = 3_600_000;

export async function main(play: Play): Promise<void> {
  const { dir, once, signal } = play;
  const stage = new Stage(play);
  try {
    await stage.clear();
    const views = new Views(20260302);
    const { app } = await startParts(stage, play, views);
    let files = 0;
    const send = async (sent: readonly PageView[], show: boolean): Promise<void> => {
      const path = join('.tsdbt', `views-${files++}.ndjson`);
      mkdirSync(join(dir, '.tsdbt'), { recursive: true });
      writeFileSync(join(dir, path), sent.map((view) => `${JSON.stringify(view)}\n`).join(''));
      await (show ? stage.tsdbt.bind(stage) : stage.quietly.bind(stage))(
        ...[
          'produce',
          '--connection',
          'production_events',
          '--topic',
          'clickstream.page-views',
          '--key',
          'event_id',
          '--partitions',
          '4',
          '--from',
          path,
        ],
      );
    };
    const ask = async (): Promise<void> => {
      await stage.tsdbt('query', '--target', 'dashboards', '--file', join('queries', 'top_countries.sql'));
      await stage.tsdbt('query', '--target', 'lookup', '--file', join('queries', 'sessions_of_user.sql'));
      await stage.tsdbt('query', '--target', 'dashboards', '--file', join('queries', 'sessions_in_lake.sql'));
    };
    const now = Date.now();
    await send(views.between(now - 6 * HOUR_MS, now, 2500), true);
    await stage.tsdbt('load', 'check');
    await stage.tsdbt('load', '--once');
    await stage.tsdbt('build');
    await stage.tsdbt('jobs');

    if (once) {
      stage.say('\n\u25b8 Later: more page views, users who sign up and who move');
      await app.signUp(5);
      await app.change(20);
      await send(views.between(now, Date.now(), 300), true);
      await stage.tsdbt('load', '--once');
      await stage.tsdbt('build');
      await ask();
      return;
    }
    stage.start('serve', 'serve');
    stage.say(
      '\n5 page views a second from here on, sent every 30 s; builds at the full five minutes. Ctrl-C ends it all.',
    );
    for (let from = now; !signal.aborted; ) {
      await stage.pause(30_000);
      const to = Date.now();
      await app.change(1);
      await send(views.between(from, to, Math.round((to - from) / 200)), false);
      await ask();
      from = to;
    }
  } finally {
    await stage.close();
  }
}
