// examples/cdc under load: changes of the shop's Postgres until they are seen in the last mart at `build --every 10s`,
// over kills of the loader, the build and Debezium; then every table and mart against what the Postgres says.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadUntil, startParts } from '../../examples/cdc/parts.ts';
import { Stage } from '../../examples/stage.ts';
import { pause } from '../../src/cli/pause.ts';
import { computed, inClickHouse } from '../../tests/engine/kafka/cdc-marts.ts';
import { now } from './setup.ts';

const BUILD = ['build', '--every', '10s', '--if-changed'];
const RATE = 50;

export async function main(small: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-cdc-'));
  cpSync(join(process.cwd(), 'examples/cdc'), dir, {
    recursive: true,
    filter: (path) => !/cdc\/(\.tsdbt|target|logs)/.test(path),
  });
  const { signal } = new AbortController();
  const play = { root: process.cwd(), dir, once: false, signal };
  const stage = new Stage(play);
  try {
    const parts = await startParts(stage, play, { users: 200, events: small ? 1000 : 20_000 });
    const { shop, connect, clickhouse, source } = parts;
    await stage.quietly('load', '--once');
    await stage.quietly('build');
    let load = stage.start('load', 'load');
    let build = stage.start('build', ...BUILD);
    const began = now();
    const length = small ? 60_000 : 300_000;
    /** What happens when a part of the time is over. */
    const happens: [share: number, what: string, act: () => Promise<unknown>][] = [
      [0.2, 'SIGKILL of load', async () => (load = await again(load, () => stage.start('load', 'load')))],
      [0.4, 'SIGKILL of build', async () => (build = await again(build, () => stage.start('build', ...BUILD)))],
      [0.5, 'a column more, one less', () => shop.alter()],
      [0.6, 'SIGKILL of Debezium', () => connect.down().then(() => connect.up())],
    ];

    const sent = new Map<string, number>();
    const lags: number[] = [];
    const look = async (): Promise<void> => {
      const rows = await clickhouse(
        "select distinct event_name as name from marts.adoption_by_cohort where event_name like 'probe%'",
      ).catch(() => []);
      for (const { name } of rows) {
        const at = sent.get(String(name));
        if (at === undefined) continue;
        sent.delete(String(name));
        lags.push(now() - at);
      }
    };
    let probes = 0;
    let busy: Promise<unknown> = Promise.resolve();
    for (let tick = 0; now() - began < length; tick++) {
      await shop.act(RATE / 5);
      if (tick % 5 === 0) {
        const name = `probe${probes++}`;
        await shop.mark(name);
        sent.set(name, now());
      }
      const [next] = happens;
      if (next !== undefined && now() - began > next[0] * length) {
        happens.shift();
        stage.say(`== ${next[1]}`);
        busy = busy.then(next[2]);
      }
      await look();
      await pause(200, signal);
    }
    await busy;
    for (const end = now() + 120_000; sent.size > 0 && now() < end; await pause(200, signal)) await look();
    for (const child of [build, load]) await stopped(child);
    await shop.mark('last');
    await loadUntil(stage, parts, 'last');
    await stage.quietly('build');

    const [wanted, found] = [await computed(source.client), await inClickHouse(clickhouse)];
    stage.say('\n| table | rows | missing | too many |\n|---|---|---|---|');
    for (const [name, rows] of Object.entries(wanted)) {
      const [there, here] = [new Set(found[name]), new Set(rows)];
      const counts = [
        rows.filter((row) => !there.has(row)).length,
        (found[name] ?? []).filter((row) => !here.has(row)).length + (found[name] ?? []).length - there.size,
      ];
      if (counts.some((count) => count > 0)) process.exitCode = 1;
      stage.say(`| ${name} | ${rows.length} | ${counts.join(' | ')} |`);
    }
    lags.sort((a, b) => a - b);
    const at = (share: number): string =>
      `${((lags[Math.floor(lags.length * share)] ?? Number.NaN) / 1000).toFixed(1)} s`;
    stage.say(
      `\n${shop.changes} changes, ${lags.length} of ${probes} probes seen: median ${at(0.5)}, p95 ${at(0.95)}, ` +
        `longest ${at(0.9999)}`,
    );
  } finally {
    await stage.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

type Child = ReturnType<Stage['start']>;

async function stopped(child: Child, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('close', resolve);
    child.kill(signal);
  });
}

async function again(child: Child, start: () => Child): Promise<Child> {
  await stopped(child, 'SIGKILL');
  return start();
}
