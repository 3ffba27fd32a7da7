// Locks on relations, taken before a node reads or changes one, together with reading its state. Reports the session
// that is waited for; locks dependants in a fixed order. catalogue.ts writes the statements.
import { TsdbtError } from '../../errors.ts';
import { toText } from '../../values/text.ts';
import type { LockOptions, Session } from '../adapter.ts';
import type { Relation } from '../relation.ts';
import type { RelationCache } from '../relation-cache.ts';
import type { RelationType } from '../relation-dialect.ts';
import type { Table } from '../table.ts';
import { lockCall, lockHolderSql, lockKey, lookSql, viewStateSql } from './catalogue.ts';
import { dependantNamesSql } from './dependants.ts';
import { MAX_IDENTIFIER } from './relation.ts';
import { TRANSACTION_MARK } from './lost-commit.ts';
import { PostgresSession } from './session.ts';
import type { ViewStates } from './view-states.ts';
import { sleep } from '../../within.ts';

/** Suffixes of tables that a killed run may leave: those of make_intermediate_relation and make_backup_relation. */
const WORKING_SUFFIXES = ['__dbt_tmp', '__dbt_backup'];
/** Polling interval, in milliseconds, for a lock that another session holds. */
const LOCK_PAUSE = 50;

/** The part of the adapter that the locks use. */
export interface LockOwner {
  readonly database: string;
  readonly cache: RelationCache;
  /** States of views before the first node. */
  readonly early: ViewStates;
  /** A relation of this database according to its catalog. */
  relationOf(schema: string, identifier: string, type: RelationType): Relation;
  /** Whether a server process belongs to this command. */
  isOwn(processId: number): boolean;
}

/** The locks of sessions, and the catalog rows that were read with them. */
export class RelationLocks {
  readonly #owner: LockOwner;
  /** Relations that had no dependants when they were locked. */
  readonly #bare = new WeakMap<Session, Set<string>>();
  /** State of a view when it was locked; valid until the session sends something. */
  readonly #states = new WeakMap<
    Session,
    { readonly name: string; readonly messages: number; readonly state: Table }
  >();
  /** The relation that a session locked last, and its message count then. */
  readonly #locked = new WeakMap<Session, { readonly name: string; readonly messages: number }>();

  constructor(owner: LockOwner) {
    this.#owner = owner;
  }

  /** See `Adapter.lockRelation`. */
  async lock(
    session: Session,
    relation: Relation,
    { builds = false, viewState = false }: LockOptions = {},
  ): Promise<void> {
    const { schema, identifier } = storedNames(relation);
    if (schema === null || identifier === null) return;
    const own = nameOf(schema, identifier);
    const now = (): Promise<void> => {
      if (session instanceof PostgresSession) session.builds ||= builds;
      this.#owner.early.changes(own);
      return this.#takeRelation(session, relation, schema, identifier, viewState);
    };
    // An unchanged view is never locked: it costs no message.
    if (
      viewState &&
      session instanceof PostgresSession &&
      session.messages === 0 &&
      this.#owner.early.get(own, session.clock) !== undefined
    )
      session.beforeFirst = now;
    else await now();
  }

  /** Whether the relation had no dependants when it was locked. */
  isBare(session: Session, schema: string, identifier: string): boolean {
    return this.#bare.get(session)?.has(nameOf(schema, identifier)) === true;
  }

  /** State of a view when it was locked; undefined once the session has sent something. */
  seenState(session: Session, schema: string, identifier: string): Table | undefined {
    const seen = this.#states.get(session);
    return seen?.name === nameOf(schema, identifier) && seen.messages === messagesOf(session) ? seen.state : undefined;
  }

  async #takeRelation(
    session: Session,
    relation: Relation,
    schema: string,
    identifier: string,
    viewState: boolean,
  ): Promise<void> {
    const seen = this.#locked.get(session);
    if (!viewState && seen?.name === nameOf(schema, identifier) && seen.messages === messagesOf(session)) return;
    const key = lockKey(this.#owner.database, schema, identifier);
    const names = [identifier, ...workingNames(identifier)];
    // Dependants of a view are read when it is dropped: most views are kept or replaced in place.
    const known = this.#owner.cache.get(relation)?.type ?? 'view';
    const look = [lookSql(schema, names, known !== 'view'), ...(viewState ? [viewStateSql(schema, identifier)] : [])];
    // One round trip if the lock is free. A later statement of the message has its own snapshot, taken under the lock.
    const ask = async (wait: boolean): Promise<Table[]> => {
      // Anything except a view changes rows: record the transaction's mark, in case the answer to COMMIT is lost.
      const mark = viewState ? '' : `, ${TRANSACTION_MARK}`;
      const { tables } = await session.execute([`select ${lockCall(key, wait)}${mark}`, ...look].join(';\n'), {
        autoBegin: true,
        every: true,
      });
      return (tables ?? []).slice(-1 - look.length);
    };
    let [locked, found, state] = await ask(false);
    if (locked?.rows[0]?.values[0] !== true) {
      await this.#tellWho(session, relation, key);
      [locked, found, state] = await ask(true);
    }
    const mark = locked?.rows[0]?.values[1];
    if (session instanceof PostgresSession && typeof mark === 'string') session.mark = mark;
    if (state !== undefined)
      this.#states.set(session, { name: nameOf(schema, identifier), messages: messagesOf(session), state });
    const bare = this.#bare.get(session) ?? new Set();
    this.#bare.set(session, bare);
    for (const name of names) {
      const row = found?.rows.find((candidate) => candidate.values[0] === name);
      this.#owner.cache.found(
        { database: relation.database ?? this.#owner.database, schema, identifier: name },
        row && this.#owner.relationOf(schema, name, toText(row.get('kind') ?? null) as RelationType),
        session,
      );
      const id = nameOf(schema, name);
      if (!row || row.get('has_dependants') === false) bare.add(id);
      else bare.delete(id);
    }
    // A transaction that cannot be retried takes all locks before it reads, so it is never part of a deadlock.
    if (session.lasting) await this.lockDependants(session, schema, identifier);
    this.#locked.set(session, { name: nameOf(schema, identifier), messages: messagesOf(session) });
  }

  /** Locks all dependants of a relation. @returns false if there are none */
  async lockDependants(session: Session, schema: string, identifier: string): Promise<boolean> {
    if (this.isBare(session, schema, identifier)) return false;
    const locked = new Set<string>();
    for (;;) {
      const names = await session.execute(dependantNamesSql(schema, identifier), { autoBegin: true, fetch: true });
      const missing = names.table.rows
        .map((row) => nameOf(row.textAt(0), row.textAt(1)))
        .filter((name) => !locked.has(name));
      if (missing.length === 0) return names.table.rows.length > 0;
      // Locks in the query's order, as every run does, so there is no deadlock. The last holder may have changed
      // something: read again.
      for (const name of missing) {
        this.#owner.early.changes(name);
        const [ownSchema, ownName] = JSON.parse(name) as [string, string];
        await this.#takeLock(session, lockKey(this.#owner.database, ownSchema, ownName));
        locked.add(name);
      }
    }
  }

  /**
   * Waits for a lock. If its holder waits for a table that this transaction has read, the transaction starts over, as
   * after a deadlock.
   */
  async #takeLock(session: Session, key: bigint): Promise<void> {
    if (session.lasting) return void (await session.execute(`select ${lockCall(key, true)}`, { autoBegin: true }));
    while (
      (await session.execute(`select ${lockCall(key, false)}::text`, { autoBegin: true, fetch: true })).table.rows[0]
        ?.values[0] !== 'true'
    ) {
      const { table } = await session.execute(
        `select pg_catalog.pg_backend_pid() = any (pg_catalog.pg_blocking_pids(h.pid)) from (${lockHolderSql(key)}) h`,
        { fetch: true },
      );
      if (table.rows[0]?.values[0] === true)
        throw new TsdbtError('database', 'deadlock with another transaction', { code: '40P01' });
      await sleep(LOCK_PAUSE);
    }
  }

  async #tellWho(session: Session, relation: Relation, key: bigint): Promise<void> {
    if (!(session instanceof PostgresSession)) return;
    const { table } = await session.execute(lockHolderSql(key), { fetch: true });
    if (table.rows.some((row) => this.#owner.isOwn(Number(toText(row.get('pid') ?? ''))))) {
      session.notifyWait(`${relation.render()} is being built by another thread of this run; waiting for it`);
      return;
    }
    const who = table.rows.map(
      (row) =>
        `${toText(row.get('application_name') ?? '')} (pid ${toText(row.get('pid') ?? '')}, user ` +
        `${toText(row.get('usename') ?? '')}, since ${toText(row.get('since') ?? '')})`,
    );
    session.notifyWait(
      `${relation.render()} is being built by another run${who.length > 0 ? `: ${who.join(', ')}` : ''}; ` +
        'waiting for it',
    );
  }
}

/** A relation's name in the database: unquoted parts are in lower case. */
export function storedNames({ schema, identifier, fields: { quotePolicy } }: Relation): {
  readonly schema: string | null;
  readonly identifier: string | null;
} {
  return {
    schema: quotePolicy.schema ? schema : (schema?.toLowerCase() ?? null),
    identifier: quotePolicy.identifier ? identifier : (identifier?.toLowerCase() ?? null),
  };
}

function messagesOf(session: Session): number {
  return session instanceof PostgresSession ? session.messages : Number.NaN;
}

/** Schema and name as one key. */
export function nameOf(schema: string, identifier: string): string {
  return JSON.stringify([schema, identifier]);
}

/** @returns the names that a killed run may have left for a relation of that name */
export function workingNames(identifier: string): string[] {
  return WORKING_SUFFIXES.map((suffix) => [...identifier].slice(0, MAX_IDENTIFIER - suffix.length).join('') + suffix);
}
