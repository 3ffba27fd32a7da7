// What the examples have in common: a play ends with an error when something that it needs has ended, tells the
// addresses and passwords of its servers, and keeps its object store. kafka/examples.test.ts plays the examples.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiveAlerts } from '../../../examples/alerts.ts';
import { Stage } from '../../../examples/stage.ts';
import { startStore } from '../../../examples/store.ts';
import { endChild, hasEnded } from '../support/end-child.ts';
import { run, start } from '../support/program.ts';
import { NO_STORE } from '../support/s3-server.ts';
import { ROOT } from './markdown.ts';

let dir = '';
let stage: Stage;
let play: ConstructorParameters<typeof Stage>[0];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsdbt-stage-'));
  play = { root: ROOT, dir, once: false, signal: new AbortController().signal };
  stage = new Stage(play);
});
afterEach(async () => {
  await stage.close();
  rmSync(dir, { recursive: true, force: true });
});

const LONG_MS = 60_000;

describe('the stage of an example', () => {
  it('ends when a command that should run on has ended by itself', async () => {
    stage.start('load', 'load', '--no-such-option');
    await expect(stage.pause(LONG_MS)).rejects.toThrow(
      'tsdbt load --no-such-option has ended by itself (exit code 2). ' +
        'The play ends; the project keeps what was loaded.',
    );
  });

  it('ends when a command that should run on is killed', async () => {
    const child = stage.start('completion', 'completion', 'bash');
    child.kill('SIGKILL');
    await expect(stage.pause(LONG_MS)).rejects.toThrow('has ended by itself (SIGKILL)');
  });

  it('ends when a server has ended by itself, even while a command waits for that server', async () => {
    let ended = false;
    const part = {
      close: () => Promise.resolve(),
      get ended() {
        return ended;
      },
    };
    stage.ends(part, 'Kafka');
    await stage.pause(1);
    const waiting = expect(stage.quietly('--version')).resolves.toContain('tsdbt');
    await waiting;
    ended = true;
    await expect(stage.pause(LONG_MS)).rejects.toThrow('Kafka has ended by itself.');
    await expect(stage.quietly('debug', '--help')).rejects.toThrow('Kafka has ended by itself.');
  });

  it('ends after a server was killed from outside, without waiting forever', async () => {
    const { child } = start(['completion', 'bash'], { cwd: dir });
    child.kill('SIGKILL');
    await expect.poll(() => hasEnded(child)).toBe(true);
    await endChild(child);
  });

  it('writes addresses and passwords into a file that only the user can read', () => {
    Object.assign(stage.env, { APP_PASSWORD: "it's one" });
    stage.publish({ LOOKUP_URL: 'postgresql://u:p@127.0.0.1:5/lookup' });
    const path = join(dir, '.tsdbt/play.env');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe(
      `export DBT_PROFILES_DIR='${dir}'\nexport APP_PASSWORD='it'\\''s one'\n` +
        `export LOOKUP_URL='postgresql://u:p@127.0.0.1:5/lookup'\n`,
    );
  });

  it('shows the alerts that serve sends', async () => {
    const said: string[] = [];
    const alerts = await receiveAlerts((text) => said.push(text));
    const body = JSON.stringify({ version: 1, title: 'shop: job marts failed', link: 'http://localhost:8080/#run/1' });
    expect((await fetch(alerts.url, { method: 'POST', body })).status).toBe(200);
    await alerts.close();
    expect(said).toEqual(['alert | shop: job marts failed http://localhost:8080/#run/1']);
  });

  it.skipIf(NO_STORE !== null)('keeps its object store, and a script starts it again', async () => {
    const store = await startStore(stage, play);
    await store.store().put('a', Buffer.from('kept'));
    await stage.close();
    expect(await fetch(store.endpoint).catch(() => null)).toBe(null);
    await store.start();
    expect((await store.store().get('a'))?.toString()).toBe('kept');
    await store.kill();
    expect(readFileSync(join(dir, '.tsdbt/start-store.sh'), 'utf8')).toContain(`'${join(dir, '.tsdbt/store/data')}'`);
  });
});

it('an example has alerts that serve accepts', async () => {
  const { code, out } = await run(['jobs', 'check', '--project-dir', 'examples/clickstream'], {
    cwd: ROOT,
    env: {
      ...process.env,
      DBT_PROFILES_DIR: join(ROOT, 'examples/clickstream'),
      DBT_TARGET_PATH: join(dir, 'target'),
      DBT_LOG_PATH: join(dir, 'logs'),
    },
  });
  expect(code, out).toBe(0);
  expect(readFileSync(join(ROOT, 'examples/clickstream/jobs.yml'), 'utf8')).toMatch(/^alerts:$/m);
});
