// Finds what makes "each message once" impossible on this server: inserts acknowledged before they are stored, tables
// that remember no tokens, engines other than MergeTree. Checked before loading and before settling a flush.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { LeasedSession } from './leased-session.ts';
import { STATE_DATABASE } from './load-flushes.ts';
import type { TablePlace } from './table.ts';

const STATE_TABLES = ['load_flushes', 'dead_letters'];
/** The number of tokens that a table must remember at least: those of a minute of the smallest flushes. */
const LEAST_WINDOW = 1000;

/**
 * @param server where tables are created, and the settings that are sent with each statement
 * @returns messages for the problems; empty if there are none
 */
export async function guardProblems(
  lease: LeasedSession,
  target: LoadTarget,
  server: TablePlace & { readonly settings: Readonly<Record<string, string>> },
): Promise<string[]> {
  const problems: string[] = [];
  const { settings: profile, cluster, databaseEngine } = server;
  if (cluster !== null || databaseEngine === 'Replicated')
    problems.push(
      `the profile's tables lie on several servers (${cluster === null ? 'a Replicated database' : cluster})` +
        ', and what a flush is going to write is recorded on one: load through a profile of one server without cluster',
    );
  if (isOn(profile['async_insert']) && profile['wait_for_async_insert'] === '0')
    problems.push(
      'the profile sets wait_for_async_insert to 0: inserts are answered before they are stored, and lost with the ' +
        'server. Take it out of custom_settings',
    );
  if (profile['deduplicate_insert'] === 'disable')
    problems.push("the profile sets deduplicate_insert to 'disable': repeated inserts would double rows");
  const { schema, identifier } = target;
  const views = target.mode === 'append' ? await viewTargets(lease, target) : new Map<string, string>();
  const rows = await lease.ask(
    'SELECT database, name, engine, engine_full FROM system.tables WHERE (database, name) IN (' +
      [
        [schema, identifier],
        ...STATE_TABLES.map((table) => [STATE_DATABASE, table]),
        ...[...views.keys()].map((name) => name.split('\n')),
      ]
        .map(([database = '', name = '']) => `(${quoteText(database)}, ${quoteText(name)})`)
        .join(', ') +
      ')',
  );
  for (const [database, name, engine, definition] of rows) {
    const table = `${database}.${name}`;
    const view = views.get(`${database}\n${name}`);
    if (view !== undefined && !(database === schema && name === identifier)) {
      const problem = /MergeTree$/.test(engine ?? '') ? windowProblem(table, engine ?? '', definition ?? '') : null;
      if (problem !== null)
        problems.push(`rows of ${schema}.${identifier} reach the materialized view ${view}: ${problem}`);
      continue;
    }
    const isState = database === STATE_DATABASE && STATE_TABLES.includes(name ?? '');
    if (!/MergeTree$/.test(engine ?? ''))
      problems.push(
        `${table} has the engine ${engine}, which does not keep the tokens of inserts: load into a table of a ` +
          `MergeTree engine${engine === 'Distributed' ? ', on one of its shards' : ''}`,
      );
    else {
      const problem = windowProblem(table, engine ?? '', definition ?? '');
      if (problem !== null && (isState || target.mode === 'append')) problems.push(problem);
    }
  }
  return problems;
}

const NAME = '(`(?:[^`\\\\]|\\\\.)+`|\\w+)';
const VIEW_TO = new RegExp(`^CREATE MATERIALIZED VIEW ${NAME}\\.${NAME} TO ${NAME}\\.${NAME}`);

/**
 * The tables that materialized views of the target write into, as `database\nname`, with the view's name; also those of
 * views that read such tables, which a repeated INSERT reaches as well.
 */
export async function viewTargets(
  lease: LeasedSession,
  { schema, identifier }: LoadTarget,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (let read = [[schema, identifier]]; read.length > 0; ) {
    const rows = await lease.ask(
      'SELECT v.database, v.name, toString(v.uuid), v.create_table_query FROM system.tables AS v INNER JOIN (SELECT ' +
        'arrayJoin(arrayZip(dependencies_database, dependencies_table)) AS reader FROM system.tables WHERE ' +
        `(database, name) IN (${read.map((names) => `(${names.map(quoteText).join(', ')})`).join(', ')})) AS t ` +
        "ON v.database = t.reader.1 AND v.name = t.reader.2 WHERE v.engine = 'MaterializedView'",
    );
    read = [];
    for (const [database = '', name = '', uuid, query] of rows) {
      const [, , , schemaOf, nameOf] = VIEW_TO.exec(query ?? '') ?? [];
      const to = nameOf === undefined ? [database ?? '', `.inner_id.${uuid}`] : [plain(schemaOf), plain(nameOf)];
      if (!found.has(to.join('\n'))) found.set(to.join('\n'), `${database}.${name}`);
      for (const names of [to, [database ?? '', name ?? '']]) {
        if (seen.has(names.join('\n'))) continue;
        seen.add(names.join('\n'));
        read.push(names);
      }
    }
  }
  return found;
}

/** A name without its backquotes. */
function plain(name = ''): string {
  return name.startsWith('`') ? name.slice(1, -1).replace(/\\(.)/g, '$1') : name;
}

/** Replicated tables remember tokens by default; others must be configured to. */
function windowProblem(table: string, engine: string, definition: string): string | null {
  const replicated = /^(?:Replicated|Shared)/.test(engine);
  const setting = replicated ? 'replicated_deduplication_window' : 'non_replicated_deduplication_window';
  const written = new RegExp(`(?<![\\w])${setting} = (\\d+)`).exec(definition)?.[1];
  const window = written === undefined ? (replicated ? LEAST_WINDOW : 0) : Number(written);
  return window >= LEAST_WINDOW
    ? null
    : `${table} remembers the tokens of ${window === 0 ? 'no inserts' : `${window} inserts only`}, so that a ` +
        `repeated one would double rows: ALTER TABLE ${table} MODIFY SETTING ${setting} = 10000`;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value !== 'false';
}
