// What builds with `--reuse` read from a database: whether relations have changed, and the recorded states of nodes.
// Types only.
import type { Session } from './adapter.ts';
import type { Relation } from './relation.ts';

/** A relation as it is now. */
export interface RelationFacts {
  /** Changes when the relation is replaced or altered. For a view, only with its definition. */
  readonly identity: string;
  /** Names and types of its columns. */
  readonly shape: string;
  /** Changes with every write to the rows, without reading them; null: only reading the rows shows it. */
  readonly counter: string | null;
  /** Whether it contains rows; false: a view. */
  readonly stored: boolean;
}

/** Functions that users have defined in the database, by name in lower case. */
export type UserFunctions = ReadonlyMap<string, UserFunction>;

export interface UserFunction {
  /** Whether equal arguments always give equal results. */
  readonly fixed: boolean;
  /** Changes with its definition. */
  readonly mark: string;
}

export interface ReuseStore {
  /** Calls that depend on time, chance, session or server, in SQL without texts and comments. */
  readonly volatile: RegExp;
  /** Keys of the profile that change the results of the same SQL. */
  readonly settings: readonly string[];
  functions(session: Session): Promise<UserFunctions>;
  /**
   * Reads facts with one statement.
   * @returns null for a relation that does not exist, or of a kind whose changes cannot be seen
   */
  facts(session: Session, relations: readonly Relation[]): Promise<readonly (RelationFacts | null)[]>;
  /**
   * Reads all rows of stored relations.
   * @returns a text that changes with every write that changes a row; null if the relation cannot be read
   */
  written(session: Session, relations: readonly Relation[]): Promise<readonly (string | null)[]>;
  /** Returns a text that depends only on the values of the rows, in any order; null if they cannot be read. */
  contents(session: Session, relation: Relation): Promise<string | null>;
  /** States of nodes by unique_id. @param place distinguishes projects and schemas in one database */
  load(session: Session, place: string): Promise<ReadonlyMap<string, string>>;
  save(session: Session, place: string, states: ReadonlyMap<string, string>): Promise<void>;
}

/** Splits a list for statements with a limited number of members. */
export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/**
 * Calls `read` for chunks; a chunk that fails is read in halves, so that one unreadable relation does not hide others.
 */
export async function readChunks(
  relations: readonly Relation[],
  size: number,
  read: (chunk: readonly Relation[]) => Promise<readonly (string | null)[]>,
): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  for (const chunk of chunksOf(relations, size)) {
    const part = await read(chunk).catch(() => null);
    if (part !== null) found.push(...part);
    else if (chunk.length === 1) found.push(null);
    else found.push(...(await readChunks(chunk, Math.ceil(chunk.length / 2), read)));
  }
  return found;
}
