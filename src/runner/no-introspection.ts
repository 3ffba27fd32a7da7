// Sessions that do less than a node asks for: with `--no-introspect`, statements of its template are refused with dbt's
// message; with `--read-only`, the database rejects changes.
import type { ExecuteOptions, ExecuteResult, Session } from '../adapters/adapter.ts';
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';
import { callable, type Value } from '../values/index.ts';

/**
 * Names for templates that are analyzed without the database, in place of the macros.
 * @param incremental what `is_incremental()` returns
 */
export function namesWithoutDatabase(incremental: boolean): ReadonlyMap<string, Value> {
  return new Map([
    ['is_incremental', callable('is_incremental', '', () => incremental)],
    // Has the columns of the source, and all of its rows when a model is built for the first time.
    ['new_rows', callable('new_rows', 'source', (source) => source)],
  ]);
}

/** Why a node cannot be compiled here. @returns null if its template does not query the database */
export function refusedIntrospection(error: TsdbtError): string | null {
  return error.errorCode === 'T3058' ? 'its template queries the database' : null;
}

/** Passes only allowed statements to a session, and everything that ends it. */
export class NoIntrospection implements Session {
  readonly #session: Session;
  readonly columns: Session['columns'];
  readonly publishing: string[];
  nextMayWait = false;
  readonly #mayList: boolean;
  readonly #mayRead: boolean;
  #lists = false;

  /**
   * @param mayList false: the relation cache cannot be read from the database either
   * @param mayRead statements that change nothing are allowed
   */
  constructor(session: Session, mayList = true, mayRead = false) {
    this.#session = session;
    this.#mayList = mayList;
    this.#mayRead = mayRead;
    this.columns = session.columns;
    this.publishing = session.publishing;
  }

  get name(): string {
    return this.#session.name;
  }

  get inTransaction(): boolean {
    return this.#session.inTransaction;
  }

  get lasting(): boolean {
    return this.#session.lasting;
  }

  async listing<T>(work: () => Promise<T>): Promise<T> {
    this.#lists = this.#mayList;
    try {
      return await work();
    } finally {
      this.#lists = false;
    }
  }

  async execute(sql: string, options?: ExecuteOptions): Promise<ExecuteResult> {
    if (this.#mayRead) return this.#session.execute(sql, { ...options, readOnly: true });
    return this.#asked().execute(sql, options);
  }

  async executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void> {
    if (this.#mayRead) return answered(await this.execute(sql));
    return this.#asked().executeLater(sql, answered);
  }

  async describe(sql: string): ReturnType<Session['describe']> {
    if (this.#mayRead) return this.#session.describe(sql, true);
    return this.#asked().describe(sql);
  }

  async attempt(sql: string, single?: boolean): ReturnType<Session['attempt']> {
    return this.#asked().attempt(sql, single);
  }

  async copyIn(sql: string, chunks: Parameters<Session['copyIn']>[1]): Promise<number> {
    return this.#asked().copyIn(sql, chunks);
  }

  begin(): Promise<void> {
    return this.#session.begin();
  }

  commit(): Promise<void> {
    return this.#session.commit();
  }

  rollback(): Promise<void> {
    return this.#session.rollback();
  }

  cancel(): Promise<void> {
    return this.#session.cancel();
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  #asked(): Session {
    if (!this.#lists) throw errorOf('noIntrospection', {});
    return this.#session;
  }
}
