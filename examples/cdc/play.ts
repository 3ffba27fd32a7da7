// Plays examples/cdc: changes of a Postgres through Debezium and Kafka into ClickHouse and its marts, on servers that
// it starts and ends.
import { type Play, Stage } from '../stage.ts';
import { loadUntil, startParts } from './parts.ts';

const FUNNEL = "select * from {{ ref('funnel_daily') }} order by day desc";
const ACTIVE = "select * from {{ ref('active_users') }} order by day desc";

export async function main(play: Play): Promise<void> {
  const { once, signal } = play;
  const stage = new Stage(play);
  try {
    await stage.clear();
    const parts = await startParts(stage, play, { users: 100, events: 1500 });
    const { shop } = parts;
    await stage.tsdbt('load', 'check');
    await stage.tsdbt('load', '--once');
    await stage.tsdbt('build');

    if (once) {
      stage.say('\n\u25b8 500 changes: inserts, updates, deletes, other keys, a column more and one less');
      await shop.act(250);
      await shop.alter();
      await shop.act(250);
      await shop.mark('last');
      await loadUntil(stage, parts, 'last');
      await stage.tsdbt('build');
      await stage.tsdbt('show', '--inline', FUNNEL, '--limit', '3');
      await stage.tsdbt('show', '--inline', ACTIVE, '--limit', '3');
      return;
    }
    stage.start('load', 'load');
    stage.start('build', 'build', '--every', '10s', '--if-changed');
    stage.say('\n20 changes a second from here on. Ctrl-C ends everything.');
    for (let shown = Date.now(); !signal.aborted; ) {
      await shop.act(10);
      await stage.pause(500);
      if (Date.now() - shown < 15_000) continue;
      await stage.quietly('show', '--inline', FUNNEL, '--limit', '3');
      shown = Date.now();
    }
  } finally {
    await stage.close();
  }
}
