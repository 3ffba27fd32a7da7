// Publishes into a Postgres database: new rows are loaded into a staging table, in the transaction that swaps or merges
// it, so a kill leaves the old version and no leftovers. types-of-*.ts convert the types of other databases.
import type { Adapter } from '../../adapters/adapter.ts';
import { lockCall, lockKey } from '../../adapters/postgres/catalogue.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { setLocalText } from '../../adapters/postgres/value-settings.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { publishedColumns, refuseValues, versionOf } from '../publication-plan.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import type { Published, Publishing, Receiver, StandingCopy } from '../publication-target.ts';
import { adaptTable } from './alter-copy.ts';
import { isOverdue, keptPartitions, mergeKeyed, partitionKeys, replacePartitions } from './change-copy.ts';
import { PublishedLedger, type Standing } from './published-versions.ts';
import { type Look, readLook } from './inspect-copy.ts';
import { endedPartitions } from '../retention.ts';
import { planColumns } from './plan-columns.ts';
import type { Changed, PublishWork } from './publish-work.ts';
import { stageTable } from './stage.ts';
import { swapIn } from './swap.ts';

export class PostgresReceiver implements Receiver {
  readonly #adapter: Adapter;
  readonly #schema: string;

  /** @param schema for tables without one */
  constructor(adapter: Adapter, schema: string) {
    this.#adapter = adapter;
    this.#schema = schema;
  }

  async publish(publishing: Publishing): Promise<Published> {
    const { node, source } = publishing;
    const [schema, table] = placeOf(node.config.table ?? '', this.#schema);
    const session = publishing.session(this.#adapter);
    try {
      await session.begin();
      // Times without a zone and bytes are read in the source's format, regardless of this database's settings.
      const settings = setLocalText({
        lock_timeout: '0',
        // Rows that a policy hides from this role would remain. With `off` the server refuses the statement instead.
        row_security: 'off',
      });
      await session.execute(settings);
      const ledger = new PublishedLedger(session, schema, table);
      await ledger.prepare();
      await session.execute(`select ${lockCall(lockKey(null, schema, table), true)}`);
      await session.execute(settings);
      const found = await ledger.standing();
      refuseForeign(publishing, found, `${schema}.${table}`);
      // Opened under the lock: if two publications wait for each other, the later one reads the newer rows.
      await source.open();
      const plan = planColumns(source, publishedColumns(node.config, await source.columns()), node.config);
      const summary = await source.summary(
        plan.flatMap((column) => column.checks),
        plan,
      );
      refuseValues(summary);
      const version = versionOf(node.config, plan, summary);
      const name = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
      const counts = node.config.mode === 'partitions' || found.version === version;
      const standing = counts ? await ledger.trusted(found) : found;
      const ended = endedPartitions(publishing, `${schema}.${table}`, await source.now());
      const work = { adapter: this.#adapter, session, publishing, schema, table, name, plan, ended };
      const look = await readLook(session, name);
      const whole = plan.every((column) =>
        look?.columns.split('\n').some((line) => line.startsWith(`${column.name} `)),
      );
      if (!publishing.force && standing.version === version && whole && !isOverdue(work, standing)) {
        await session.rollback();
        return { changed: false, rows: standing.rows, sent: 0, removed: 0 };
      }
      const changed = await this.#change(work, standing, look);
      source.confirm({ summary, partitions: changed.partitions, mark: null });
      await ledger.write({
        publication: node.unique_id,
        runId: publishing.runId,
        version,
        mode: node.config.mode,
        rows: changed.rows,
        time: publishing.time,
        parts: changed.parts,
      });
      await session.commit();
      return { changed: true, rows: changed.rows, sent: changed.sent, removed: changed.removed };
    } catch (error) {
      throw explained(error, `${schema}.${table}`);
    } finally {
      await session.release();
    }
  }

  async standing({ unique_id, config }: PublicationNode): Promise<StandingCopy | null> {
    const [schema, table] = placeOf(config.table ?? '', this.#schema);
    const session = this.#adapter.session({ name: unique_id });
    try {
      return await new PublishedLedger(session, schema, table).copyOf(unique_id);
    } finally {
      await session.release();
    }
  }

  async #change(work: PublishWork, standing: Standing, look: Look | null): Promise<Changed> {
    const { node, force } = work.publishing;
    const { mode, key } = node.config;
    const wanted = work.plan.map(({ name, type }) => `${name} ${type}`).join('\n');
    const fits = look !== null && look.columns === wanted;
    if (mode === 'upsert' && fits && look.keys.includes(key.join('\n'))) {
      await adaptTable(work, standing);
      return mergeKeyed(work, look.keys.length > 1 || node.config.indexes.some(({ unique }) => unique));
    }
    if (mode === 'partitions' && fits) {
      await adaptTable(work, standing);
      return replacePartitions(work, standing);
    }
    // Older partitions exist only there, so a changed column does not discard them.
    if (mode === 'partitions' && look !== null && !force)
      throw errorOf('notPublished', {
        place: `${work.schema}.${work.table}`,
        why: 'its columns are others by now; --full-refresh publishes the partitions of the model and drops older ones',
      });
    return this.#replace(work, look);
  }

  async #replace(work: PublishWork, look: Look | null): Promise<Changed> {
    const { mode, retention } = work.publishing.node.config;
    const partitions = mode === 'partitions' ? await keptPartitions(work) : [];
    const sent = retention === null ? null : partitions;
    const staged = await stageTable(work, sent === null ? null : { parts: partitionKeys(work), partitions });
    await swapIn(work, staged, look);
    const parts = Object.fromEntries(partitions.map(({ values, mark }) => [JSON.stringify(values), mark]));
    return { rows: staged.rows, sent: staged.rows, removed: 0, partitions: sent, parts };
  }
}

/** Schema and name. @param fallback schema for tables without one */
function placeOf(table: string, fallback: string): [schema: string, name: string] {
  const dot = table.indexOf('.');
  return dot < 0 ? [fallback, table] : [table.slice(0, dot), table.slice(dot + 1)];
}

const NEEDED = "The connection's user needs CREATE on the database, or to own its schemas and the schema tsdbt.";

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };

/** Refuses to replace a table that this publication did not create, unless `adopt` is set. */
function refuseForeign({ node }: Publishing, { kind, publication }: Standing, place: string): void {
  if (kind === null || publication === node.unique_id) return;
  const table = kind === 'r';
  if (table && node.config.adopt) return;
  const what =
    publication !== null
      ? `it holds ${publication}`
      : `there is ${KINDS[kind] ?? 'a table'} of that name that tsdbt has not published`;
  if (table) throw errorOf('foreignTable', { place, what });
  throw errorOf('notPublished', { place, why: `${what}: it is dropped first, or 'table' names another place` });
}

/** Explains an error of the target database in terms of the publication. */
function explained(error: unknown, place: string): unknown {
  if (!(error instanceof TsdbtError) || error.kind !== 'database') return error;
  const detail = /^DETAIL:\s*(.*)$/m.exec(error.message)?.[1] ?? error.message;
  if (error.details.code === '23505') {
    const key = /^Key \((.*?)\)/.exec(detail)?.[1] ?? '';
    return errorOf('keyNotUnique', { key, example: detail }, { cause: error });
  }
  if (error.details.code === '42501')
    return errorOf('notPublished', { place, why: error.message.split('\n')[0] ?? '' }, { cause: error, hint: NEEDED });
  return error;
}
