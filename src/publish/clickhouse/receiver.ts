// Publishes into a ClickHouse database: the rows are loaded into a table beside, and one EXCHANGE puts it in the place
// of the old. What stands there, since when, is the table's comment, so that it changes in the same step.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { exchangesTables } from '../../adapters/clickhouse/server-facts.ts';
import type { ClickHouseSession } from '../../adapters/clickhouse/session.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import { publishedColumns, refuseValues, versionOf } from '../plan.ts';
import type { PlannedColumn, Published, Publishing, Receiver, StandingCopy } from '../receiver.ts';
import { formatOf, planColumns } from './plan-columns.ts';

const COMMENT = 'tsdbt published ';
const BESIDE = '__tsdbt_publish_';
/** Nobody reads what is dropped: the server's limit is for tables of people. */
const ANY_SIZE = ' SETTINGS max_table_size_to_drop = 0';

/** The comment of a published table, as JSON behind `COMMENT`. */
interface Note {
  readonly publication: string;
  readonly run_id: string;
  readonly version: string;
  readonly rows: number;
  readonly published_at: string;
}

export class ClickHouseReceiver implements Receiver {
  readonly #adapter: Adapter;
  readonly #schema: string;

  /** @param schema the database of a table without one */
  constructor(adapter: Adapter, schema: string) {
    this.#adapter = adapter;
    this.#schema = schema;
  }

  async publish(publishing: Publishing): Promise<Published> {
    const { node, source, runId, time } = publishing;
    const { config } = node;
    const [table = '', schema = this.#schema] = (config.table ?? '').split('.').reverse();
    const place = `${schema}.${table}`;
    const session = publishing.session(this.#adapter);
    try {
      await prepare(session, schema, place);
      await this.#adapter.lockRelation(session, this.#adapter.createRelation({ schema, identifier: table }));
      await sweep(session, schema, table);
      const standing = await standingAt(session, schema, table);
      const note = standing === null ? null : noteOf(standing.comment);
      if (standing !== null && note?.publication !== node.unique_id) {
        const what =
          note === null ? 'there is a table of that name that tsdbt has not published' : `it holds ${note.publication}`;
        if (standing.kind.endsWith('View'))
          throw errorOf('notPublished', { place, why: `there is a ${standing.kind}` });
        if (!config.adopt) throw errorOf('foreignTable', { place, what });
      }
      // Under the lease: of two publications that wait for one another the later one has the newer rows.
      await source.open();
      const order = config.order_by.length > 0 ? config.order_by : config.key;
      const plan = planColumns(source.dialect, publishedColumns(config, await source.columns()), config, order);
      const summary = await source.summary(plan.flatMap((column) => column.checks));
      refuseValues(summary);
      const version = versionOf(config, plan, summary);
      if (!publishing.force && note?.version === version)
        return { changed: false, rows: note.rows, sent: 0, removed: 0 };
      const stage = `${table}${BESIDE}${runId.replaceAll('-', '').slice(0, 12)}`;
      const staged = `${quoteIdentifier(schema)}.${quoteIdentifier(stage)}`;
      const made: Note = {
        publication: node.unique_id,
        run_id: runId,
        version,
        rows: summary.rows,
        published_at: time,
      };
      await session.execute(createSql(staged, plan, order, made));
      try {
        await load(session, staged, plan, publishing);
        const rows = await countOf(session, staged);
        if (rows !== summary.rows)
          throw errorOf('notPublished', { place, why: `${rows} of ${summary.rows} rows have arrived` });
        await source.confirm(summary);
        if (config.key.length > 0) await refuseTwice(session, staged, config.key);
        const name = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
        const before = await standingAt(session, schema, table);
        if (before?.uuid !== standing?.uuid || before?.comment !== standing?.comment)
          throw errorOf('notPublished', { place, why: 'another table has come there while the rows were loaded' });
        await session.execute(
          before === null ? `RENAME TABLE ${staged} TO ${name}` : `EXCHANGE TABLES ${staged} AND ${name}`,
        );
      } finally {
        await session.execute(`DROP TABLE IF EXISTS ${staged} SYNC${ANY_SIZE}`).catch(() => undefined);
      }
      return { changed: true, rows: summary.rows, sent: summary.rows, removed: 0 };
    } finally {
      await session.release();
    }
  }

  async standing({ unique_id, config }: PublicationNode): Promise<StandingCopy | null> {
    const [table = '', schema = this.#schema] = (config.table ?? '').split('.').reverse();
    const session = this.#adapter.session({ name: unique_id });
    try {
      const note = noteOf((await standingAt(session, schema, table))?.comment ?? '');
      if (note?.publication !== unique_id) return null;
      return { version: note.version, runId: note.run_id, rows: note.rows, publishedAt: note.published_at };
    } finally {
      await session.release();
    }
  }
}

/** The database, made where it is missing. @throws `runtime` error when no table of it is exchanged */
async function prepare(session: Session, schema: string, place: string): Promise<void> {
  const { table } = await session.execute(`SELECT engine FROM system.databases WHERE name = ${quoteText(schema)}`, {
    fetch: true,
  });
  const engine = table.rows[0]?.textAt(0);
  // Who may not create databases publishes into one that is there.
  if (engine === undefined) await session.execute(`CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(schema)}`);
  else if (!exchangesTables(engine) || engine === 'Replicated')
    throw errorOf('notPublished', { place, why: `its database is ${engine}, and must be Atomic` });
}

/** Drops what killed publications have left beside the table; what cannot be dropped is left to the next one. */
async function sweep(session: Session, schema: string, table: string): Promise<void> {
  const { table: found } = await session.execute(
    `SELECT name FROM system.tables WHERE database = ${quoteText(schema)} ` +
      `AND startsWith(name, ${quoteText(table + BESIDE)})`,
    { fetch: true },
  );
  for (const row of found.rows) {
    const name = `${quoteIdentifier(schema)}.${quoteIdentifier(row.textAt(0))}`;
    await session.execute(`DROP TABLE IF EXISTS ${name} SYNC${ANY_SIZE}`).catch(() => undefined);
  }
}

interface Found {
  readonly kind: string;
  readonly comment: string;
  readonly uuid: string;
}

/** @returns null: nothing stands there */
async function standingAt(session: Session, schema: string, table: string): Promise<Found | null> {
  const { table: found } = await session.execute(
    `SELECT engine, concat('c ', comment), toString(uuid) FROM system.tables WHERE database = ${quoteText(schema)} ` +
      `AND name = ${quoteText(table)}`,
    { fetch: true },
  );
  const [row] = found.rows;
  return row === undefined ? null : { kind: row.textAt(0), comment: row.textAt(1).slice(2), uuid: row.textAt(2) };
}

function noteOf(comment: string): Note | null {
  if (!comment.startsWith(COMMENT)) return null;
  try {
    const note: Note = JSON.parse(comment.slice(COMMENT.length));
    return note;
  } catch {
    return null;
  }
}

function createSql(staged: string, plan: readonly PlannedColumn[], order: readonly string[], note: Note): string {
  const columns = plan.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ');
  const key = order.map(quoteIdentifier).join(', ');
  return (
    `CREATE TABLE ${staged} (${columns}) ENGINE = MergeTree ORDER BY (${key === '' ? 'tuple()' : key}) ` +
    `COMMENT ${quoteText(COMMENT + JSON.stringify(note))}`
  );
}

async function load(
  session: Session,
  staged: string,
  plan: readonly PlannedColumn[],
  { source }: Publishing,
): Promise<void> {
  const columns = plan.map(({ name }) => quoteIdentifier(name)).join(', ');
  if (!inserts(session)) throw errorOf('notPublished', { place: staged, why: 'the session takes no rows' });
  const format = formatOf(source.dialect);
  // Fast reading of floats from text, the default, is wrong in the last bit.
  const into = format === 'native' ? 'FORMAT Native' : 'SETTINGS precise_float_parsing = 1 FORMAT TabSeparated';
  await source.rows(plan, format, null, (rows) => session.insert(`INSERT INTO ${staged} (${columns}) ${into}`, rows));
}

function inserts(session: Session): session is ClickHouseSession {
  return 'insert' in session;
}

async function countOf(session: Session, staged: string): Promise<number> {
  const { table } = await session.execute(`SELECT count() FROM ${staged}`, { fetch: true });
  return Number(table.rows[0]?.textAt(0) ?? 0);
}

/** @throws `runtime` error with the first key that several rows have */
async function refuseTwice(session: Session, staged: string, key: readonly string[]): Promise<void> {
  const list = key.map(quoteIdentifier).join(', ');
  const { table } = await session.execute(
    `SELECT toString(tuple(${list})) FROM ${staged} GROUP BY ${list} HAVING count() > 1 LIMIT 1`,
    { fetch: true },
  );
  const [found] = table.rows;
  if (found !== undefined)
    throw errorOf('keyNotUnique', { key: key.join(', '), example: `${found.textAt(0)} is there more than once` });
}
