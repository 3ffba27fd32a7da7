// Tests alerts with real receivers: an HTTP server that fails at first, an SMTP server with TLS and passwords, and
// Debian's Alertmanager.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/contracts/node.ts';
import { Alarms } from '../../../src/serve/alerts/alert-routing.ts';
import type { Incident } from '../../../src/serve/store/serve-store.ts';
import { Certificates } from '../kafka/certificates.ts';
import { quietPort } from '../support/quiet-port.ts';
import { channelsOf, StageClock, StageStore, subject } from '../unit/serve/alerts/alert-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsdbt-receivers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const incident: Incident = {
  id: 'i1',
  key: 'job:fast:failed',
  openedAt: Date.now() - 90_000,
  closedAt: null,
  reason: 'job fast: 1 of 3 nodes failed',
};
const FAILED = subject({
  what: 'test not_null_mart_user_id',
  owners: ['Ann <ann@example.com>'],
  path: 'models/marts/_marts.yml',
  line: 12,
  message: 'Got 7 results, configured to fail if != 0',
  rows: {
    columns: ['id', 'name'],
    rows: [
      ['1', '<!channel> & co'],
      ['2', ''],
    ],
    total: 7,
  },
  downstream: { names: ['report', 'exposure weekly'], more: 3 },
});

/** Sends alerts to real receivers, with delays of 0 between tries. */
function alarmsTo(alerts: Json) {
  const log: string[] = [];
  const clock = { now: () => Date.now(), sleep: async () => undefined };
  const alarms = new Alarms({
    channels: channelsOf(alerts, { path: join(folder, 'jobs.yml') }),
    store: new StageStore(new StageClock()),
    clock,
    random: () => 1,
    fetch,
    project: 'shop',
    linkOf: () => 'http://127.0.0.1:8080/#run/r1',
    describe: () => trouble,
    mask: (text) => text,
    say: (text) => log.push(text),
  });
  return { alarms, log };
}

const trouble = { incident, kind: 'failed', job: 'fast', runId: 'r1', subject: subject(), parts: [FAILED] } as const;
const BODY = `job fast: 1 of 3 nodes failed
Since ${new Date(incident.openedAt).toISOString().slice(0, 19).replace('T', ' ')} UTC.

test not_null_mart_user_id
  Got 7 results, configured to fail if != 0
  models/marts/_marts.yml line 12
  The first 2 of 7 failing rows:
  | id | name |
  | 1 | <!channel> & co |
  | 2 |  |
  Downstream: report, exposure weekly and 3 more
  Owner: Ann <ann@example.com>

http://127.0.0.1:8080/#run/r1`;

interface Question {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('a webhook or Slack receiver', () => {
  const questions: Question[] = [];
  const answers: number[] = [];
  let server: Server;
  let url = '';
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += String(part);
      const status = answers.shift() ?? 200;
      // A lost connection.
      if (status === 0) return request.socket.destroy();
      if (status === 200) questions.push({ headers: request.headers, body });
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(status === 200 ? 'ok' : 'not now');
      return undefined;
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('gets a signed message, even after errors and broken connections', async () => {
    answers.push(500, 0, 503);
    const { alarms, log } = alarmsTo({
      hook: {
        webhook: `${url}/hook`,
        secret: `whsec_${Buffer.from('a key of 24 bytes and more').toString('base64')}`,
        headers: { 'X-Team': 'data' },
      },
    });
    alarms.broken(trouble);
    await alarms.settled();
    const [question] = questions.splice(0);
    const headers = question?.headers ?? {};
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${question?.body}`;
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-team': 'data',
      'webhook-id': 'i1.opened',
      'webhook-signature': `v1,${createHmac('sha256', 'a key of 24 bytes and more').update(signed).digest('base64')}`,
    });
    expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(3600);
    expect(JSON.parse(question?.body ?? '')).toMatchObject({
      version: 1,
      id: 'i1.opened',
      occasion: 'opened',
      kind: 'failed',
      project: 'shop',
      key: 'job:fast:failed',
      job: 'fast',
      run_id: 'r1',
      parts: [{ what: 'test not_null_mart_user_id', line: 12, rows: { columns: ['id', 'name'], total: 7 } }],
      title: '[FAILED] shop: job fast',
      text: BODY,
    });
    expect(log).toEqual([
      "Alerts for 'hook' cannot be delivered and will be retried: HTTP 500 not now",
      "Alerts for 'hook' are delivered again",
    ]);
  });

  it('gets texts that mention no user and contain no markup', async () => {
    const { alarms } = alarmsTo({ oncall: { slack: `${url}/services/T/B/x` } });
    alarms.broken(trouble);
    await alarms.settled();
    const [question] = questions.splice(0);
    const text = BODY.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    expect(JSON.parse(question?.body ?? '')).toEqual({
      text: '[FAILED] shop: job fast',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: '[FAILED] shop: job fast', emoji: false } },
        { type: 'section', text: { type: 'mrkdwn', text: `\`\`\`\n${text}\n\`\`\`` } },
        { type: 'section', text: { type: 'mrkdwn', text: '<http://127.0.0.1:8080/#run/r1|Open>' } },
      ],
    });
  });

  it('is not followed when it redirects', async () => {
    answers.push(302);
    const { alarms, log } = alarmsTo({ hook: { webhook: `${url}/hook` } });
    alarms.broken(trouble);
    await alarms.settled();
    expect(log).toEqual([
      "'hook' rejected the alert i1.opened: HTTP 302 not now; it redirects; messages go only to the address " +
        'that jobs.yml names',
    ]);
  });
});

describe('an e-mail by SMTP', () => {
  const certificates = new Certificates(mkdtempSync(join(folder, 'tls-')));
  const servers: SMTPServer[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  /** A server that requires `u` and `pass`. */
  async function smtp(options: SMTPServerOptions = {}) {
    const mails: string[] = [];
    const server = new SMTPServer({
      key: certificates.read('server.key'),
      cert: certificates.read('server.pem'),
      onAuth: ({ username, password }, _session, done) =>
        username === 'u' && password === 'pass' ? done(null, { user: 'u' }) : done(new Error('Invalid login')),
      onData: (stream, _session, done) => {
        let text = '';
        stream.on('data', (part: Buffer) => {
          text += part.toString('utf8');
        });
        stream.on('end', () => {
          mails.push(text);
          done();
        });
      },
      ...options,
    });
    // A client that disconnects causes an error here.
    server.on('error', () => undefined);
    servers.push(server);
    const listening = server.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    return { mails, port: (listening.address() as AddressInfo).port };
  }

  const channel = (smtp: { [name: string]: Json }): Json => ({
    mail: {
      email: ['ann@example.com', 'bob@example.com'],
      from: 'tsdbt <tsdbt@example.com>',
      smtp: { host: '127.0.0.1', user: 'u', password: 'pass', ca: certificates.path('ca.pem'), ...smtp },
    },
  });

  it.each([
    ['starttls', false],
    ['implicit', true],
  ])('is sent through TLS (%s) with a password, as a thread', async (tls, secure) => {
    const { mails, port } = await smtp({ secure });
    const { alarms, log } = alarmsTo(channel({ port, tls }));
    alarms.broken(trouble);
    await alarms.settled();
    alarms.recovered({ ...incident, closedAt: incident.openedAt + 90_000 });
    await alarms.settled();
    expect(log).toEqual([]);
    const [first = '', second = ''] = mails;
    expect(mails.length).toBe(2);
    expect(first).toContain('From: tsdbt <tsdbt@example.com>\r\n');
    expect(first).toContain('To: ann@example.com, bob@example.com\r\n');
    expect(first).toContain('Subject: [FAILED] shop: job fast\r\n');
    expect(first).toContain('Message-ID: <i1.opened@shop.tsdbt>\r\n');
    expect(first).toContain('Auto-Submitted: auto-generated\r\n');
    expect(first).toContain('The first 2 of 7 failing rows:');
    expect(second).toContain('Subject: [RECOVERED] shop: job fast\r\n');
    expect(second).toContain('In-Reply-To: <i1.opened@shop.tsdbt>\r\n');
    expect(second).toContain('It lasted 1 min, since');
  });

  it('is not sent without TLS, to an unknown host, or with a wrong password', async () => {
    const plain = await smtp({ disabledCommands: ['STARTTLS'] });
    const { port, mails } = await smtp();
    const wrong: [{ [name: string]: Json }, string][] = [
      [{ port: plain.port }, 'rejected the alert'],
      [{ port, ca: certificates.path('stranger.pem') }, 'will be retried'],
      [{ port, servername: 'mail.example.com' }, 'will be retried'],
      [{ port, password: 'pas5' }, 'rejected the alert'],
    ];
    for (const [options, said] of wrong) {
      const { alarms, log } = alarmsTo(channel(options));
      alarms.broken(trouble);
      while (log.length === 0) await pause(20);
      expect(log[0]).toContain(said);
      expect(log.join()).not.toContain('pas5');
      await alarms.close(0);
    }
    expect([...mails, ...plain.mails]).toEqual([]);
  });
});

const alertmanager = findProgram();

/** @returns path of the program: TSDBT_TEST_ALERTMANAGER, else from PATH; null if there is none */
function findProgram(): string | null {
  const named = process.env['TSDBT_TEST_ALERTMANAGER'];
  if (named) return named;
  try {
    return execFileSync('sh', ['-c', 'command -v prometheus-alertmanager'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

describe.skipIf(alertmanager === null)('a real Alertmanager (downloaded by scripts/fetch-debian.sh)', () => {
  let program: ChildProcess;
  let url = '';
  beforeAll(async () => {
    const config = join(folder, 'alertmanager.yml');
    writeFileSync(config, 'route: { receiver: none }\nreceivers: [{ name: none }]\n');
    const port = await quietPort();
    url = `http://127.0.0.1:${port}`;
    const options = [
      `--config.file=${config}`,
      `--storage.path=${folder}/am`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    program = spawn(alertmanager ?? '', [...options, '--cluster.listen-address='], { stdio: 'ignore' });
    const ready = async (): Promise<boolean> => (await fetch(`${url}/-/ready`).catch(() => null))?.ok === true;
    while (!(await ready())) {
      if (program.exitCode !== null) throw new Error(`Alertmanager ended with ${program.exitCode}`);
      await pause(50);
    }
  });
  afterAll(() => void program.kill('SIGKILL'));

  const alerts = async (): Promise<{ labels: object; annotations: object; status: { state: string } }[]> =>
    (await fetch(`${url}/api/v2/alerts?active=true`)).json() as never;

  it('shows the alert while it lasts, and no longer', async () => {
    const { alarms, log } = alarmsTo({ am: { alertmanager: url, labels: { team: 'data' } } });
    alarms.broken(trouble);
    await alarms.settled();
    expect(log).toEqual([]);
    const open = await alerts();
    expect(open.map(({ labels, status }) => ({ labels, state: status.state !== 'suppressed' }))).toEqual([
      {
        labels: { team: 'data', alertname: 'TsdbtFailed', project: 'shop', key: 'job:fast:failed', tsdbt_job: 'fast' },
        state: true,
      },
    ]);
    expect(open[0]).toMatchObject({
      annotations: { summary: '[FAILED] shop: job fast', description: BODY },
      generatorURL: 'http://127.0.0.1:8080/#run/r1',
      startsAt: new Date(incident.openedAt).toISOString(),
    });
    alarms.recovered({ ...incident, closedAt: Date.now() });
    await alarms.settled();
    expect(await alerts()).toEqual([]);
    expect(log).toEqual([]);
  });
});
