// Staging tables that replace another table in one step: inspects the current table, drops what killed runs left, and
// exchanges. Callers fill them and hold the lease that serializes runs.
import { createHash } from 'node:crypto';
import type { Session } from '../adapter.ts';
import { TABLE_UUID } from './catalogue.ts';
import { quoteWritten, quoteText } from './literal.ts';
import { LONG_QUERY } from './long-query.ts';
import { exchangesTables } from './server-facts.ts';

/** The dropped tables are internal: the server's drop limits protect users' tables and partitions. */
export const ANY_SIZE = ' SETTINGS max_table_size_to_drop = 0, max_partition_size_to_drop = 0';

/** Maximum length of the start of a working name, in bytes of a file name. */
const LONGEST_STEM = 100;

/**
 * The start of a relation's working names: its name, or a hash if it is long. The server limits names by the length of
 * their file names, in which most characters are `%` and two digits per byte.
 */
export function workingStem(identifier: string): string {
  const bytes = [...identifier].map((letter) => (/\w/.test(letter) ? 1 : 3 * Buffer.byteLength(letter)));
  if (bytes.reduce((sum, length) => sum + length, 0) <= LONGEST_STEM) return identifier;
  return `${identifier.replace(/\W/g, '').slice(0, 40)}${createHash('md5').update(identifier).digest('hex')}`;
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table or view at the time of inspection. */
export interface StandingTable {
  readonly kind: string;
  readonly comment: string;
  readonly uuid: string;
}

/** Quoted for SQL. */
export function besideName({ schema, table }: TableName): string {
  return `${quoteWritten(schema)}.${quoteWritten(table)}`;
}

/** Creates the database if it does not exist. @returns its engine if its tables cannot be exchanged, otherwise null */
export async function prepareDatabase(session: Session, schema: string): Promise<string | null> {
  const { table } = await session.execute(`SELECT engine FROM system.databases WHERE name = ${quoteText(schema)}`, {
    fetch: true,
  });
  const engine = table.rows[0]?.textAt(0);
  // A user without the privilege to create databases uses an existing one.
  if (engine === undefined) await session.execute(`CREATE DATABASE IF NOT EXISTS ${quoteWritten(schema)}`);
  else if (!exchangesTables(engine) || engine === 'Replicated') return engine;
  return null;
}

/** @returns null if there is no such table */
export async function standingTable(session: Session, { schema, table }: TableName): Promise<StandingTable | null> {
  const { table: found } = await session.execute(
    `SELECT engine, concat('c ', comment), toString(${TABLE_UUID}) FROM system.tables WHERE ` +
      `database = ${quoteText(schema)} AND name = ${quoteText(table)}`,
    { fetch: true },
  );
  const [row] = found.rows;
  return row === undefined ? null : { kind: row.textAt(0), comment: row.textAt(1).slice(2), uuid: row.textAt(2) };
}

/** Drops what killed runs left. What cannot be dropped is left to the next run. @param prefix of names */
export async function dropBeside(session: Session, schema: string, prefix: string): Promise<void> {
  const { table: found } = await session.execute(
    `SELECT name FROM system.tables WHERE database = ${quoteText(schema)} AND startsWith(name, ${quoteText(prefix)})`,
    { fetch: true },
  );
  for (const row of found.rows)
    await dropStaged(session, besideName({ schema, table: row.textAt(0) })).catch(() => undefined);
}

/** @param staged quoted for SQL */
export async function dropStaged(session: Session, staged: string): Promise<void> {
  await session.execute(`DROP TABLE IF EXISTS ${staged} SYNC${ANY_SIZE}`);
}

/** @param name quoted for SQL */
export async function commentTable(session: Session, name: string, comment: string): Promise<void> {
  await session.execute(`ALTER TABLE ${name} MODIFY COMMENT ${quoteText(comment)}`, { settings: LONG_QUERY });
}

/**
 * Exchanges a staging table with the current table.
 * @param standing the inspected current table; null: there was none
 * @returns false, without doing anything, if another table has taken its place since
 */
export async function putInPlace(
  session: Session,
  staged: string,
  name: TableName,
  standing: StandingTable | null,
): Promise<boolean> {
  const now = await standingTable(session, name);
  if (now?.uuid !== standing?.uuid || now?.comment !== standing?.comment) return false;
  const place = besideName(name);
  await session.execute(now === null ? `RENAME TABLE ${staged} TO ${place}` : `EXCHANGE TABLES ${staged} AND ${place}`);
  return true;
}

/** Fills an empty table with the rows of a table of the same structure by hard links. Both names are quoted for SQL. */
export async function attachAll(session: Session, staged: string, from: string): Promise<void> {
  await session.execute(`ALTER TABLE ${staged} ATTACH PARTITION ALL FROM ${from}`);
}
