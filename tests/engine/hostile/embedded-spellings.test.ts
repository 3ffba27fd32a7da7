// Spellings of SQL that would reach a file, a program or another host on the embedded ClickHouse: quotes, comments,
// texts that become SQL, names of settings. Ordinary statements that look like them run.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedServer, embeddedClickhouse } from '../../../src/adapters/clickhouse/embedded.ts';

const work = mkdtempSync(join(tmpdir(), 'tsdbt-hostile-clickhouse-'));
const outside = join(work, 'outside');
const SECRET = 'canary-of-the-user';
const secret = join(outside, 'secret.txt');
mkdirSync(outside);
writeFileSync(secret, `${SECRET}\n`);
const projectDir = process.cwd();

let server: EmbeddedServer;
let neighbour: Server;
let connections = 0;

async function ask(sql: string, settings: Record<string, string> = {}, at = server): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${at.port}/?${new URLSearchParams(settings)}`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': at.user, 'X-ClickHouse-Key': at.password },
    body: sql,
  });
  return [response.status, await response.text()];
}

beforeAll(async () => {
  neighbour = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((done) => neighbour.listen(0, '127.0.0.1', done));
  server = await embeddedClickhouse({ dir: join(work, 'project/.tsdbt/clickhouse'), projectDir });
  for (const sql of [
    'create database d',
    'create table d.t (a String, b String) engine MergeTree order by a',
    'create table d.n (a Int32) engine MergeTree order by a',
    "insert into d.t values ('1', '2')",
    'create table d.slow (a Int32) engine Null',
    'create table d.y (a String, b Dynamic) engine MergeTree order by a',
    'create materialized view d.slowed engine Memory as select sleepEachRow(1) as b from d.slow',
  ])
    expect((await ask(sql))[0]).toBe(200);
});

/** While the server reads rows from its own file, the function `file` has the working folder that it needs. */
async function whileInserting(work: () => Promise<void>): Promise<void> {
  let done = false;
  const settings = { function_sleep_max_microseconds_per_block: '1000000000' };
  const inserts = [0, 500].map(async (delay) => {
    await sleep(delay);
    while (!done) expect((await ask('insert into d.slow format TSV\n1\n', settings))[0]).toBe(200);
  });
  await sleep(200);
  try {
    await work();
  } finally {
    done = true;
    await Promise.all(inserts);
  }
}
afterAll(async () => {
  await server?.release();
  neighbour?.close();
  rmSync(work, { recursive: true, force: true });
});

const port = (): number => (neighbour.address() as { port: number }).port;
/** In a text of SQL. */
const escaped = (sql: string): string => sql.replaceAll("'", "\\'");
const F = `file('${secret}')`;
const key = 'primary key a';
const held = 'lifetime(0) layout(complex_key_hashed())';
const dictionary = (name: string, source: string, rest = held): string =>
  `create or replace dictionary d.${name} (a String, b String) ${key} source(${source}) ${rest}; ` +
  `select * from d.${name}`;

/** Statements that a clone may bring. */
const HOSTILE = (): readonly string[] => {
  const at = `127.0.0.1:${port()}`;
  const out = (name: string): string => join(outside, name);
  const local = (name: string): string =>
    `disk(type = 'object_storage', object_storage_type = 'local', metadata_type = 'local', path = '${out(name)}/')`;
  return [
    // The function of that name, which the engine lets read everything.
    `select ${F}`,
    `select \`fi\\x6ce\`('${secret}')`,
    `select "file"('${secret}')`,
    `select “file”('${secret}')`,
    `select file\u00a0('${secret}')`,
    `select file/* ( /* nested */ */('${secret}')`,
    `select file -- x\n('${secret}')`,
    `select file // x\n('${secret}')`,
    `select file #! x\n('${secret}')`,
    `select /* ' */ ${F} /* ' */`,
    `select $x$ ' $x$, ${F}, $x$ ' $x$`,
    `select ‘\\’, ${F}, ‘’`,
    `select '\\\\', ${F}`,
    `select '''', ${F}, ''''`,
    `select 1; select ${F}`,
    `select * from (select ${F})`,
    `with x as (select ${F} as y) select * from x`,
    `explain select ${F}`,
    `select * apply(file) from (select '${secret}' as x)`,
    `select * apply file from (select '${secret}' as x)`,
    `select columns('x') apply(x -> file(x)) from (select '${secret}' as x)`,
    `select arrayMap(x -> file(x), ['${secret}'])`,
    `select arrayMap(file, ['${secret}'])`,
    `select ArrayMap(\`file\`, ['${secret}'])`,
    `insert into d.t values (${F}, 'x'); select * from d.t`,
    `insert into d.t format Values (${F}, 'x'); select * from d.t`,
    `insert into d.t format \`Values\` (${F}, 'x')`,
    `insert into d.t format "V\\x61lues"\n(${F}, 'x')`,
    `insert into d.t settings async_insert = 0 format "Valu\\Nes" (${F}, 'x')`,
    `insert into d.t select ${F}, 'x'; select * from d.t`,
    `create table d.format (a String) engine Memory; insert into d.format select ${F}; select * from d.format`,
    `create view d.v as select ${F}; select * from d.v`,
    `create materialized view d.m engine Memory as select ${F} from d.t`,
    `create function f as x -> file(x); select f('${secret}')`,
    `alter table d.t add column c String default ${F}; select c from d.t`,
    `create table d.c (a String, b String alias ${F}) engine Memory; insert into d.c values (1); select b from d.c`,
    `create table d.k (a String, constraint c check length(${F}) > 0) engine Memory`,
    // Hints of the engine's own tests: its client goes on with the next line.
    ...['clientError', 'error', 'x { error'].flatMap((hint) =>
      [`/* { ${hint} 62 } */`, `-- { ${hint} 62 }`, `// { ${hint} 62 }`, `# { ${hint} SYNTAX_ERROR }`].flatMap(
        (sign) => [
          `selec ${sign.startsWith('/*') ? sign : ''} ' ${sign}\nselect file($$${secret}$$) -- '`,
          `selec $x$ ${sign}\n$x$ '\nselect file($$${secret}$$) -- '`,
          `selec "x" '" \n' ${sign}\nselect 1 into outfile $$${out('hint')}$$`,
        ],
      ),
    ),
    `selec /* { error 62 } */ '\ncreate dictionary d.hint (a String) ${key} source(executable(command ` +
      `$$touch ${out('hint')}$$ format $$TSV$$)) ${held}; select * from d.hint -- '`,
    // A heredoc and a comment that begin next to a number.
    `insert into d.y values ('x', [1$$ ' 1$$ ' ]); select ') ; select 1 into outfile $$${out('number')}$$ -- '`,
    `select 1e--' \n, ${F}, '`,
    // In a text that becomes SQL.
    `select * from format(JSONEachRow, 'a String, b String default ${escaped(F)}', '{"a": 1}')`,
    `select * from format(JSONEachRow, concat('a String, b String default fi', 'le(''${secret}'')'), '{"a": 1}')`,
    `select * from format('JSONEachRow', 'a String, b String default fi' || 'le(''${secret}'')', '{"a": 1}')`,
    `with 'a String, b String default ${escaped(F)}' as s select * from format(JSONEachRow, s, '{"a": 1}')`,
    `select x from format(JSONEachRow, $$a String, x String alias ${F}$$, '{"a": 1}')`,
    `select a from generateRandom('a String alias ${escaped(F)}, c Int8', 1, 1, 1) limit 1`,
    `select a from generateRandom(concat('a String alias fi', 'le(''${secret}''), c Int8'), 1, 1, 1) limit 1`,
    `select x from values('a String, x String alias ${escaped(F)}', ('a'))`,
    `select x from values(concat('a String, x String alias fi', 'le(''${secret}'')'), ('a'))`,
    `select 1 where 1 in (select length(x) from values(upper('x'), ('a')))`,
    `select * from d.t settings additional_table_filters = {'d.t': 'length(${escaped(F)}) > 1'}`,
    `select 1 settings additional_result_filter = 'length(${escaped(F)}) > 1'`,
    `set additional_result_filter = 'length(${escaped(F)}) > 1'; select 1`,
    `set dialect = 'polyglot', polyglot_dialect = 'mysql'; select 1`,
    `select * from format(JSONEachRow, '{"a": 1}') settings schema_inference_hints = 'b String default ${escaped(F)}'`,
    `insert into function null('a Int8, b Int8 default toUInt8(${escaped(F)})') (a) format JSONEachRow {"a": 1}`,
    `insert into function null(concat('a Int8, b Int8 default toUInt8(fi', 'le(''${secret}''))')) (a) format TSV 1`,
    `select b from viewIfPermitted(select * from d.gone else null('a Int8, b Int8 default toUInt8(${escaped(F)})'))`,
    `create table d.k as null('a Int8, b Int8 default toUInt8(${escaped(F)})')`,
    // Escapes that are no character.
    `insert into function null('a Int8, b Int8 d\\Nefault toUInt8(fi\\Nle(''${secret}''))') (a) format TSV 1`,
    `select * from format(JSONEachRow, 'a String, b String d\\Nefault fi\\Nle(''${secret}'')', '{"a": 1}')`,
    `select \`fi\\Nle\`('${secret}')`,
    'create table d.f (a Int8) engine = MergeTree order by a ' +
      `settings disk = \`di\\Nsk\`(type = 'local', path = '${out('l')}/')`,
    // Rows that the server does not set apart hide statements behind an empty line.
    ...[
      'into d.t (a) format\u00a0TSV',
      'into d.t (a) format\u180eTSV',
      'into\u0085d.t (a) format TSV',
      'into d.t (a) format `TSV`',
      'into d.t (a) format "T\\x53V"',
      'into d.t(a)format TSV',
      'into table d.values format TSV',
      'into d.t (a) settings totals_auto_threshold = 1. format TSV',
      "into function null('a String') settings totals_auto_threshold = 1. /* */ format TSV",
      'into values format TSV',
      `into d.t /* ${'x'.repeat(200_000)} */ format TSV`,
    ].map((head) => `insert ${head}\n'\n\nselect 1 into outfile '${out('rows')}' --'`),
    // In a value of some types, what looks like a comment or a name is text; the engine reads what SQL would skip.
    ...['--', '#!', '/*', '"', '`', '$x$'].flatMap((sign) => {
      const end = { '/*': '*/', '--': '\n', '#!': '\n' }[sign] ?? sign;
      return [
        `insert into d.y values ('x', [1 ${sign} ]); select 1 into outfile '${out('values')}' -- ${end}`,
        `insert into d.y format Values ('x', [1 ${sign} ]); select 1 into outfile '${out('values')}' -- ${end}`,
        `insert into function null('a Dynamic') values ([1 ${sign} ]); select 1 into outfile '${out('v')}' -- ${end}`,
        `insert into d.y (b, a) values ([1 ${sign} ], ${F}) -- ${end}; select a from d.y`,
        `insert into d.y select * from input('b Dynamic, a String') format Values ([1 ${sign} ], ${F}) -- ${end}`,
      ];
    }),
    "insert into d.t (a) select * from input('a String') format Values (upper(file('x')))",
    `select a as $x from generateRandom(concat('a String alias fi', 'le(''${secret}''), c Int8'), 1, 1, 1) limit 1`,
    // Files that settings name.
    `select 1 format Template settings format_template_row = '${secret}'`,
    `select 1 format Template settings format_template_resultset = '${secret}', format_template_row_format = 'x'`,
    `select * from format(Template, 'a String', 'x') settings format_template_row = '${secret}'`,
    `set format_template_row = '${secret}'; select 1 format Template`,
    `select 'a' as a format Protobuf settings output_format_schema = '${out('x.proto')}'`,
    'insert into d.n settings input_format_allow_errors_num = 9, ' +
      `input_format_record_errors_file_path = '${out('e')}' format CSV x\ny\n`,
    // Files as tables.
    `select * from file('${secret}', LineAsString)`,
    `select * from \`${secret}\``,
    `select * from '${secret}'`,
    `select * from default.\`${secret}\``,
    `select * from filesystem('${outside}')`,
    `insert into function file('${out('written.tsv')}', 'TSV', 'a Int8') values (1)`,
    `create table d.f (a String) engine = File(LineAsString, '${secret}')`,
    `create table d.f (a String) engine = FileLog('${outside}/*', LineAsString)`,
    `create database f engine = Filesystem('${outside}')`,
    `create database f engine = SQLite('${out('x.db')}')`,
    `create table d.f (a Int8) engine = EmbeddedRocksDB(0, '${out('rocks')}') primary key a`,
    `create table d.f (a Int8) engine\n\`Embedded\\x52ocksDB\`(0, '${out('rocks')}') primary key a`,
    `create table d.f (a Int8) engine = IcebergLocal('${out('ice')}')`,
    `create table d.f (a Int8) engine = MergeTree order by a settings disk = ${local('disk')}`,
    'create table d.f (a Int8) engine = MergeTree order by a settings ' +
      `disk = disk(type = 'local', path = '${out('l')}/')`,
    `alter table d.n modify setting disk = ${local('disk')}`,
    `select 1 into outfile '${out('1')}'`,
    `select 1 into/**/outfile '${out('2')}' truncate and stdout`,
    `select 1 into outfile $$${out('3')}$$`,
    `select 1 INTO -- x\nOUTFILE ‘${out('4')}’`,
    `insert into d.t (a) from infile '${secret}' format LineAsString; select * from d.t`,
    `insert into d.t (a) from\ninfile $$${secret}$$ format LineAsString; select * from d.t`,
    `backup table d.t to File('${out('backup')}')`,
    `restore table d.x from File('${out('backup')}')`,
    `attach table d.a from '${outside}' (a Int8) engine = MergeTree order by a`,
    `attach table d.a\nFrom $$${outside}$$ (a Int8) engine = MergeTree order by a`,
    `attach table d.a from ‘${outside}’ (a Int8) engine = MergeTree order by a`,
    `attach table d.a uuid '${randomUUID()}' from '${outside}' (a Int8) engine = MergeTree order by a`,
    `alter table d.t freeze with name '../../../../../../../..${out('frozen')}'`,
    dictionary('d1', `file(path '${secret}' format 'CSV')`),
    dictionary('d2', `clickhouse(query 'select ${escaped(F)} as a, 1 as b')`),
    dictionary('d3', `clickhouse(query "select ${F} as a, 1 as b")`),
    dictionary('d4', `clickhouse(query concat('select fi', 'le(''${secret}'') as a, 1 as b'))`),
    dictionary(
      'd5',
      `clickhouse(user 'default' query 'select line as a, line as b from file(''${secret}'', LineAsString)')`,
    ),
    `create dictionary d.d6 (a String, b String expression ${F}) ${key} source(clickhouse(db 'd' table 't')) ${held}`,
    dictionary('d7', 'null()', `lifetime(0) layout(complex_key_ssd_cache(path '${out('ssd')}'))`),
    `create dictionary d.d14 (a UInt64, b String) ${key} source(clickhouse(db 'd' table 't')) ` +
      `layout(ssd_cache(path '${out('ssd')}')) lifetime(9); select dictGet('d.d14', 'b', 1)`,
    `create dictionary d.d15 (a UInt64, b String) ${key} source(clickhouse(db 'd' table 't')) ` +
      `layout(\`ssd\\x5fcache\`(path '${out('ssd')}')) lifetime(9); select dictGet('d.d15', 'b', 1)`,
    dictionary('d16', `clickhouse(db 'd' table 't' where concat('length(fi', 'le(''${secret}'')) = 19'))`),
    // Programs.
    dictionary('d8', `executable(command 'touch ${out('ran')}' format 'CSV')`),
    dictionary('d9', `\`exec\\x75table\`(command 'touch ${out('ran')}' format 'CSV')`),
    `select * from executable('/usr/bin/id', TSV, 'a String')`,
    `select * from executable('../../../../../../usr/bin/id', TSV, 'a String')`,
    `create table d.e (a String) engine = Executable('id', TSV)`,
    `create table d.e (a String) engine = ExecutablePool('id', TSV)`,
    // Hosts.
    `select * from url('http://${at}/', LineAsString)`,
    `insert into function url('http://${at}/', 'TSV', 'a String') values ('x')`,
    `select * from s3('http://${at}/bucket/key', NOSIGN, LineAsString, 'a String')`,
    `select * from remote('${at}', system.one)`,
    `select * from mysql('${at}', 'a', 'b', 'c', 'd')`,
    `select * from postgresql('${at}', 'a', 'b', 'c', 'd')`,
    `select * from mongodb('${at}', 'a', 'b', 'c', 'd', 'a Int8')`,
    `select * from redis('${at}', 'a', 'a Int8')`,
    `select * from iceberg('http://${at}/bucket/x')`,
    `create table d.h (a String) engine = URL('http://${at}/', LineAsString)`,
    `create table d.h (a String) engine = S3('http://${at}/bucket/key', 'TSV')`,
    `create table d.h (a Int8) engine = PostgreSQL('${at}', 'a', 'b', 'c', 'd')`,
    'create table d.h (a Int8) engine = MergeTree order by a settings ' +
      `disk = disk(type = 'web', endpoint = 'http://${at}/x/')`,
    `create database h engine = PostgreSQL('${at}', 'a', 'b', 'c')`,
    `set allow_database_iceberg = 1; create database h engine = DataLakeCatalog('http://${at}') ` +
      "settings catalog_type = 'rest', warehouse = 'x'",
    dictionary('d10', `http(url 'http://${at}/' format 'CSV')`),
    dictionary('d11', `clickhouse(host '127.0.0.1' port ${port()} user 'default' db 'd' table 't')`),
    dictionary('d12', `mysql(host '127.0.0.1' port ${port()} user 'a' password 'b' db 'd' table 't')`),
    dictionary('d13', `redis(host '127.0.0.1' port ${port()})`),
    ...['`', '"'].map((quote, index) =>
      dictionary(
        `q${index}`,
        `clickhouse(${quote}host${quote} '127.0.0.1' ${quote}port${quote} ${port()} db 'd' table 't')`,
      ),
    ),
    // More rights.
    'create user u',
    'grant all on *.* to default',
    'alter user default default role all',
    "create named collection c as url = 'x'",
    'system shutdown',
  ];
};

/** What a project writes that looks like it. */
const ORDINARY: readonly string[] = [
  "select 'file(1)', 'into outfile x', `a` from d.t",
  "select file, disk from (select 1 as file, 2 as disk) -- file('x')",
  "select t.file from (select 'x' as file) as t /* file('x') */ # file('x')",
  'create or replace table d.file (file String, disk String) engine MergeTree order by (file)',
  "insert into d.file (disk, file) values ('a', 'see file (1)')",
  "insert into d.file (disk, file) select 'a', 'file(2)'",
  "insert into d.file format TSV file('x')\tdisk(1)",
  'insert into d.file (file) format JSONEachRow {"file": "{error}"}',
  "select 1 as file -- a file: {x}, error\n, '-- {error}' as b",
  'insert into d.file(file)format`TSV`\nx',
  "insert into function null('a Int8') values (1)",
  "select null, 'ä' as `ö`, '\\N\\xe4' /* ü */ -- …",
  "select format('{} {}', upper('a'), 'b')",
  "select ' format TSV settings ' as a, 'into outfile; x' as b /* format JSON */",
  "select $x$ it's a \\ file -- { error 62 } $x$ as a -- { error 62 }",
  "select * from format(TSV, 'a Int8, b String', $$1\tfile('x')$$)",
  "select * from values('a Int8, b String', (1, 'x'), (2, upper('y')))",
  "insert into d.n values (toInt32('1')), (abs(-2))",
  "insert into d.t (`a`, b) values ('a file; --', 'x;/*') -- it's one",
  "insert into d.t values ('a', /* one */ 'b')",
  "select a from generateRandom('a Int8') limit 1",
  'create or replace view d.outfile as select 1 as infile',
  'select infile from d.outfile',
  `create or replace dictionary d.ordinary (a String, b String) ${key} source(clickhouse(db 'd' table 't')) ${held}`,
  "select dictGet('d.ordinary', 'b', tuple('1'))",
  'create or replace table d.o (a Int8) engine = ReplacingMergeTree order by a settings index_granularity = 100',
  'create or replace table d.p (a Int8) engine = Log',
  'system reload dictionary d.ordinary',
  'exchange tables d.o and d.p',
  'select name from system.tables limit 1',
];

describe('the embedded ClickHouse of a project', () => {
  it('accesses no file, program or host in any statement', async () => {
    const statements = HOSTILE();
    expect(statements.length).toBeGreaterThan(100);
    await whileInserting(async () => {
      for (const sql of statements) {
        let answers = '';
        // A statement that is cut by a semicolon is asked part by part, too, as a project's hooks would be.
        for (const part of [sql, ...sql.split(/;\s(?!.*\$x\$)/)]) answers += (await ask(part))[1];
        expect([sql, answers.includes(SECRET)]).toEqual([sql, false]);
        expect([sql, existsSync(outside) ? readdirSync(outside) : 'gone']).toEqual([sql, ['secret.txt']]);
        expect([sql, connections]).toEqual([sql, 0]);
      }
    });
    for (const table of ['t', 'n', 'y'])
      expect([table, (await ask(`select * from d.${table}`))[1].includes(SECRET)]).toEqual([table, false]);
  });

  it('interprets each character between words as the engine does', async () => {
    const characters = [
      [0, 0x100],
      [0x1680, 0x1681],
      [0x180e, 0x180f],
      [0x2000, 0x2070],
      [0x3000, 0x3001],
      [0xfeff, 0xff00],
    ];
    for (const [from = 0, to = 0] of characters)
      for (let code = from; code < to; code++) {
        const [status] = await ask(`select 1 into${String.fromCharCode(code)}outfile '${join(outside, 'x')}'`);
        expect([code, status === 200, readdirSync(outside)]).toEqual([code, false, ['secret.txt']]);
      }
  });

  it('accepts no SQL in the settings of a request', async () => {
    for (const settings of [
      { [`max_threads = 1; select 1 into outfile '${join(outside, 's')}'; set max_threads`]: '1' },
      { [`param_x = '1'; select 1 into outfile '${join(outside, 's')}'; set param_y`]: '1' },
      { additional_result_filter: `length(${F}) > 1` },
      { dialect: 'polyglot' },
      { format_template_row: secret, default_format: 'Template' },
      { default_format: `CSV\n; select 1 into outfile '${join(outside, 's')}'` },
    ])
      expect([settings, (await ask('select 1', settings))[0] < 400]).toEqual([settings, false]);
    expect(readdirSync(outside)).toEqual(['secret.txt']);
  });

  it('checks the expressions of rows that a request contains next to its statement', async () => {
    expect(await ask(`(${F}, 'x')`, { query: 'insert into d.t' })).toEqual([
      500,
      expect.stringMatching(/ACCESS_DENIED/),
    ]);
    expect((await ask("(upper('k'), 'x')", { query: 'insert into d.t (a, b)' }))[0]).toBe(200);
    expect((await ask("select b from d.t where a = 'K'"))[1]).toBe('x\n');
  });

  it('runs harmless statements that look similar', async () => {
    for (const sql of ORDINARY) expect([sql, ...(await ask(sql))]).toEqual([sql, 200, expect.anything()]);
  });

  it('is not fooled by quotes and comments that change the meaning of the rest', async () => {
    // Pieces that change what the rest of a statement is, in every order of three.
    const pieces = [
      "'",
      '"',
      '`',
      '--\n',
      '/*',
      '*/',
      '//',
      '\n',
      '#',
      '# ',
      '$$',
      '$a$',
      '\\',
      '‘',
      '’',
      '“',
      '”',
      ' ',
    ];
    await whileInserting(async () => {
      for (const one of pieces)
        for (const two of pieces)
          for (const three of ["'", '"', '`', '\n', '*/', '$$', '’', '”', '']) {
            const sql = `select 1 ${one} ${two} , ${F} as c ${three}`;
            expect([sql, (await ask(sql))[1].includes(SECRET)]).toEqual([sql, false]);
          }
    });
  });
});
