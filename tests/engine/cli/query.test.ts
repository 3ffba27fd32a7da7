// Tests `tsdbt query` on both databases: SQL with refs and macros, as a table, CSV or JSON, from the command line, a
// file or a pipe. stdout contains only the document.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { BIN } from '../support/program.ts';

const ROWS =
  "select 1 as id, 'a, \"b\"' as name, 12345678901234567 as big union all select 2, 'ünï', 5 " +
  'union all select 3, null, 7';

describe.each(['postgres', 'clickhouse'] as const)('query on %s', (type) => {
  const { missing } = PROJECT_DATABASES[type];
  let project: AnyProject;
  const query = async (...args: string[]): Promise<{ code: number | null; stdout: string; err: string }> => {
    const { code, stdout, out } = await project.tsdbt('query', ...args);
    return { code, stdout, err: out.replace(stdout, '') };
  };

  beforeAll(async () => {
    if (missing !== null) return;
    project = await AnyProject.open(PROJECT_DATABASES[type], `query_${process.pid}`, {
      'models/rows.sql': ROWS,
      'models/kept.sql': "{{ config(materialized='table') }} select 1 as id",
      'macros/names.sql': "{% macro columns() %}{{ log('from the macro', info=true) }}id, name{% endmacro %}",
      'ids.sql': "select id from {{ ref('rows') }} order by id",
    });
    await project.tsdbt('run');
  });
  afterAll(async () => {
    if (missing === null) await project.close();
  });
  const found = "select id, name, big from {{ ref('rows') }} order by id";

  it.skipIf(missing !== null)('prints a table without truncating its cells', async () => {
    const { code, stdout } = await query(found);
    expect([code, stdout]).toEqual([
      0,
      `| id | name   |               big |\n| -- | ------ | ----------------- |\n` +
        `|  1 | a, "b" | 12345678901234567 |\n|  2 | ünï    |                 5 |\n` +
        `|  3 |        |                 7 |\n`,
    ]);
  });

  it.skipIf(missing !== null || type !== 'postgres')(
    'prints bytes as text if they are text, and otherwise as hexadecimal',
    async () => {
      const bytes = `select '{"k": "ü"}'::bytea as text, '\\xff00'::bytea as bytes, null::bytea as none`;
      expect((await query(bytes)).stdout).toBe(
        '| text       | bytes  | none |\n| ---------- | ------ | ---- |\n| {"k": "ü"} | \\xff00 |      |\n',
      );
      expect((await query(bytes, '--output', 'csv')).stdout).toBe(
        'text,bytes,none\n\\x7b226b223a2022c3bc227d,\\xff00,\n',
      );
    },
  );

  it.skipIf(missing !== null)('prints CSV and JSON with exact numbers and nulls', async () => {
    const csv = await query(found, '--output', 'csv');
    expect([csv.code, csv.stdout]).toEqual([0, 'id,name,big\n1,"a, ""b""",12345678901234567\n2,ünï,5\n3,,7\n']);
    const json = await query(found, '-o', 'json', '--quiet');
    expect([json.code, json.stdout]).toEqual([
      0,
      '[{"id": 1, "name": "a, \\"b\\"", "big": 12345678901234567}, {"id": 2, "name": "ünï", "big": 5}, ' +
        '{"id": 3, "name": null, "big": 7}]\n',
    ]);
  });

  it.skipIf(missing !== null)('accepts a query that ends with a semicolon or has its own limit', async () => {
    const rows = async (sql: string, ...args: string[]): Promise<string> =>
      (await query(sql, '--output', 'csv', ...args)).stdout;
    expect(await rows("select id from {{ ref('rows') }} order by id limit 1;\n")).toBe('id\n1\n');
    expect(await rows("select id from {{ ref('rows') }} order by id LIMIT {{ 1 + 1 }} -- two", '--limit', '1')).toBe(
      'id\n1\n2\n',
    );
    // A limit within is none of the query's.
    const within = "select id from (select id from {{ ref('rows') }} order by id limit 3) as t order by id -- limit 9";
    expect(await rows(within, '--limit', '2')).toBe('id\n1\n2\n');
    expect(await rows("select 'limit 1' as t; ")).toBe('t\nlimit 1\n');
    expect(await rows("select '; -- no' as t; -- end")).toBe('t\n; -- no\n');
    if (type === 'clickhouse')
      expect(await rows("select id from {{ ref('rows') }} order by id limit 1 by id", '--limit', '2')).toBe(
        'id\n1\n2\n',
      );
  });

  it.skipIf(missing !== null)('sends a statement that cannot have a limit unchanged', async () => {
    const settings = type === 'postgres' ? 'show search_path' : "show tables from system like 'one'";
    const shown = await query(`/* which */ ${settings}; -- all`, '--output', 'csv');
    expect([shown.code, shown.stdout.split('\n').length]).toEqual([0, 3]);
    const plan = await query("explain select id from {{ ref('rows') }}", '--limit', '1', '--output', 'csv');
    expect([plan.code, plan.stdout]).toEqual([0, expect.not.stringMatching(/limit/i)]);
  });

  it.skipIf(missing !== null)('keeps the results of the previous run, which retry uses', async () => {
    project.write({ 'models/broken.sql': "select 1 as a from {{ ref('rows') }} where nowhere = 1" });
    expect((await project.tsdbt('run')).code).toBe(1);
    expect((await query(found)).code).toBe(0);
    project.write({ 'models/broken.sql': "select 1 as a from {{ ref('rows') }}" });
    const retried = await project.tsdbt('retry');
    expect([retried.code, retried.out]).toEqual([0, expect.stringContaining('PASS=1 ')]);
  });

  it.skipIf(missing !== null)('writes only the parse, and needs no folder for it', async () => {
    rmSync(join(project.dir, 'target/compiled'), { recursive: true, force: true });
    expect((await query(found)).code).toBe(0);
    expect(existsSync(join(project.dir, 'target/compiled'))).toBe(false);
    const without = await query('select 1 as id', '--output', 'csv', '--target-path', 'dbt_project.yml/sub');
    expect([without.code, without.stdout]).toEqual([0, 'id\n1\n']);
    expect(without.err).toMatch(
      /^.*The parse is not kept for the next command. Could not write .*sub.partial_parse.json: .* is not a folder\n$/,
    );
  });

  it.skipIf(missing !== null)('accepts one statement, followed by any number of semicolons', async () => {
    for (const several of ['select 1 as a; select 2 as b', "select ';' as a; /* b */ select 2", 'select 1;; show x;']) {
      const refused = await query(several);
      expect([several, refused.code, refused.stdout]).toEqual([several, 2, '']);
      expect(refused.err).toContain('Expected one statement, found another one after a semicolon');
    }
    const texts = type === 'postgres' ? "E'it\\'s; x'" : "'it\\'s; x'";
    for (const one of [
      `select length(${texts}) as n;; -- ;`,
      // ClickHouse accepts one statement per request.
      `{% call statement('x') %}select 1${type === 'postgres' ? '; select 2' : ''}{% endcall %}select 7 as n`,
      "{% set dots = 'a;b' %}select 7 as n /* ; */;",
    ])
      expect((await query(one, '--output', 'csv')).stdout.trim().split('\n')[0]).toBe('n');
  });

  it.skipIf(missing !== null)('with --read-only, no statement changes data', async () => {
    const kept = "{{ ref('kept') }}";
    const postgres: [string, string][] = [
      [`with gone as (delete from ${kept} returning id) select * from gone`, 'read-only transaction'],
      ["select set_config('transaction_read_only', 'off', false)", 'before any query'],
      [`select '\\' as x; commit; drop table ${kept}; --'`, 'multiple commands'],
      ["{{ config(sql_header='commit; drop table kept;') }} select 1 as id", 'multiple commands'],
      [`select {{ run_query("commit; drop table kept") }} 1 as id`, 'multiple commands'],
      ["select {{ run_query('commit') }} {{ run_query('create table made as select 1') }}", 'read-only transaction'],
    ];
    const clickhouse: [string, string][] = [
      ['select 1 settings readonly = 0', "Cannot modify 'readonly' setting"],
      ["{{ config(sql_header='drop table kept;') }} select 1 as id", 'Multi-statements are not allowed'],
      ["select {{ run_query('set readonly = 0') }} 1", "Cannot modify 'readonly' setting"],
    ];
    const refused = type === 'postgres' ? 'read-only transaction' : 'in readonly mode';
    for (const [sql, why] of [
      ...(type === 'postgres' ? postgres : clickhouse),
      [`{% do run_query('drop table ' ~ ref('kept')) %} select 1 as id`, refused],
      [
        `{% set found = load_relation(ref('kept')) %}{% do adapter.drop_relation(found) if execute %} select 1 as id`,
        refused,
      ],
    ] as const) {
      const { code, err } = await query(sql, '--read-only', '--limit', '-1');
      expect([sql, code, err]).toEqual([sql, 2, expect.stringContaining(why)]);
    }
    if (type === 'postgres')
      expect((await query('explain analyze create table made as select 1', '--read-only')).code).toBe(0);
    const reading = `select {% if execute %}{{ run_query('select id from ' ~ ref('kept')).columns[0].values()[0] }}
      {% endif %} as id from ${kept}`;
    expect((await query(reading, '--read-only', '--output', 'csv')).stdout).toBe('id\n1\n');
    // Nothing remains in a session that others use.
    expect((await project.tsdbt('run', '--select', 'kept')).code).toBe(0);
    const made = type === 'postgres' ? "select to_regclass('made') is null as gone" : 'exists table made';
    expect((await query(made, '--output', 'csv')).stdout).toMatch(/^\w+\n(?:True|0)\n$/);
  });

  it.skipIf(missing !== null)('with --read-only, templates read the columns of a query', async () => {
    const columns = "{{ adapter.get_column_schema_from_query('select 1 as found') | map(attribute='name') | join }}";
    const { stdout, err } = await query(`select '${columns}' as a`, '--read-only', '--output', 'csv');
    expect([stdout, err]).toEqual(['a\nfound\n', '']);
    if (type === 'clickhouse') return;
    const changes = "{% do adapter.get_column_schema_from_query('drop table ' ~ ref('kept')) %} select 1";
    expect((await query(changes, '--read-only')).err).toContain('read-only transaction');
  });

  it.skipIf(missing !== null)('reports on stderr that there are more rows', async () => {
    const cut = await query(found, '--limit', '2', '--output', 'csv');
    expect([cut.code, cut.stdout]).toEqual([0, 'id,name,big\n1,"a, ""b""",12345678901234567\n2,ünï,5\n']);
    expect(cut.err).toContain('There are more than 2 rows: --limit -1 shows all');
    const all = await query('select id from {{ ref("rows") }}', '--limit', '3', '--output', 'csv');
    expect([all.stdout.split('\n').length, all.err]).toEqual([5, '']);
  });

  it.skipIf(missing !== null)('keeps log output of macros out of the document', async () => {
    const { stdout } = await query("select {{ columns() }} from {{ ref('rows') }} where id = 3", '--output', 'json');
    expect(JSON.parse(stdout)).toEqual([{ id: 3, name: null }]);
    const printed = "{{ print('from print') }} select 1 as id";
    expect((await query(printed, '--output', 'csv')).stdout).toBe('id\n1\n');
  });

  it.skipIf(missing !== null)('prints the columns of a result without rows', async () => {
    const none = "select id, name from {{ ref('rows') }} where id > 3";
    expect((await query(none, '--output', 'csv')).stdout).toBe('id,name\n');
    expect((await query(none, '--output', 'json')).stdout).toBe('[]\n');
  });

  it.skipIf(missing !== null)('reads a file or standard input', async () => {
    expect((await query('--file', 'ids.sql', '--output', 'csv')).stdout).toBe('id\n1\n2\n3\n');
    const child = spawn(process.execPath, [BIN, 'query', '-f', '-', '-o', 'csv'], {
      cwd: project.dir,
      env: { ...process.env, DBT_PROFILES_DIR: project.dir },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stdin.end("select max(id) as newest from {{ ref('rows') }}");
    const [code] = await once(child, 'close');
    expect([code, stdout]).toEqual([0, 'newest\n3\n']);
  });

  it.skipIf(missing !== null)('reports errors on stderr', async () => {
    for (const [args, code, why] of [
      [['select nothing from nowhere'], 2, /nowhere/],
      [["select * from {{ ref('nobody') }}"], 2, /nobody/],
      [[], 2, /Expected a query/],
      [['  '], 2, /Expected a query/],
      [['select 1', '--file', 'ids.sql'], 2, /Expected a query/],
      [['--file', 'missing.sql'], 2, /missing\.sql/],
      [['select 1', '--output', 'xml'], 2, /'xml' is not one of 'table', 'json', 'csv'/],
    ] as const) {
      const found = await query(...args);
      expect([args, found.code, found.stdout]).toEqual([args, code, '']);
      expect(found.err).toMatch(why);
    }
  });
});
