// The interface of a local database without rows, in which relations of a project exist as empty tables: the engine
// itself then finds mistakes in queries, and knows the types of their columns.
import type { Profile } from '../contracts/project.ts';
import type { TsdbtError } from '../errors.ts';
import type { Adapter, Session } from './adapter.ts';
import type { PathPart } from './relation-dialect.ts';

/** A column of a relation. */
export interface TypedColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * What an error of the engine says about the query. `relation`: the query reads a relation that does not exist here.
 * `unknown`: the server of the project may accept the query.
 */
export type Verdict =
  | {
      readonly kind: 'mistake';
      /** Whether the query may be valid if its relations have more columns. */
      readonly byColumns: boolean;
      /** Where it is in the statement, if the error does not say so: 1-based, in code points. */
      readonly position?: number | undefined;
    }
  | { readonly kind: 'relation'; readonly name: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What is not known about primary keys of the relations that a query reads. */
export interface UnknownKeys {
  /** Tables that may have one in the project's database. */
  readonly tables: readonly string[];
  /** Whether a relation has one that its empty relation does not have. */
  readonly missing: boolean;
}

/** A relation for `createAs`. */
export interface NamedQuery {
  readonly name: string;
  readonly query: string;
  /** Whether nothing reads it, so that it is enough to check the query. */
  readonly unread: boolean;
}

/** A setting of a model with expressions of columns. */
export interface TableKey {
  readonly setting: 'order_by' | 'partition_by' | 'primary_key';
  readonly expression: string;
  /** The setting `engine`; null without one. */
  readonly engine: string | null;
}

export interface EmptyDatabase {
  /** Connects to the local engine only. */
  readonly adapter: Adapter;
  /** Whether names without quotes become lower case. */
  readonly foldsNames: boolean;
  createSchema(name: string): string;
  /** @param columns names and types as SQL */
  createTable(relation: string, columns: readonly TypedColumn[]): string;
  /** Creates a relation with the columns of a query, without running it. */
  createAs(relation: string, query: string): string;
  /**
   * Creates several relations in one statement, or tests several queries in one.
   * @returns null if they must be created one by one
   */
  createMany(relations: readonly NamedQuery[]): string | null;
  /** Creates a relation with the same columns as one that `createAs` created. @param columns their quoted names */
  createLike(relation: string, columns: readonly TypedColumn[]): string;
  /**
   * Creates a table with the columns of another relation, and with an expression of a setting as its key.
   * @returns null if the expression cannot be checked
   */
  createKeyed?(relation: string, like: string, key: TableKey): string | null;
  dropSchema(name: string): string;
  /** A query that returns schema, relation, column and type of all columns in order. */
  columnsSql(schemas: readonly string[]): string;
  /** Judges an error of `createAs`. May run statements in the session. */
  judge(session: Session, error: TsdbtError, keys: UnknownKeys): Promise<Verdict>;
  /** Why a query cannot be checked at all; null if it can. */
  refuses(query: string): string | null;
  /** Stops the engine, and removes its data. */
  close(): Promise<void>;
}

/** Starts the local engine of a dialect. */
export type OpenEmptyDatabase = (options: {
  readonly profile: Profile;
  /** Folder that the engine may keep for the next command. */
  readonly folder: string;
  readonly projectDir: string;
  readonly quoting: Partial<Record<PathPart, boolean | null | undefined>>;
}) => Promise<EmptyDatabase>;
