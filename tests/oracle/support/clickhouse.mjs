// A throw-away ClickHouse on the loopback address for the comparisons with dbt-clickhouse: the embedded server, which
// both programs reach by HTTP.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { masked } from './database.mjs';
import { root } from './servers.mjs';

const TABLES =
  `
  select database, name, engine, multiIf(engine = 'View', '', replaceRegexpAll(engine_full, '/[0-9a-f-]{36}', ` +
  `'')) as engine_full, partition_key, sorting_key, primary_key, comment, as_select,
    if(engine = 'MaterializedView', extract(create_table_query, ' TO ([^ (]+)'), '') as target, if(engine = ` +
  `'Dictionary', create_table_query, '') as definition
  from system.tables where database not in ('system', 'information_schema', 'INFORMATION_SCHEMA') and name ` +
  "not like '.inner%' order by database, name";

/** A snapshot's dbt_scd_id hashes the time, here to a number. */
const hashless = (row) => (row.includes('<now>') ? row.replace(/\b\d{14,20}\b/g, '"<hash>"') : row);

/** @returns host, port, user, password, `ask(sql)` → rows as arrays, `database` (see play.mjs) and `stop()` */
export async function startClickhouse() {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-oracle-ch-'));
  writeFileSync(join(dir, 'dbt_project.yml'), "name: server\nversion: '1.0.0'\nprofile: server\n");
  writeFileSync(
    join(dir, 'profiles.yml'),
    JSON.stringify({
      server: { target: 'dev', outputs: { dev: { type: 'clickhouse', path: 'data', schema: 'default', threads: 1 } } },
    }),
  );
  const db = (action) =>
    execFileSync(process.execPath, [join(root, 'bin', 'tsdbt.js'), 'db', action], {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();
  db('start');
  const url = new URL(db('url'));
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  const ask = async (sql) => {
    const send = () =>
      fetch(`http://${url.host}/?default_format=JSONCompactEachRow`, {
        method: 'POST',
        body: sql,
        headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
      });
    // While a program runs nobody here sees that the server has closed an idle connection.
    const response = await send().catch(send);
    const text = await response.text();
    if (!response.ok) throw new Error(`${text.trim()}\n${sql}`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };
  const databases = async () =>
    (
      await ask(
        "select name from system.databases where name not in ('system', 'information_schema', " +
          "'INFORMATION_SCHEMA', 'default') order by name",
      )
    ).flat();
  const database = {
    output: { type: 'clickhouse', host: url.hostname, port: Number(url.port), user, password },
    async reset() {
      for (const name of await databases()) await ask(`drop database \`${name}\` sync`);
    },
    async execute(sql) {
      for (const statement of sql.split(/;\s*$/m)) if (statement.trim() !== '') await ask(statement);
    },
    read: async (since) => {
      const out = { schemas: await databases() };
      for (const [schema, name, engine, ...facts] of await ask(TABLES)) {
        const quoted = `\`${schema}\`.\`${name}\``;
        const columns = await ask(
          'select name, type, default_kind, default_expression, compression_codec, comment from system.columns ' +
            `where database = '${schema}' and table = '${name}' order by position`,
        );
        const rows = await ask(`select * from ${quoted}`).catch((error) => [
          [`unreadable: ${error.message.split('\n')[0].replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<uuid>')}`],
        ]);
        out[`${schema}.${name}`] = {
          engine,
          facts,
          columns: columns.map((c) => c.join(' ')),
          rows: rows.map((row) => hashless(masked(JSON.stringify(row), since))).sort(),
        };
      }
      return out;
    },
  };
  return {
    user,
    password,
    host: url.hostname,
    port: Number(url.port),
    ask,
    database,
    stop() {
      db('stop');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
