// PGPASSWORD of the shell belongs to the servers of the user: a cloned repository that names a server of its author's
// does not get it, unless its file asks for the variable in plain sight.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, start } from '../support/program.ts';

const PASSWORD = 'c4n4ry-of-the-shell';
let root = '';
let server: Server;
let received: string[] = [];

/** A Postgres that asks for the password in clear text and refuses it. */
beforeAll(async () => {
  server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const isTlsRequest = bytes.length === 8;
      if (isTlsRequest) socket.write('N');
      else if (bytes[0] === 'p'.charCodeAt(0)) {
        received.push(bytes.subarray(5, -1).toString());
        socket.end(
          Buffer.concat([Buffer.from('E'), Buffer.from([0, 0, 0, 22]), Buffer.from('SFATAL\0C28P01\0Mno\0\0')]),
        );
      } else socket.write(Buffer.from(['R'.charCodeAt(0), 0, 0, 0, 8, 0, 0, 0, 3]));
    });
  }).listen(0, '0.0.0.0');
  await new Promise((done) => server.once('listening', done));
});
afterAll(() => server.close());

beforeEach((context) => {
  received = [];
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-shell-password-'));
  write({ 'p/dbt_project.yml': 'name: o\nprofile: o\n', 'p/models/a.sql': 'select 1 as x' });
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** Not a loopback address, though it reaches this machine. */
const OTHER = '0.0.0.0';
const target = (host: string, password: string): string =>
  `{type: postgres, host: '${host}', port: ${(server.address() as AddressInfo).port}, user: u, dbname: d, schema: s, ` +
  `sslmode: disable, retries: 0, password: ${password}}`;
const profile = (host: string, password = '""'): string =>
  `o: {target: dev, outputs: {dev: ${target(host, password)}}}\n`;

/** @returns the passwords that reached the server */
async function passwords(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  last = await start(args, {
    cwd: join(root, 'p'),
    env: { PATH: process.env['PATH'], HOME: root, PGPASSWORD: PASSWORD, ...env },
  }).ended;
  expect(last.code, last.out).not.toBe(0);
  return received;
}
let last: Ended;

describe("the shell's PGPASSWORD", () => {
  it("is not sent to a server in the project's profile", async () => {
    write({ 'p/profiles.yml': profile(OTHER) });
    expect(await passwords(['run'])).not.toContain(PASSWORD);
    expect(last.out).toMatch(/PGPASSWORD is not sent to 0\.0\.0\.0: .*profiles\.yml.* env_var\('PGPASSWORD'\)/);
    expect(last.out).not.toContain(PASSWORD);
  });

  it('is not sent to a server in the profile of the surrounding repository', async () => {
    write({ '.git/HEAD': '', 'ci/profiles.yml': profile(OTHER) });
    expect(await passwords(['run', '--profiles-dir', '../ci'], { HOME: join(root, 'home') })).not.toContain(PASSWORD);
  });

  it('is not sent to one of several hosts', async () => {
    write({ 'p/profiles.yml': profile(`/nowhere,${OTHER}`) });
    expect(await passwords(['run'])).not.toContain(PASSWORD);
  });

  it("is not sent to a receiver in the project's connections.yml", async () => {
    write({
      'p/connections.yml': `there: ${target(OTHER, `"{{ env_var('NONE', '') }}"`)}\n`,
      'p/profiles.yml': profile('127.0.0.1', 'x'),
    });
    expect(await passwords(['debug', '--connection', 'there'])).not.toContain(PASSWORD);
    expect(last.out).toContain("'password' of connection 'there' must be a text that is not empty");
  });

  it.each<readonly [string, () => string, readonly string[]]>([
    ['the server is on this machine', () => profile('127.0.0.1'), []],
    ['the profile asks for the variable', () => profile(OTHER, '"{{ env_var(\'PGPASSWORD\') }}"'), []],
    ['the caller allows paths outside', () => profile(OTHER), ['--allow-outside-paths']],
  ])('is sent when %s', async (_, text, args) => {
    write({ 'p/profiles.yml': text() });
    expect(await passwords(['run', ...args])).toContain(PASSWORD);
  });

  it('is sent when the profile is in the home folder', async () => {
    write({ '.dbt/profiles.yml': profile(OTHER) });
    expect(await passwords(['run'])).toContain(PASSWORD);
  });
});
