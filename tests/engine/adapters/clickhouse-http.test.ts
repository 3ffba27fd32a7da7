// Tests the embedded ClickHouse server: its HTTP interface, how commands share it, how it starts and ends.
import { spawn, spawnSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  embeddedClickhouse,
  type EmbeddedServer,
  embeddedStatus,
  stopEmbedded,
} from '../../../src/adapters/clickhouse/embedded.ts';
import { CANCELLED, Engine } from '../../../src/adapters/clickhouse/embedded-engine.ts';
import { EmbeddedFiles } from '../../../src/adapters/embedded/embedded-files.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, withOpenClickhouse } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { sleep } from '../../../src/within.ts';

const place = (dir: string) => ({ dir, projectDir: process.cwd() });
/** Where the server of a folder keeps its state and data. */
const homeOf = (dir: string): string => new EmbeddedFiles(dir, 'ClickHouse').dir;

describe.skipIf(clickhouseMissing !== null)(
  `the embedded ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    let server: EmbeddedServer;
    interface Reply {
      readonly status: number;
      readonly text: string;
      readonly code: string | null;
      readonly headers: Headers;
    }
    async function ask(
      sql: string | Uint8Array,
      parameters: Readonly<Record<string, string>> = {},
      headers: Readonly<Record<string, string>> = {},
      method = 'POST',
      at = server,
    ): Promise<Reply> {
      const response = await fetch(`http://127.0.0.1:${at.port}/?${new URLSearchParams(parameters)}`, {
        method,
        headers: { 'X-ClickHouse-User': at.user, 'X-ClickHouse-Key': at.password, ...headers },
        ...(method === 'GET' ? {} : { body: sql as string }),
      });
      return {
        status: response.status,
        text: await response.text(),
        code: response.headers.get('X-ClickHouse-Exception-Code'),
        headers: response.headers,
      };
    }

    beforeAll(async () => {
      server = await embeddedClickhouse(place(clickhouseFolder()));
      await ask('create database if not exists http');
      await ask('create or replace table http.t (id Int64, name String) engine = MergeTree order by id');
    });
    afterAll(async () => {
      await server?.release();
    });

    /** A statement whose client goes away when it is told to. */
    const heldOpen = (sql: string, session?: unknown): { stop(): void; readonly ended: Promise<unknown> } => {
      const gone = new AbortController();
      const query = typeof session === 'string' ? `?session_id=${session}` : '';
      const ended = fetch(`http://127.0.0.1:${server.port}/${query}`, {
        method: 'POST',
        body: sql,
        signal: gone.signal,
        headers: { 'X-ClickHouse-User': server.user, 'X-ClickHouse-Key': server.password },
      }).catch(() => undefined);
      return { stop: () => gone.abort(), ended };
    };
    /** How many statements with the word in them are at work. */
    const running = async (word: string): Promise<number> =>
      Number(
        (
          await ask(
            `select count() from system.processes where query like '%${word}%' and query not like '%processes%'`,
          )
        ).text,
      );

    it('answers only pings without a password', async () => {
      expect(await (await fetch(`http://127.0.0.1:${server.port}/ping`)).text()).toBe('Ok.\n');
      expect(await ask('select 1', {}, { 'X-ClickHouse-Key': 'wrong' })).toMatchObject({ status: 403, code: '516' });
      expect((await fetch(`http://127.0.0.1:${server.port}/?query=select+1`)).status).toBe(403);
    });

    it('accepts user and password as headers, parameters or basic authentication', async () => {
      const none = { 'X-ClickHouse-User': '', 'X-ClickHouse-Key': '' };
      const basic = `Basic ${Buffer.from(`${server.user}:${server.password}`).toString('base64')}`;
      const url = `http://127.0.0.1:${server.port}/`;
      expect(await (await fetch(`${url}?query=select+1&user=${server.user}&password=${server.password}`)).text()).toBe(
        '1\n',
      );
      expect(await (await fetch(`${url}?query=select+1`, { headers: { authorization: basic } })).text()).toBe('1\n');
      expect((await ask('select 1', {}, none)).status).toBe(403);
      const file = join(homeOf(clickhouseFolder()), 'password');
      expect([statSync(file).mode & 0o777, readFileSync(file, 'utf8')]).toEqual([0o600, server.password]);
    });

    it('supports formats, the database, parameters and settings of one statement', async () => {
      expect(
        (
          await ask("select {name:String} as n, currentDatabase() as d, getSetting('max_block_size') as b", {
            param_name: "it's\\tme",
            database: 'http',
            default_format: 'JSONCompactEachRow',
            max_block_size: '77',
          })
        ).text,
      ).toBe('["it\'s\\tme", "http", 77]\n');
      expect((await ask("select currentDatabase(), getSetting('max_block_size') = 77", {})).text).toBe('default\t0\n');
      const json = await ask('select 1 as x format JSONEachRow');
      expect([json.text, json.headers.get('X-ClickHouse-Format'), json.headers.get('Content-Type')]).toEqual([
        '{"x":1}\n',
        'JSONEachRow',
        'application/x-ndjson; charset=UTF-8',
      ]);
    });

    it('keeps no setting in a session, not even of a rejected statement', async () => {
      const size = async () => (await ask("select getSetting('max_block_size')", { session_id: 'settings' })).text;
      const usual = await size();
      expect(
        await ask('select 1', { session_id: 'settings', max_block_size: '5', nonsense_setting: '1' }),
      ).toMatchObject({ status: 404, code: '115' });
      expect(await size()).toBe(usual);
      await ask('select 1', { session_id: 'settings', max_block_size: '5' });
      expect(await size()).toBe(usual);
      await ask('set max_block_size = 6', { session_id: 'settings' });
      expect(await size()).toBe('6\n');
    });

    it('reports code, name and status of a failure', async () => {
      const reply = await ask('select * from http.nowhere', { query_id: 'mine' });
      expect(reply).toMatchObject({ status: 404, code: '60' });
      expect(reply.text).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\) \(version /);
      expect(reply.headers.get('X-ClickHouse-Query-Id')).toBe('mine');
      expect(await ask('selct 1')).toMatchObject({ status: 400, code: '62' });
      expect((await ask('selct 1')).text).not.toContain('tsdbt-');
    });

    it('never answers with the output of a failed statement', async () => {
      const bad = "select throwIf(number = 150000), repeat('x', 50) from numbers(200000)";
      for (const format of ['TabSeparated', 'JSON']) {
        await ask(bad, { session_id: 'trap', default_format: format }).catch(() => undefined);
        expect((await ask('select 42', { session_id: 'trap' })).text).toBe('42\n');
      }
    });

    it('allows a GET to read, but not to write', async () => {
      expect((await ask('', { query: 'select 5' }, {}, 'GET')).text).toBe('5\n');
      expect(await ask('', { query: 'drop table http.t' }, {}, 'GET')).toMatchObject({ code: '164' });
    });

    it('keeps a session with its temporary tables separate from others', async () => {
      await ask('create temporary table mine as select 7 as x', { session_id: 'a' });
      expect((await ask('select x from mine', { session_id: 'a' })).text).toBe('7\n');
      expect((await ask('select x from mine', { session_id: 'b' })).code).toBe('60');
      expect((await ask('select x from mine')).code).toBe('60');
      expect((await ask('select 1', { session_id: 'new', session_check: '1' })).code).toBe('372');
    });

    it('accepts rows in every supported encoding, including binary ones, and rejects others', async () => {
      const count = async () => (await ask('select count() from http.t')).text.trim();
      const rows = (from: number) => Buffer.from(`${from}\ta\n${from + 1}\tb "c"\n`);
      await ask('truncate table http.t');
      const insert = { query: 'insert into http.t (id, name) format TabSeparated' };
      expect((await ask(rows(1), insert)).status).toBe(200);
      expect((await ask(gzipSync(rows(3)), insert, { 'Content-Encoding': 'gzip' })).status).toBe(200);
      expect((await ask(deflateSync(rows(5)), insert, { 'Content-Encoding': 'deflate' })).status).toBe(200);
      expect((await ask(brotliCompressSync(rows(7)), insert, { 'Content-Encoding': 'br' })).status).toBe(200);
      expect(
        (await ask(gzipSync("insert into http.t values (9, 'x')"), {}, { 'Content-Encoding': 'gzip' })).status,
      ).toBe(200);
      expect((await ask('insert into http.t format JSONEachRow {"id": 10, "name": "y"}')).status).toBe(200);
      expect(await count()).toBe('10');
      const query = encodeURIComponent('select id + 100 as id, name from http.t format Native');
      const native = await fetch(`http://127.0.0.1:${server.port}/?query=${query}`, {
        headers: { 'X-ClickHouse-User': server.user, 'X-ClickHouse-Key': server.password },
      });
      const bytes = Buffer.from(await native.arrayBuffer());
      expect((await ask(bytes, { query: 'insert into http.t format Native' })).status).toBe(200);
      expect(
        (await ask(Buffer.concat([Buffer.from('insert into http.t (id, name) format Native\n'), bytes]))).status,
      ).toBe(200);
      expect(await count()).toBe('30');
      // As clickhouse-connect sends it: the statement and its rows, all of it compressed.
      const packed = Buffer.from(
        'BCJNGEBQdzkAAIBpbnNlcnQgaW50byBodHRwLnQgKGlkLCBuYW1lKSBmb3JtYXQgVGFiU2VwYXJhdGVkCjUwMAlsegoAAAAA',
        'base64',
      );
      expect((await ask(packed, {}, { 'Content-Encoding': 'lz4' })).status).toBe(200);
      expect((await ask('select name from http.t where id = 500')).text).toBe('lz\n');
      await ask('delete from http.t where id = 500', { mutations_sync: '2' });
      expect(await count()).toBe('30');
      expect(await ask(rows(1), insert, { 'Content-Encoding': 'rot13' })).toMatchObject({ status: 400, code: '89' });
      expect(await ask(rows(1), { ...insert, decompress: '1' })).toMatchObject({ status: 400, code: '89' });
      expect((await ask('not gzip', {}, { 'Content-Encoding': 'gzip' })).status).toBe(400);
      expect(await count()).toBe('30');
    });

    it('rejects tables of the Kafka engine in any spelling', async () => {
      for (const sql of [
        'create table http.k (a Int8) engine = Kafka()',
        'CREATE TABLE http.k (a Int8) ENGINE/* */=\n`Kafka` SETTINGS x = 1',
        'create table http.k (a Int8) -- x\nengine Kafka',
      ]) {
        expect(await ask(sql)).toMatchObject({ code: '48' });
      }
      expect((await ask("select 'engine = Kafka'")).text).toBe('engine = Kafka\n');
    });

    it('sends a large result completely, in chunks', async () => {
      const { text } = await ask("select number, repeat('y', 100) from numbers(200000)");
      expect([text.length, text.slice(0, 4), text.endsWith(`199999\t${'y'.repeat(100)}\n`)]).toEqual([
        21_488_890,
        '0\tyy',
        true,
      ]);
    });

    it('runs statements of different sessions concurrently, and those of one session in order', async () => {
      const slow = ['p', 'q', 'r', 's'].map((session) =>
        heldOpen('select sleepEachRow(1) as at_once from numbers(120) settings max_block_size = 1', session),
      );
      await expect.poll(() => running('at_once'), FOR_EVENTS).toBe(4);
      for (const { stop } of slow) stop();
      await Promise.all(slow.map(({ ended }) => ended));
      const inOrder = [
        'create temporary table o (n Int8)',
        ...Array.from({ length: 4 }, (_, i) => `insert into o values (${i})`),
      ];
      const rows = 'select groupArray(n) from (select n from o order by n)';
      const replies = await Promise.all(
        [...inOrder, rows].map((sql) => ask(sql, { session_id: 'in order' }, {}, 'POST')),
      );
      expect(replies.map(({ text }) => text)).toEqual(['', '', '', '', '', '[0,1,2,3]\n']);
    });

    it('cancels the statement of a client that has disconnected', async () => {
      const stop = new AbortController();
      const running = fetch(`http://127.0.0.1:${server.port}/`, {
        method: 'POST',
        body: 'select sleepEachRow(1) as gone_client from numbers(60) settings max_block_size = 1',
        signal: stop.signal,
        headers: { 'X-ClickHouse-User': server.user, 'X-ClickHouse-Key': server.password },
      });
      running.catch(() => undefined);
      const seen = async () =>
        Number(
          (
            await ask(
              "select count() from system.processes where query like '%gone_client%' and query not like '%processes%'",
            )
          ).text,
        );
      while ((await seen()) === 0) {
        /* It begins. */
      }
      stop.abort();
      while ((await seen()) > 0) {
        /* It ends. */
      }
      await expect(running).rejects.toThrow();
    });

    it('opens no result for a client that has disconnected before its rows arrived', async () => {
      const spool = mkdtempSync(join(tmpdir(), 'tsdbt-spool-'));
      class Native {
        async queryAsync(sql: string) {
          const path = /INTO OUTFILE '([^']+)'/.exec(sql)?.[1];
          if (path !== undefined) writeFileSync(path, '1\n');
          return { rowsRead: 1, bytesRead: 1, bytes: () => new Uint8Array() };
        }
        close(): void {
          /* It holds nothing. */
        }
      }
      const engine = new Engine(Native, spool, spool, () => 0);
      const statement = {
        sql: 'select 1',
        format: 'TSV',
        database: null,
        settings: new Map(),
        parameters: new Map(),
        tag: 't',
        gone: () => false,
      };
      // A stream that failed unheard would end this process, too: the file is gone before the threads that are to open
      // it are free.
      const busy = Array.from({ length: 8 }, () => promisify(pbkdf2)('', '', 50_000, 64, 'sha512'));
      await expect(engine.run(null, statement, () => Promise.reject(CANCELLED))).rejects.toBe(CANCELLED);
      await Promise.all(busy);
      expect(readdirSync(spool)).toEqual([]);
      rmSync(spool, { recursive: true });
    });

    it('never answers a killed query as if it had no rows', async () => {
      let asked = 0;
      const killers = [0, 1].map(async () => {
        while (asked < 200)
          await ask(
            "kill query where query like '%killed_early%' and query not ilike '%kill query%' async format Null",
          );
      });
      const askers = [0, 1, 2].map(async () => {
        const seen = new Set<string>();
        while (asked++ < 200) {
          const { status, text } = await ask('select number as killed_early from numbers(3)');
          seen.add(status === 200 ? text : text.slice(0, 9));
        }
        return [...seen];
      });
      const seen = (await Promise.all(askers)).flat();
      await Promise.all(killers);
      expect(seen.filter((text) => text !== '0\n1\n2\n' && text !== 'Code: 394')).toEqual([]);
    });

    it('keeps serving after clients disconnect while reading rows', async () => {
      const headers = { 'X-ClickHouse-User': server.user, 'X-ClickHouse-Key': server.password };
      const body = "select number, repeat('z', 1000) from numbers(300000)";
      for (const session of ['', '?session_id=leaves']) {
        const stop = new AbortController();
        const response = await fetch(`http://127.0.0.1:${server.port}/${session}`, {
          method: 'POST',
          body,
          headers,
          signal: stop.signal,
        });
        await response.body!.getReader().read();
        stop.abort();
      }
      const replies = await Promise.all(
        ['', 'leaves', 'another'].map((id) => ask('select 42', id === '' ? {} : { session_id: id })),
      );
      expect(replies.map(({ text }) => text)).toEqual(['42\n', '42\n', '42\n']);
    });

    it('answers others while a subquery is computed, and while more statements run than Node has threads', async () => {
      const each = 'sleepEachRow(1) as while_they_run from numbers(120) settings max_block_size = 1';
      const slow = [
        `select (select max(while_they_run) from (select ${each}))`,
        ...Array.from({ length: 8 }, () => `select ${each}`),
      ].map(heldOpen);
      // This is answered meanwhile.
      await expect.poll(() => running('while_they_run'), FOR_EVENTS).toBe(9);
      for (const { stop } of slow) stop();
      await Promise.all(slow.map(({ ended }) => ended));
    });

    it('returns the rows of a query whatever its ending', async () => {
      const texts = await Promise.all(
        [
          'select 1 format Null',
          'select 2 settings max_threads = 1',
          'select 3 format CSV settings max_threads = 1',
          'select 4 ; ',
          'select 5 -- format TSV',
          'select 6 format TSV -- x\n',
          '(select 7) union all (select 7)',
          'with x as (select 9 as a) select a from x',
          'select 10 limit 0',
          "select 'a' as format",
          "select '; select into outfile'",
          '/* x */ select 11 /* y */ ;',
          "select 12 as `into outfile 'f'`",
        ].map(async (sql) => (await ask(sql)).text),
      );
      expect(texts).toEqual([
        '',
        '2\n',
        '3\n',
        '4\n',
        '5\n',
        '6\n',
        '7\n7\n',
        '9\n',
        '',
        'a\n',
        '; select into outfile\n',
        '11\n',
        '12\n',
      ]);
    });

    it('lets dictionaries read from it, and by its address only if the caller allows that', async () => {
      const fields = '(id Int64, name String) primary key id layout(flat()) lifetime(0) source';
      const inside = ({ user, password }: EmbeddedServer) =>
        `create or replace dictionary http.inside ${fields}(clickhouse(user '${user}' password '${password}' ` +
        "db 'http' table 't'))";
      const byAddress = ({ port, user, password }: EmbeddedServer) =>
        `create dictionary http.byaddress ${fields}(http(url 'http://127.0.0.1:${port}/?query=select+id,` +
        `name+from+http.t&user=${user}&password=${password}' format 'TabSeparated'))`;
      const both =
        "select dictGet('http.inside', 'name', toUInt64(1001)), dictGet('http.byaddress', 'name', toUInt64(1002))";
      await ask("insert into http.t select number + 1000, 'dict' from numbers(3)");
      expect((await ask(inside(server))).text).toBe('');
      expect((await ask("select dictGet('http.inside', 'name', toUInt64(1001))")).text).toBe('dict\n');
      expect((await ask('show create dictionary http.inside format TSVRaw')).text).not.toContain(server.password);
      expect(await ask(byAddress(server))).toMatchObject({ code: '497' });
      await ask('drop dictionary http.inside');
      await ask('delete from http.t where id >= 1000', { mutations_sync: '2' });
      await withOpenClickhouse(async (open) => {
        const asked = (sql: string) => ask(sql, {}, {}, 'POST', open);
        await asked('create database http');
        await asked(
          "create table http.t engine = Memory as select number + 1000 as id, 'dict' as name from numbers(3)",
        );
        await asked(inside(open));
        expect((await asked(byAddress(open))).text).toBe('');
        expect((await asked(both)).text).toBe('dict\tdict\n');
      });
    });

    it('names the table that prevents a folder from being opened, and opens it without that table', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-store-'));
      try {
        const first = await embeddedClickhouse(place(dir));
        await ask('create table default.here (a Int8) engine = MergeTree order by a', {}, {}, 'POST', first);
        await ask('create table default.away (a Int8) engine = MergeTree order by a', {}, {}, 'POST', first);
        await ask('insert into default.here values (1)', {}, {}, 'POST', first);
        expect((await ask('select 1 order by by', {}, {}, 'POST', first)).text).not.toContain('OUTFILE');
        await first.release();
        await stopEmbedded(dir);
        const store = join(homeOf(dir), 'data', 'store');
        const file = join(
          store,
          readdirSync(store, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith('away.sql'))!,
        );
        const disk =
          "SETTINGS disk = disk(type = s3, endpoint = 'http://127.0.0.1:9/bucket/', access_key_id = 'k', " +
          "secret_access_key = 's'), ";
        writeFileSync(file, readFileSync(file, 'utf8').replace('SETTINGS ', disk));
        const failure = await embeddedClickhouse(place(dir)).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(TsdbtError);
        const {
          message,
          details: { hint },
        } = failure as TsdbtError;
        expect(message).toContain(`the embedded ClickHouse in ${dir} did not start`);
        expect(message).toMatch(/Table default\.away: .*Connection refused/s);
        expect(hint).toContain(`create the empty file ${file}.detached.`);
        writeFileSync(`${file}.detached`, '');
        const again = await embeddedClickhouse(place(dir));
        expect((await ask('select a from default.here', {}, {}, 'POST', again)).text).toBe('1\n');
        await again.release();
        await stopEmbedded(dir);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });

    it('reports why a folder does not open, in the words of the engine', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-broken-'));
      try {
        const first = await embeddedClickhouse(place(dir));
        await ask('create table default.broken (a Int8) engine = MergeTree order by a', {}, {}, 'POST', first);
        await first.release();
        await stopEmbedded(dir);
        const store = join(homeOf(dir), 'data', 'store');
        const file = readdirSync(store, { recursive: true, encoding: 'utf8' }).find((p) => p.endsWith('broken.sql'))!;
        writeFileSync(join(store, file), 'nonsense');
        await expect(embeddedClickhouse(place(dir))).rejects.toThrow(/did not start: .*: Syntax error .*broken\.sql/);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });

    it.skipIf(process.platform !== 'linux')('starts when the process that held its folder releases it', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-held-'));
      new EmbeddedFiles(dir, 'ClickHouse').prepare();
      const status = join(homeOf(dir), 'data/status');
      mkdirSync(join(homeOf(dir), 'data'));
      // As threads of a killed server do for a moment: their process is no more.
      writeFileSync(status, 'PID: 99999999\n');
      const holder = spawn('flock', [status, 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
      try {
        await expect.poll(() => spawnSync('flock', ['--nonblock', status, 'true']).status, FOR_EVENTS).toBe(1);
        const started = embeddedClickhouse(place(dir));
        started.catch(() => undefined);
        const refused = (): string => {
          const log = join(homeOf(dir), 'keeper.log');
          return existsSync(log) ? readFileSync(log, 'utf8') : '';
        };
        await expect.poll(refused, FOR_EVENTS).toContain('Cannot lock file');
        holder.stdin.end();
        const own = await started;
        expect((await ask('select 1', {}, {}, 'POST', own)).text).toBe('1\n');
        await own.release();
        await stopEmbedded(dir);
      } finally {
        holder.kill();
        rmSync(dir, { recursive: true, force: true });
      }
    });

    it('uses the server of a keeper whose starter was killed before it was ready', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-orphan-'));
      try {
        const first = await embeddedClickhouse(place(dir));
        const files = new EmbeddedFiles(dir, 'ClickHouse');
        const record = files.keeper;
        if (record === null) throw new Error('no keeper');
        // As it is while the server starts: the folder is open, and nobody knows by whom.
        files.forgetKeeper();
        const second = embeddedClickhouse(place(dir));
        await sleep(1000);
        files.keeper = record;
        expect((await second).port).toBe(first.port);
        expect((await ask('select 1', {}, {}, 'POST', await second)).text).toBe('1\n');
        await first.release();
        await (await second).release();
        await stopEmbedded(dir);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });

    it('is one server for all that use its folder, and another after a crash', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-crash-'));
      try {
        const [first, second] = await Promise.all([embeddedClickhouse(place(dir)), embeddedClickhouse(place(dir))]);
        expect(second.port).toBe(first.port);
        await ask('create table default.kept (a Int8) engine = MergeTree order by a', {}, {}, 'POST', first);
        await ask('insert into default.kept values (1)', {}, {}, 'POST', first);
        const status = embeddedStatus(dir);
        if (status.state !== 'running') throw new Error(`it is ${status.state}`);
        const adapter = clickhouseAdapter('default', { path: dir });
        const session = adapter.session({ name: 'test' });
        await session.execute('select 1');
        const running = session.execute('select sleepEachRow(1) from numbers(60) settings max_block_size = 1');
        running.catch(() => undefined);
        await ask('select 1', {}, {}, 'POST', first);
        process.kill(status.pid, 'SIGKILL');
        await expect(running).rejects.toThrow(/the embedded ClickHouse ended while it ran the statement/);
        expect(
          (await session.execute('select a from kept', { fetch: true })).table.rows.map((row) => row.values),
        ).toEqual([[1]]);
        await session.release();
        await adapter.close();
        await first.release();
        await second.release();
        expect(await stopEmbedded(dir)).toEqual([]);
        expect(embeddedStatus(dir).state).toBe('stopped');
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  },
);
