// Tables that are made beside another and take its place in one step: what stands there, what killed runs have left,
// the exchange. What goes into them, and the lease that one at a time needs, are the caller's.
import { createHash } from 'node:crypto';
import type { Session } from '../adapter.ts';
import { TABLE_UUID } from './catalogue.ts';
import { quoteWritten, quoteText } from './literal.ts';
import { LONG_QUERY } from './long-query.ts';
import { exchangesTables } from './server-facts.ts';

/** Nobody reads what is dropped: the server's limits are for tables and partitions of people. */
export const ANY_SIZE = ' SETTINGS max_table_size_to_drop = 0, max_partition_size_to_drop = 0';

/** Longest beginning of a working name, as bytes of a file's name. */
const LONGEST_STEM = 100;

/**
 * What working names of a relation begin with: its name, or of a long one a hash. The server limits names by the
 * length of their files', in which most characters are `%` and two digits for each byte.
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

/** A table or view as it stood when it was looked at. */
export interface StandingTable {
  readonly kind: string;
  readonly comment: string;
  readonly uuid: string;
}

/** As SQL. */
export function besideName({ schema, table }: TableName): string {
  return `${quoteWritten(schema)}.${quoteWritten(table)}`;
}

/** Makes the database where it is missing. @returns its engine when tables of it are not exchanged; else null */
export async function prepareDatabase(session: Session, schema: string): Promise<string | null> {
  const { table } = await session.execute(`SELECT engine FROM system.databases WHERE name = ${quoteText(schema)}`, {
    fetch: true,
  });
  const engine = table.rows[0]?.textAt(0);
  // Who may not create databases writes into one that is there.
  if (engine === undefined) await session.execute(`CREATE DATABASE IF NOT EXISTS ${quoteWritten(schema)}`);
  else if (!exchangesTables(engine) || engine === 'Replicated') return engine;
  return null;
}

/** @returns null: nothing stands there */
export async function standingTable(session: Session, { schema, table }: TableName): Promise<StandingTable | null> {
  const { table: found } = await session.execute(
    `SELECT engine, concat('c ', comment), toString(${TABLE_UUID}) FROM system.tables WHERE ` +
      `database = ${quoteText(schema)} AND name = ${quoteText(table)}`,
    { fetch: true },
  );
  const [row] = found.rows;
  return row === undefined ? null : { kind: row.textAt(0), comment: row.textAt(1).slice(2), uuid: row.textAt(2) };
}

/** Drops what killed runs have left; what cannot be dropped is left to the next one. @param prefix of names */
export async function dropBeside(session: Session, schema: string, prefix: string): Promise<void> {
  const { table: found } = await session.execute(
    `SELECT name FROM system.tables WHERE database = ${quoteText(schema)} AND startsWith(name, ${quoteText(prefix)})`,
    { fetch: true },
  );
  for (const row of found.rows)
    await dropStaged(session, besideName({ schema, table: row.textAt(0) })).catch(() => undefined);
}

/** @param staged as SQL */
export async function dropStaged(session: Session, staged: string): Promise<void> {
  await session.execute(`DROP TABLE IF EXISTS ${staged} SYNC${ANY_SIZE}`);
}

/** @param name as SQL */
export async function commentTable(session: Session, name: string, comment: string): Promise<void> {
  await session.execute(`ALTER TABLE ${name} MODIFY COMMENT ${quoteText(comment)}`, { settings: LONG_QUERY });
}

/**
 * Puts a staged table in the place of the one that stands there, whose place it leaves to that.
 * @param standing what was found there; null: nothing
 * @returns false, and nothing is done, when another has come there since
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

/** Fills an empty table with the rows of another of the same structure by hard links. Both are SQL. */
export async function attachAll(session: Session, staged: string, from: string): Promise<void> {
  await session.execute(`ALTER TABLE ${staged} ATTACH PARTITION ALL FROM ${from}`);
}
