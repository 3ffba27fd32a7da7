// Replaces materialized views while rows arrive. Finds a moment at which no INSERT into their sources runs, up to which
// a table is filled from the sources, and waits for the second from which the new view takes over.
import { TsdbtError } from '../../errors.ts';
import { sleep } from '../../within.ts';
import { LOCAL_DATABASES } from './catalogue.ts';
import { stopwatch } from './connection.ts';
import { insertsSql } from './exchange.ts';
import type { Lease } from './leases.ts';
import { quoteText } from './literal.ts';

/** What a table is filled with: rows of parts up to these blocks. */
export interface Border {
  /** Microseconds of the server's clock: every INSERT that began earlier has ended, and its rows are in the parts. */
  readonly moment: number;
  /** The setting additional_table_filters. */
  readonly filters: string;
}

/** A table that views read, a view itself, or a table that passes rows on. */
interface Place {
  readonly name: string;
  readonly engine: string;
  /** Views that are triggered by its rows. */
  readonly fires: readonly string[];
  /** For a view: the table that it writes into. */
  readonly target: string;
  readonly engineFull: string;
}

/** The error of a fill whose snapshot contains a part merged from older and newer blocks. */
const MIXED = 'tsdbt: a part has blocks from before and after the border';
/** Engines whose rows come from server threads, which system.processes does not show. */
const BACKGROUND = /^(?:Buffer|Kafka|RabbitMQ|NATS|FileLog|S3Queue|AzureQueue|MaterializedPostgreSQL)$/;
const PASSES_ON = /^(?:Distributed|Buffer|Alias)$/;
const PAUSE = 5;
/** Seconds: a wait is reported after the first, and ends with an error after the second. */
const NOTICE = 5;
const PATIENCE = 600;
/** Maximum seconds between the start of a statement and its appearance in system.processes. */
const SLACK = 0.2;
/** Seconds within which a statement must change a view, plus this many times the response time of a short query. */
const DDL_SECONDS = 0.5;
const SLOWER = 20;

function namesIn(json: string): readonly string[] {
  return JSON.parse(json);
}

async function places(lease: Lease): Promise<Place[]> {
  const rows = await lease.query(
    "select concat(database, '.', name), engine, toJSONString(arrayMap((d, t) -> concat(d, '.', t), " +
      "dependencies_database, dependencies_table)), extract(replaceAll(create_table_query, '`', ''), " +
      `' TO ([^ (]+)'), engine_full from system.tables where ${LOCAL_DATABASES} and ` +
      "(notEmpty(dependencies_table) or engine in ('MaterializedView', 'Distributed', 'Buffer', 'Alias'))",
  );
  return rows.map((row) => ({
    name: row.textAt(0),
    engine: row.textAt(1),
    fires: namesIn(row.textAt(2)),
    target: row.textAt(1) === 'MaterializedView' ? row.textAt(3) : '',
    engineFull: row.textAt(4),
  }));
}

/** The tables on whose rows the views fire. */
function sourcesOf(all: readonly Place[], views: readonly string[]): Place[] {
  return all.filter(({ fires }) => fires.some((view) => views.includes(view)));
}

/** Those tables, and all through which their rows may come: an INSERT into any of them writes into the sources. */
function writtenThrough(all: readonly Place[], sources: readonly Place[]): Place[] {
  const found = new Set(sources);
  for (const place of found) {
    const views = all.filter(({ target }) => target === place.name).map(({ name }) => name);
    const table = `'${place.name.slice(place.name.indexOf('.') + 1)}'`;
    for (const other of all) {
      if (other.fires.some((view) => views.includes(view))) found.add(other);
      if (PASSES_ON.test(other.engine) && other.engineFull.includes(table)) found.add(other);
    }
  }
  return [...found];
}

export class LiveViews {
  readonly #lease: Lease;
  readonly #views: readonly string[];
  #sources: readonly Place[] = [];
  #through: readonly string[] = [];

  /** @param views names of views in the lease's schema */
  private constructor(lease: Lease, views: readonly string[]) {
    this.#lease = lease;
    this.#views = views.map((view) => `${lease.schema}.${view}`);
  }

  static async of(lease: Lease, views: readonly string[]): Promise<LiveViews> {
    const made = new LiveViews(lease, views);
    const all = await places(lease);
    made.#sources = sourcesOf(all, made.#views);
    const through = writtenThrough(all, made.#sources);
    made.#through = through.map(({ name }) => name.slice(name.indexOf('.') + 1));
    const doubtful = [
      ...made.#sources.filter(({ engine }) => !/MergeTree$|^Null$/.test(engine)),
      ...through.filter(({ engine }) => BACKGROUND.test(engine)),
    ];
    if (doubtful.length > 0)
      lease.notify(
        `Rows that arrive while ${lease.schema}.${lease.identifier} is built may be missing or doubled: ` +
          `${doubtful.map(({ name, engine }) => `${name} has the engine ${engine}`).join(', ')}. Expected sources ` +
          'of the MergeTree family that are written by INSERT',
      );
    return made;
  }

  /** Waits until no INSERT into the sources runs. @throws when there was no such moment for ten minutes */
  async border(): Promise<Border> {
    const tables = this.#sources.filter(({ engine }) => engine.endsWith('MergeTree')).map(({ name }) => name);
    // The text of each look differs: equal subqueries are run once.
    const parts = (look: number): string =>
      '(select (toUnixTimestamp64Micro(max(nowInBlock64(6))), toJSONString(groupArray((name, partition_id, block))), ' +
      `${look}) from (select concat(database, '.', table) as name, partition_id, toString(max(max_block_number)) as ` +
      `block from system.parts where active and name in (${['', ...tables].map(quoteText).join(', ')}) group by all ` +
      'order by all))';
    const running = insertsSql(this.#through).replace(
      'count()',
      '(toUnixTimestamp64Micro(max(nowInBlock64(6))), count())',
    );
    return this.#until(async () => {
      // Scalar subqueries run one after the other. No part came between the two looks, and in between none was written.
      const [row] = await this.#lease.query(
        `select ${parts(1)} as a, (${running}) as b, ${parts(2)} as c, a.1, a.2, b.1, b.2, c.1, c.2`,
      );
      const [first, before, second, count, third, after] = [3, 4, 5, 6, 7, 8].map((index) => row?.textAt(index) ?? '');
      const inOrder = Number(first) <= Number(third) && (Number(second) === 0 || Number(first) <= Number(second));
      if (Number(count) > 0 || before !== after || !inOrder) return null;
      const blocks: [string, string, string][] = JSON.parse(before ?? '[]');
      const filters = tables.map(
        (table) => `${quoteText(table)}: ${quoteText(filterOf(blocks.filter(([name]) => name === table)))}`,
      );
      return { moment: Number(first), filters: `{${filters.join(', ')}}` };
    });
  }

  /** Waits until a second has begun, and every INSERT into the sources that began before it has ended. */
  async passed(second: number): Promise<void> {
    await this.#until(async () => {
      const [row] = await this.#lease.query(
        `select toFloat64(now64(6)) >= ${second + SLACK}, (${insertsSql(this.#through)} and toFloat64(now64(6)) - ` +
          `elapsed < ${second + SLACK})`,
      );
      return isTrue(row?.textAt(0)) && Number(row?.textAt(1)) === 0 ? true : null;
    });
  }

  async #until<T>(look: () => Promise<T | null>): Promise<T> {
    const passed = stopwatch();
    for (let told = false; ; ) {
      const found = await look();
      if (found !== null) return found;
      const seconds = passed();
      const title = `INSERTs into ${this.#sources.map(({ name }) => name).join(', ')}`;
      if (seconds > PATIENCE)
        throw new TsdbtError(
          'database',
          `Cannot build ${this.#lease.schema}.${this.#lease.identifier}: for ${PATIENCE} seconds ${title} were ` +
            'running without a pause. Expected a moment between two INSERTs. Stop the writers for a second, and run ' +
            'again',
        );
      if (seconds > NOTICE && !told) {
        told = true;
        this.#lease.notify(`Waiting for a moment without ${title}`);
      }
      await sleep(PAUSE);
    }
  }
}

/** Rows up to the blocks. A part that was merged across the border makes the statement fail. */
function filterOf(blocks: readonly (readonly [table: string, partition: string, block: string])[]): string {
  if (blocks.length === 0) return '0';
  const highest =
    `transform(_partition_id, [${blocks.map(([, partition]) => quoteText(partition)).join(', ')}], ` +
    `[${blocks.map(([, , block]) => `toInt64(${block})`).join(', ')}], toInt64(-1))`;
  const [from, to] = [2, 3].map((index) => `toInt64(splitByChar('_', _part)[${index}])`);
  return `throwIf(${from} <= ${highest} and ${to} > ${highest}, ${quoteText(MIXED)}) = 0 and ${to} <= ${highest}`;
}

/** Has a merge made it impossible to read the rows up to the border? Another border then can be. */
export function isMixed(error: unknown): boolean {
  return error instanceof TsdbtError && error.message.includes(MIXED);
}

/** A second of the server's clock that begins when so many statements can have changed views. */
export async function comingSecond(lease: Lease, statements: number): Promise<number> {
  const passed = stopwatch();
  const [row] = await lease.query('select toFloat64(now64(6))');
  // A server that answers late changes views late.
  const seconds = DDL_SECONDS + passed() * SLOWER;
  return Math.ceil(Number(row?.textAt(0)) + seconds * (1 + (statements - 1) / 4));
}

/** @throws when the second has begun: it is not known which INSERTs a changed view has seen */
export async function requireBefore(lease: Lease, second: number): Promise<void> {
  const [row] = await lease.query(`select toFloat64(now64(6)) < ${second}`);
  if (!isTrue(row?.textAt(0)))
    throw new TsdbtError(
      'database',
      `Cannot replace the views of ${lease.schema}.${lease.identifier} without losing rows: the server took too long ` +
        'to change them. Run again: the next run fills the table anew',
    );
}

function isTrue(text: string | undefined): boolean {
  return text === '1' || text === 'true' || text === 'True';
}
