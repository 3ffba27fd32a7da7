// What a sync needs to know about the source's table: columns with their types, key, cursor. Queries only the catalog.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { knownWords } from '../../values/close-matches.ts';
import { XMIN } from '../../settings/load-settings.ts';
import type { SyncTarget } from '../sync/config.ts';
import { read } from './statements.ts';

/** A synced column. */
export interface SourceColumn {
  readonly name: string;
  /** Its type in the target. */
  readonly type: string;
  /** The SELECT expression of its value in the source, with alias `t`. */
  readonly expression: string;
  /** Whether its hash replaces that value. */
  readonly hashed: boolean;
}

/** The source's table. */
export interface SourceTable {
  /** Quoted. */
  readonly name: string;
  /** Together they identify the table within its cluster. */
  readonly oid: string;
  readonly database: string;
  /** The oids of the table and of its partitions and children, separated by spaces; the table's first. */
  readonly tables: string;
  readonly columns: readonly SourceColumn[];
  readonly key: readonly string[];
  /** The cursor's type in the source; null: there is none, or it is `xmin`. */
  readonly cursorType: string | null;
  /** Identifies the cluster, whose transactions `xmin` counts; null: not queried. */
  readonly cluster: string | null;
}

/** @throws `validation` error that says what the source lacks */
export async function sourceTable(session: Session, target: SyncTarget): Promise<SourceTable> {
  const { table, path, cursor } = target;
  const refuse = (message: string, hint?: string): never => {
    throw new TsdbtError('validation', `${target.name} cannot be synced: ${message}`, { path, hint });
  };
  const shown = `${table.schema}.${table.name}`;
  const at = `connection '${target.connection}'`;
  const name = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const [usage] = await read(
    session,
    `select has_schema_privilege(n.oid, 'usage') from pg_namespace as n where n.nspname = ${quoteText(table.schema)}`,
  );
  if (usage === undefined) refuse(`there is no schema '${table.schema}' at ${at}`);
  if (usage?.[0] !== true)
    refuse(`the role of ${at} may not use schema '${table.schema}'`, `grant usage on schema ${table.schema}`);
  const [found] = await read(
    session,
    "select c.oid::text, c.relkind::text, has_any_column_privilege(c.oid, 'select'), current_database()::text " +
      `from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where n.nspname = ` +
      `${quoteText(table.schema)} and c.relname = ` +
      `${quoteText(table.name)} and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
  );
  if (found === undefined) return refuse(`there is no table ${shown} at ${at}`);
  const [oid, kind, may, database] = found;
  if (may !== true) refuse(`the role of ${at} may not read ${shown}`, `grant select on ${shown}`);
  if (cursor === XMIN && !['r', 'p', 'm'].includes(String(kind)))
    refuse(`${shown} is no table, and only tables have ${XMIN}`, 'cursor: a column that grows with changes.');
  const all = new Map(
    (
      await read(
        session,
        'select attname::text, format_type(atttypid, atttypmod) from pg_attribute where attrelid = ' +
          `${String(oid)} and attnum > 0 and not attisdropped order by attnum`,
      )
    ).map(([column, type]) => [String(column), String(type)]),
  );
  const [tree] = await read(
    session,
    `with recursive tree (oid) as (select ${String(oid)}::oid union select i.inhrelid from pg_inherits as i join ` +
      `tree on i.inhparent = tree.oid) select string_agg(oid::text, ' ' order by oid <> ${String(oid)}, oid) from tree`,
  );
  const { columns, hash, drop } = target;
  for (const [option, names] of Object.entries({ columns, hash, drop, key: target.key }))
    for (const column of names)
      if (!all.has(column))
        refuse(
          `${shown} has no column '${column}', which '${option}' names`,
          `${knownWords('Columns', column, [...all.keys()])}.`,
        );
  if (cursor !== null && cursor !== XMIN && !all.has(cursor))
    refuse(`${shown} has no column '${cursor}', the cursor`, `${knownWords('Columns', cursor, [...all.keys()])}.`);
  const wanted = columns.length > 0 ? columns : [...all.keys()].filter((column) => !drop.includes(column));
  const primary = (
    await read(
      session,
      'select a.attname::text from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = ' +
        `any (i.indkey) where i.indrelid = ${String(oid)} and i.indisprimary order by ` +
        'array_position(i.indkey::int2[], a.attnum)',
    )
  ).map(([column]) => String(column));
  const away = primary.filter((column) => !wanted.includes(column));
  const key = target.key.length > 0 ? target.key : away.length === 0 ? primary : [];
  if (target.strategy === 'incremental' && key.length === 0)
    refuse(
      `${shown} has no primary key${away.length === 0 ? '' : ` without '${away.join("', '")}'`}, and strategy: ` +
        'incremental needs one',
      `key: [id] names columns that are unique.${away.length === 0 ? '' : ' A column of the key may be hashed.'}`,
    );
  return {
    name,
    oid: String(oid),
    database: String(database),
    tables: String(tree?.[0]),
    columns: wanted.map((column) => {
      const declared = target.types.get(column);
      const quoted = `t.${quoteIdentifier(column)}`;
      const type = all.get(column) ?? '';
      if (hash.includes(column))
        return { name: column, type: declared ?? 'text', expression: `${quoted}::text`, hashed: true };
      return declared === undefined
        ? { name: column, type, expression: quoted, hashed: false }
        : { name: column, type: declared, expression: `${quoted}::${declared}`, hashed: false };
    }),
    key,
    cursorType: cursor === null || cursor === XMIN ? null : (all.get(cursor) ?? null),
    cluster: cursor === XMIN ? await clusterOf(session) : null,
  };
}

/** Identifies the cluster of a session. */
export async function clusterOf(session: Session): Promise<string> {
  const [row] = await read(session, 'select system_identifier::text from pg_control_system()');
  return String(row?.[0]);
}
