// Publishes into a ClickHouse database: rows are loaded into a staging table, and one EXCHANGE swaps it with the old
// table. The published version and its time are in the table's comment, so they change in the same step.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import {
  besideName,
  commentTable,
  dropBeside,
  dropStaged,
  prepareDatabase,
  putInPlace,
  type StandingTable,
  standingTable,
  workingStem,
} from '../../adapters/clickhouse/beside.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import { forgotten, publishedColumns, refuseValues, versionOf } from '../publication-plan.ts';
import type { Partition, PlannedColumn, Published, Publishing, Receiver, StandingCopy } from '../publication-target.ts';
import { type Ended, endedPartitions, partitionKeysOf } from '../retention.ts';
import { type Before, stagePartitions } from './partition-stage.ts';
import { planColumns } from './plan-columns.ts';
import { countRows, createStage, loadStage, refuseTwice, type Stage } from './stage.ts';

const COMMENT = 'tsdbt published ';
const BESIDE = '__tsdbt_publish_';

/** The comment of a published table, as JSON after `COMMENT`. */
interface Note {
  readonly publication: string;
  readonly run_id: string;
  readonly version: string;
  readonly rows: number;
  readonly published_at: string;
  /** Only in mode partitions: the keys, and marks of the partitions by their values as JSON. */
  readonly partition_by?: readonly string[];
  readonly partitions?: Readonly<Record<string, string>>;
}

interface Place {
  readonly schema: string;
  readonly table: string;
}

export class ClickHouseReceiver implements Receiver {
  readonly #adapter: Adapter;
  readonly #schema: string;

  /** @param schema the database for tables without one */
  constructor(adapter: Adapter, schema: string) {
    this.#adapter = adapter;
    this.#schema = schema;
  }

  async publish(publishing: Publishing): Promise<Published> {
    const { node, source, runId, force } = publishing;
    const { config } = node;
    const name = this.#place(node);
    const { schema, table } = name;
    const place = `${schema}.${table}`;
    const cluster = new Map(this.#adapter.connectionInfo()).get('cluster');
    if (typeof cluster === 'string' && cluster !== '')
      throw errorOf('notPublished', {
        place,
        why: `the connection '${config.to}' has the cluster '${cluster}', whose tables do not change in one step`,
      });
    const session = publishing.session(this.#adapter);
    try {
      const engine = await prepareDatabase(session, schema);
      if (engine !== null)
        throw errorOf('notPublished', { place, why: `its database is ${engine}, and must be Atomic` });
      await this.#adapter.lockRelation(session, this.#adapter.createRelation({ schema, identifier: table }));
      await dropBeside(session, schema, workingStem(table) + BESIDE);
      const standing = await standingTable(session, name);
      refuseForeign(publishing, standing, place);
      const rowsBefore = standing === null ? 0 : await countRows(session, besideName(name));
      const note = trusted(noteOf(standing, node), rowsBefore);
      const columns = note === null ? [] : await describe(session, besideName(name));
      // Opened under the lease: if two publications wait for each other, the later one reads the newer rows.
      await source.open();
      const ended = endedPartitions(publishing, place, await source.now());
      const order = config.order_by.length > 0 ? config.order_by : config.key;
      const plan = planColumns(source.dialect, publishedColumns(config, await source.columns()), config, order);
      const summary = await source.summary(
        plan.flatMap((column) => column.checks),
        plan,
      );
      refuseValues(summary);
      const version = versionOf(config, plan, summary);
      const whole = plan.every((column) => columns.some((line) => line.startsWith(`${column.name} `)));
      if (!force && note?.version === version && whole && !isOverdue(note, ended))
        return { changed: false, rows: note.rows, sent: 0, removed: 0 };
      const beside = `${workingStem(table)}${BESIDE}${runId.replaceAll('-', '').slice(0, 12)}`;
      const staged = besideName({ schema, table: beside });
      const stage: Stage = { session, publishing, place, staged, plan, order };
      try {
        const { changed, mark, ...parts } = await this.#fill(stage, {
          before: await keptTable(stage, besideName(name), standing, note),
          rows: summary.rows,
          ended,
        });
        source.confirm({ summary, partitions: changed, mark });
        const sent = changed === null ? summary.rows : changed.reduce((sum, { rows: of }) => sum + of, 0);
        await refuseTwice(stage);
        const rows = await countRows(session, staged);
        const made: Note = {
          publication: node.unique_id,
          run_id: runId,
          version,
          rows,
          published_at: publishing.time,
          ...parts,
        };
        await commentTable(session, staged, COMMENT + JSON.stringify(made));
        if (!(await putInPlace(session, staged, name, standing)))
          throw errorOf('notPublished', { place, why: 'another table has come there while the rows were loaded' });
        return { changed: true, rows, sent, removed: Math.max(rowsBefore + sent - rows, 0) };
      } finally {
        await dropStaged(session, staged).catch(() => undefined);
      }
    } finally {
      await session.release();
    }
  }

  async standing(node: PublicationNode): Promise<StandingCopy | null> {
    const session = this.#adapter.session({ name: node.unique_id });
    try {
      const note = noteOf(await standingTable(session, this.#place(node)), node);
      if (note === null) return null;
      return { version: note.version, runId: note.run_id, rows: note.rows, publishedAt: note.published_at };
    } finally {
      await session.release();
    }
  }

  #place({ config }: PublicationNode): Place {
    const [table = '', schema = this.#schema] = (config.table ?? '').split('.').reverse();
    return { schema, table };
  }

  async #fill(
    stage: Stage,
    { before, rows, ended }: { readonly before: Before | null; readonly rows: number; readonly ended: Ended | null },
  ): Promise<
    { readonly changed: readonly Partition[] | null; readonly mark: string | null } & Pick<
      Note,
      'partition_by' | 'partitions'
    >
  > {
    const { publishing } = stage;
    const { mode, partition_by } = publishing.node.config;
    if (mode !== 'partitions') {
      await createStage(stage, []);
      return { changed: null, mark: await loadStage(stage, null, rows) };
    }
    const found = await publishing.source.partitions(partitionKeysOf(publishing), stage.plan);
    const partitions = found.filter(({ values }) => ended?.has(values) !== true);
    const { parts, ...filled } = await stagePartitions(stage, { before, partitions, found: found.length, ended });
    return { ...filled, partition_by, partitions: parts };
  }
}

/** Refuses to replace a table that this publication did not create, unless `adopt` is set. */
function refuseForeign({ node }: Publishing, standing: StandingTable | null, place: string): void {
  if (standing === null || noteOf(standing, node) !== null) return;
  if (standing.kind.endsWith('View'))
    throw errorOf('notPublished', {
      place,
      why: `there is a ${standing.kind} of that name: it is dropped first, or 'table' names another place`,
    });
  if (node.config.adopt) return;
  const owner = readNote(standing)?.publication;
  const what = owner === undefined ? 'there is a table of that name that tsdbt has not published' : `it holds ${owner}`;
  throw errorOf('foreignTable', { place, what });
}

/**
 * The table whose partitions are kept, in mode partitions.
 * @returns null: the copy is created from scratch
 * @throws `runtime` error if its columns differ: older partitions exist only there
 */
async function keptTable(
  { session, publishing, place, plan }: Stage,
  name: string,
  standing: StandingTable | null,
  note: Note | null,
): Promise<Before | null> {
  const { mode, partition_by } = publishing.node.config;
  if (standing === null || mode !== 'partitions' || publishing.force) return null;
  if (await hasColumns(session, name, plan)) {
    const sameKeys = JSON.stringify(note?.partition_by) === JSON.stringify(partition_by);
    return { name, parts: sameKeys ? (note?.partitions ?? {}) : {} };
  }
  throw errorOf('notPublished', {
    place,
    why: 'its columns are others by now; --full-refresh publishes the partitions of the model and drops older ones',
  });
}

async function hasColumns(session: Session, name: string, plan: readonly PlannedColumn[]): Promise<boolean> {
  const there = await describe(session, name);
  return there.join('\n') === plan.map(({ name: column, type }) => `${column} ${type}`).join('\n');
}

/** Name and type of each column. */
async function describe(session: Session, name: string): Promise<string[]> {
  const { table } = await session.execute(`DESCRIBE TABLE ${name}`, { fetch: true });
  return table.rows.map((row) => `${row.textAt(0)} ${row.textAt(1)}`);
}

/** Whether the copy contains expired partitions. */
function isOverdue({ partitions = {} }: Note, ended: Ended | null): boolean {
  return ended !== null && Object.keys(partitions).some((values) => ended.has(JSON.parse(values)));
}

/** @returns null: the table does not belong to this publication */
function noteOf(standing: StandingTable | null, { unique_id }: PublicationNode): Note | null {
  const note = standing === null ? null : readNote(standing);
  return note?.publication === unique_id ? note : null;
}

/** A note of other rows than the table has, after a TRUNCATE or a restore without rows, describes no version. */
function trusted(note: Note | null, rows: number): Note | null {
  if (note === null || note.rows === rows) return note;
  return { ...note, version: '', partitions: forgotten(note.partitions ?? {}) };
}

function readNote({ comment }: StandingTable): Note | null {
  if (!comment.startsWith(COMMENT)) return null;
  try {
    const note: Note = JSON.parse(comment.slice(COMMENT.length));
    return note;
  } catch {
    return null;
  }
}
