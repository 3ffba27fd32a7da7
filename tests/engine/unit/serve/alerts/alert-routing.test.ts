// When alarms are told: openings, repeats, endings, and who of several hosts tells them.
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, Stage, subject } from './alert-stage.ts';

const HOOK = { hook: { webhook: 'http://hook' } };

describe('an alert', () => {
  it('is sent once per incident, repeated hourly while it lasts, and sent once when it ends', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    alarms.start();
    const incident = stage.incident();
    for (let minute = 0; minute < 150; minute += 5) {
      alarms.broken(stage.trouble(incident));
      await stage.clock.pass(5 * MINUTE);
    }
    alarms.recovered(stage.close(incident));
    await stage.clock.pass(2 * HOUR);
    expect(stage.told).toEqual(['hook i1.opened', 'hook i1.repeated.1', 'hook i1.repeated.2', 'hook i1.recovered']);
    expect(stage.received.map(({ body }) => body['times'])).toEqual([1, 12, 24, 30]);
    expect(stage.log).toEqual([]);
    await alarms.close(0);
  });

  it('waits for as many checks as the channel requires, and is not sent if the incident ends earlier', async () => {
    const stage = new Stage();
    const alarms = stage.host({ hook: { webhook: 'http://hook', after: 3 } });
    const flap = stage.incident();
    alarms.broken(stage.trouble(flap));
    alarms.broken(stage.trouble(flap));
    await stage.clock.pass(MINUTE);
    alarms.recovered(stage.close(flap));
    await stage.clock.pass(MINUTE);
    expect(stage.told).toEqual([]);
    const real = stage.incident();
    for (let look = 0; look < 5; look++) {
      alarms.broken(stage.trouble(real));
      await stage.clock.pass(1000);
    }
    expect(stage.told).toEqual(['hook i2.opened']);
  });

  it('for a new database waits silently until its tables exist', async () => {
    const stage = new Stage();
    stage.store.made = false;
    const alarms = stage.host(HOOK);
    alarms.start();
    await stage.clock.pass(5 * MINUTE);
    stage.store.made = true;
    stage.incident();
    await stage.clock.pass(5 * MINUTE);
    expect(stage.log).toEqual([]);
    expect(stage.told).toEqual(['hook i1.opened']);
    await alarms.close(0);
  });

  it('is repeated for an incident that is not checked again', async () => {
    const stage = new Stage();
    const alarms = stage.host({
      hook: { webhook: 'http://hook', repeat: '30m' },
      once: { webhook: 'http://once', repeat: 'none' },
    });
    alarms.start();
    alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(HOUR + MINUTE);
    expect(stage.told).toEqual(['hook i1.opened', 'once i1.opened', 'hook i1.repeated.1', 'hook i1.repeated.2']);
    await alarms.close(0);
  });

  it('goes to the channels of owner, group, tag, job and event, with the matching parts', async () => {
    const stage = new Stage();
    const alarms = stage.host({
      all: { webhook: 'http://all' },
      ann: { webhook: 'http://ann', owner: 'ANN' },
      finance: { webhook: 'http://finance', group: 'finance' },
      both: { webhook: 'http://both', owner: 'ann', tag: 'nightly' },
      slow: { webhook: 'http://slow', on: ['slow', 'recovered'] },
      quiet: { webhook: 'http://quiet', on: ['failed'] },
      other: { webhook: 'http://other', job: 'hourly' },
    });
    const parts = [
      subject({ what: 'model a', owners: ['Ann'], tags: ['x'] }),
      subject({ what: 'model b', owners: ['Bob'], group: 'finance', tags: ['nightly'] }),
    ];
    const incident = stage.incident();
    alarms.broken(stage.trouble(incident, { parts }));
    await alarms.settled();
    const whats = (parts: unknown): unknown[] => (parts as { what: unknown }[]).map(({ what }) => what);
    expect(stage.received.map(({ channel, body }) => [channel, whats(body['parts'])])).toEqual([
      ['all', ['model a', 'model b']],
      ['ann', ['model a']],
      ['finance', ['model b']],
      ['quiet', ['model a', 'model b']],
    ]);
    stage.received.length = 0;
    alarms.recovered(stage.close(incident));
    await alarms.settled();
    expect(stage.told).toEqual(['all i1.recovered', 'ann i1.recovered', 'finance i1.recovered']);
  });

  it('is sent by one of two hosts that both check', async () => {
    const stage = new Stage();
    const hosts = [stage.host(HOOK), stage.host(HOOK)];
    for (const host of hosts) host.start();
    const incident = stage.incident();
    for (let minute = 0; minute < 70; minute += 5) {
      for (const host of hosts) host.broken(stage.trouble(incident));
      await stage.clock.pass(5 * MINUTE);
    }
    const closed = stage.close(incident);
    for (const host of hosts) host.recovered(closed);
    await stage.clock.pass(MINUTE);
    expect(stage.told).toEqual(['hook i1.opened', 'hook i1.repeated.1', 'hook i1.recovered']);
    for (const host of hosts) await host.close(0);
  });

  it('is not sent again by a restarted process', async () => {
    const stage = new Stage();
    const first = stage.host(HOOK);
    const incident = stage.incident();
    first.broken(stage.trouble(incident));
    await stage.clock.pass(MINUTE);
    await first.close(0);
    const second = stage.host(HOOK);
    second.start();
    second.broken(stage.trouble(incident));
    await stage.clock.pass(30 * MINUTE);
    expect(stage.told).toEqual(['hook i1.opened']);
    second.recovered(stage.close(incident));
    await stage.clock.pass(MINUTE);
    expect(stage.told).toEqual(['hook i1.opened', 'hook i1.recovered']);
    await second.close(0);
  });

  it('is sent again when a process was killed between recording and delivery', async () => {
    const stage = new Stage();
    stage.answer = () => 'never';
    const killed = stage.host(HOOK);
    const incident = stage.incident();
    killed.broken(stage.trouble(incident));
    await stage.clock.pass(1000);
    stage.answer = () => new Response('ok');
    const next = stage.host(HOOK);
    next.start();
    await stage.clock.pass(9 * MINUTE);
    expect(stage.told).toEqual([]);
    await stage.clock.pass(2 * MINUTE);
    expect(stage.told).toEqual(['hook i1.opened']);
    await stage.clock.pass(30 * MINUTE);
    expect(stage.told).toEqual(['hook i1.opened']);
    await next.close(0);
  });

  it('of an incident that a killed process has opened is sent by the next one', async () => {
    const stage = new Stage();
    stage.incident();
    const next = stage.host(HOOK);
    next.start();
    await stage.clock.pass(2 * MINUTE);
    expect(stage.told).toEqual(['hook i1.opened']);
    await next.close(0);
  });

  it('is sent once while the database is unavailable', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    alarms.start();
    stage.store.away = true;
    const incident = stage.incident();
    for (let look = 0; look < 5; look++) {
      alarms.broken(stage.trouble(incident));
      await stage.clock.pass(MINUTE);
    }
    stage.store.away = false;
    await stage.clock.pass(20 * MINUTE);
    alarms.recovered(stage.close(incident));
    await stage.clock.pass(MINUTE);
    expect(stage.told).toEqual(['hook i1.opened', 'hook i1.recovered']);
    expect(stage.log).toEqual(['Could not read which alerts were sent: connection refused']);
    await alarms.close(0);
  });

  it('is retried after an error, with growing delays and in order', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    const tries: number[] = [];
    stage.answer = () => {
      tries.push(stage.clock.now());
      if (tries.length === 2) return new Error('socket hang up');
      return tries.length < 5 ? new Response('no', { status: 503 }) : new Response('ok');
    };
    alarms.broken(stage.trouble(stage.incident()));
    alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(MINUTE);
    const [began = 0] = tries;
    expect(tries.map((at) => at - began)).toEqual([0, 1000, 3000, 7000, 15_000, 15_000]);
    expect(stage.told).toEqual(['hook i1.opened', 'hook i2.opened']);
    expect(stage.log).toEqual([
      "Alerts for 'hook' cannot be delivered and will be retried: HTTP 503 no",
      "Alerts for 'hook' are delivered again",
    ]);
  });

  it('waits as long as a receiver requests', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    const tries: number[] = [];
    stage.answer = () => {
      tries.push(stage.clock.now());
      return tries.length < 2
        ? new Response('', { status: 429, headers: { 'retry-after': '30' } })
        : new Response('ok');
    };
    alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(MINUTE);
    expect(tries.map((at) => at - (tries[0] ?? 0))).toEqual([0, 30_000]);
  });

  it('that a receiver rejects is not retried', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    stage.answer = () => new Response('unknown key s3cret', { status: 403 });
    alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(HOUR);
    expect(stage.log).toEqual(["'hook' rejected the alert i1.opened: HTTP 403 unknown key *****"]);
    expect(alarms.counts()).toEqual([{ channel: 'hook', delivered: 0, refused: 1, dropped: 0, waiting: 0 }]);
  });

  it('is given up after minutes, and a channel that hangs does not delay others', async () => {
    const stage = new Stage();
    const alarms = stage.host({ ...HOOK, good: { webhook: 'http://good' } });
    stage.answer = ({ channel }) => (channel === 'hook' ? new Error('getaddrinfo ENOTFOUND hook') : new Response('ok'));
    alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(1000);
    expect(stage.told).toEqual(['good i1.opened']);
    await stage.clock.pass(10 * MINUTE);
    expect(stage.log).toEqual([
      "Alerts for 'hook' cannot be delivered and will be retried: getaddrinfo ENOTFOUND hook",
      "Gave up on the alert i1.opened for 'hook': getaddrinfo ENOTFOUND hook",
    ]);
  });

  it('is queued with at most 99 others, and repetitions are dropped first', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    stage.answer = () => 'never';
    for (let i = 0; i < 130; i++) alarms.broken(stage.trouble(stage.incident()));
    await stage.clock.pass(1000);
    expect(alarms.counts()).toEqual([{ channel: 'hook', delivered: 0, refused: 0, dropped: 30, waiting: 100 }]);
    expect(stage.log).toEqual(["Alerts for 'hook' are dropped: 100 are queued already"]);
    await alarms.close(0);
    expect(alarms.counts()).toMatchObject([{ waiting: 0 }]);
  });

  it('contains no secret in its texts', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    const failing = subject({
      message: 'password s3cret',
      rows: { columns: ['a'], rows: [['s3cret']], total: 1 },
    });
    alarms.broken(
      stage.trouble(stage.incident('job:fast:failed', 'key s3cret'), { subject: failing, parts: [failing] }),
    );
    await alarms.settled();
    expect(JSON.stringify(stage.received)).not.toContain('s3cret');
    expect(JSON.stringify(stage.received)).toContain('password *****');
  });

  it('for Alertmanager is sent again each minute to stay active, and resolved at its end', async () => {
    const stage = new Stage();
    const alarms = stage.host({ am: { alertmanager: 'http://am', labels: { team: 'data' } } });
    alarms.start();
    const incident = stage.incident('sla:model.shop.a:freshness', 'a is late');
    alarms.broken(stage.trouble(incident, { kind: 'stale' }));
    await stage.clock.pass(3 * MINUTE);
    alarms.recovered(stage.close(incident));
    await stage.clock.pass(10 * MINUTE);
    await alarms.close(0);
    const bodies = stage.received.map(
      ({ body }) => (body as unknown as { labels: object; startsAt: string; endsAt: string }[])[0],
    );
    expect(bodies.map((body) => [body?.startsAt.slice(11, 19), body?.endsAt.slice(11, 19)])).toEqual([
      ['12:00:00', '12:05:00'],
      ['12:00:00', '12:06:00'],
      ['12:00:00', '12:07:00'],
      ['12:00:00', '12:08:00'],
      ['12:00:00', '12:03:00'],
    ]);
    expect(new Set(bodies.map((body) => JSON.stringify(body?.labels)))).toEqual(
      new Set([
        JSON.stringify({
          team: 'data',
          alertname: 'TsdbtStale',
          project: 'shop',
          key: 'sla:model.shop.a:freshness',
          tsdbt_job: 'fast',
        }),
      ]),
    );
  });

  it('is still delivered during shutdown, up to the timeout', async () => {
    const stage = new Stage();
    const alarms = stage.host(HOOK);
    alarms.start();
    let tries = 0;
    stage.answer = () => (++tries < 3 ? new Error('reset') : new Response('ok'));
    alarms.broken(stage.trouble(stage.incident()));
    const closed = alarms.close(10_000);
    await stage.clock.pass(MINUTE);
    await closed;
    expect(stage.told).toEqual(['hook i1.opened']);
  });
});
