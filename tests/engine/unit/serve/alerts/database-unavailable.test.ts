// Who is told that the database is away: once after a time of grace, repeated while it lasts, once when it is back.
import { describe, expect, it } from 'vitest';
import { AwayAlarms } from '../../../../../src/serve/alerts/database-unavailable.ts';
import { troubleOf } from '../../../../../src/serve/alerts/alert-subject.ts';
import type { Json } from '../../../../../src/contracts/node.ts';
import { MINUTE, Stage } from './alert-stage.ts';

const MANIFEST = { nodes: {}, sources: {}, exposures: {}, groups: {}, unit_tests: {}, child_map: {}, parent_map: {} };

function hostOf(stage: Stage, alerts: Json = { hook: { webhook: 'http://hook' } }, host = 'one:1'): AwayAlarms {
  return new AwayAlarms({
    graceMs: MINUTE,
    host,
    clock: stage.clock,
    alarms: (store) => stage.host(alerts, store),
    describe: (incident) => troubleOf(incident, { manifest: MANIFEST, jobs: [], read: () => null }),
  });
}

const told = ({ received }: Stage): string[] =>
  received.map(
    ({ channel, occasion, body }) => `${channel} ${occasion} ${String(body['kind'])} ${String(body['key'])}`,
  );

describe('an unavailable database', () => {
  it('is reported once after the grace period, again at each repeat, and once when it is back', async () => {
    const stage = new Stage();
    // No note of what is told can be made.
    stage.store.away = true;
    const away = hostOf(stage);
    away.away('connection to s3cret refused');
    await stage.clock.pass(MINUTE - 1);
    expect(told(stage)).toEqual([]);
    away.away('and again');
    await stage.clock.pass(30 * MINUTE);
    expect(told(stage)).toEqual(['hook opened database database:away']);
    expect(stage.received[0]?.body).toMatchObject({
      title: '[DATABASE AWAY] shop: the database',
      reason: 'one:1 cannot reach the database, and starts no job until it can: connection to ***** refused',
      since: '2026-05-01T12:00:00.000Z',
    });
    await stage.clock.pass(40 * MINUTE);
    away.back();
    await stage.clock.pass(90 * MINUTE);
    expect(told(stage).map((text) => text.split(' ')[1])).toEqual(['opened', 'repeated', 'recovered']);
    expect(stage.received[2]?.body).toMatchObject({
      title: '[RECOVERED] shop: the database',
      until: new Date(Date.UTC(2026, 4, 1, 13, 11) - 1).toISOString(),
    });
    expect(stage.log).toEqual([]);
  });

  it('is not reported while each outage is short, and reported again after a later one', async () => {
    const stage = new Stage();
    const away = hostOf(stage);
    for (let times = 0; times < 5; times++) {
      away.away('refused');
      await stage.clock.pass(50_000);
      away.back();
      await stage.clock.pass(1000);
    }
    expect(told(stage)).toEqual([]);
    for (let times = 0; times < 2; times++) {
      away.away('refused');
      await stage.clock.pass(2 * MINUTE);
      away.back();
      await stage.clock.pass(1000);
    }
    expect(told(stage).map((text) => text.split(' ')[1])).toEqual(['opened', 'recovered', 'opened', 'recovered']);
    expect(new Set(stage.told).size).toBe(4);
  });

  it('is reported by each host, to the channels that subscribe to it', async () => {
    const stage = new Stage();
    const hosts = ['one:1', 'two:2'].map((host) =>
      hostOf(
        stage,
        {
          all: { webhook: 'http://all' },
          asked: { webhook: 'http://asked', on: ['database'] },
          later: { webhook: 'http://later', after: 20 },
          other: { webhook: 'http://other', on: ['project', 'recovered'] },
          owned: { webhook: 'http://owned', owner: 'Ann' },
        },
        host,
      ),
    );
    for (const host of hosts) host.away('refused');
    await stage.clock.pass(2 * MINUTE);
    for (const host of hosts) host.back();
    await stage.clock.pass(MINUTE);
    expect(told(stage).sort()).toEqual([
      'all opened database database:away',
      'all opened database database:away',
      'all recovered database database:away',
      'all recovered database database:away',
      'asked opened database database:away',
      'asked opened database database:away',
    ]);
  });

  it('is not reported after serve ends', async () => {
    const stage = new Stage();
    const away = hostOf(stage);
    away.away('refused');
    await stage.clock.pass(2 * MINUTE);
    await away.close(1000);
    away.away('refused');
    await stage.clock.pass(10 * MINUTE);
    expect(told(stage)).toEqual(['hook opened database database:away']);
  });
});
