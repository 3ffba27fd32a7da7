// Statements that merge flushed changes of another database into the table by key, in the source's order: its position,
// then the offset. sink.ts sends them; row-encoder.ts defines the temporary content of `_op`.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { type LoadColumn, type LoadTarget, rowColumns } from '../settings/load-target.ts';
import { relationOf, STATE_SCHEMA } from './load-offsets.ts';
import { tableName } from './table.ts';

/** What the flushed rows contain besides whole rows. */
export interface ChangeKinds {
  readonly deletes: boolean;
  readonly truncates: boolean;
  /** Rows that keep columns of the previous row. */
  readonly partial: boolean;
}

/** Up to which position of its source a table was truncated. */
export const CREATE_TRUNCATES: readonly string[] = [
  `create table if not exists ${STATE_SCHEMA}.load_truncates (relation text primary key, lsn bigint not null)`,
];
export const TRUNCATES_PRESENT = `select to_regclass('${STATE_SCHEMA}.load_truncates') is not null`;

export function noteNoTruncate(target: LoadTarget): string {
  return (
    `insert into ${STATE_SCHEMA}.load_truncates (relation, lsn) values (${quoteText(relationOf(target))}, -1) ` +
    'on conflict (relation) do nothing'
  );
}

/** Prevents a truncate by another loader until the end of the transaction. */
export function lockTruncates(target: LoadTarget): string {
  return `select lsn from ${STATE_SCHEMA}.load_truncates where relation = ${quoteText(relationOf(target))} for share`;
}

/**
 * The position of the last truncate, and its offset if the flush contains it. Changes of one transaction may have the
 * same position; the offset then tells which of them follow the truncate.
 */
function lastTruncate(target: LoadTarget, source: string): { readonly lsn: string; readonly offset: string } {
  const lsn = `(select lsn from ${STATE_SCHEMA}.load_truncates where relation = ${quoteText(relationOf(target))})`;
  return { lsn, offset: `(select coalesce(max(_offset), -1) from ${source} where _op = 't' and _lsn = ${lsn})` };
}

/** The rows of a flush as a subquery. */
class ChangeMerge {
  readonly #target: LoadTarget;
  readonly #names: readonly string[];
  readonly #list: string;
  readonly #key: string;
  readonly #table: string;
  readonly #source: string;

  constructor(target: LoadTarget, columns: readonly LoadColumn[], source: string) {
    this.#target = target;
    this.#names = rowColumns(target, columns);
    this.#list = this.#names.map(quoteIdentifier).join(', ');
    this.#key = target.key.map(quoteIdentifier).join(', ');
    this.#table = tableName(target);
    const { changes } = target;
    const last = lastTruncate(target, source);
    this.#source =
      changes?.truncate === 'apply'
        ? `(select * from ${source} where _op <> 't' and (_source is null or _lsn > ${last.lsn} or ` +
          `(_lsn = ${last.lsn} and _offset > ${last.offset}))) as tsdbt_changes`
        : source;
  }

  /** The last change of each key. @param where which changes count */
  #last(where = ''): string {
    return (
      `select distinct on (${this.#key}) ${this.#list} from ${this.#source}${where} ` +
      `order by ${this.#key}, _lsn desc, _offset desc`
    );
  }

  #sameKey(a: string, b: string): string {
    return this.#target.key
      .map((name) => `${a}.${quoteIdentifier(name)} = ${b}.${quoteIdentifier(name)}`)
      .join(' and ');
  }

  /** Whole rows. @param changes a query of the last change of each key */
  #whole(changes: string): string {
    const updates = this.#names
      .filter((name) => !this.#target.key.includes(name))
      .map((name) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`);
    return `insert into ${this.#table} as t (${this.#list})
${changes}
on conflict (${this.#key}) do update set ${updates.join(', ')}, _loaded_at = now()
where ${newer('t', 'excluded')}`;
  }

  /** Rows that keep columns. A row that does not exist is inserted, unless it lacks required values. */
  #partial(changes: string): string[] {
    const { key, rest } = this.#target;
    const updates = this.#names.flatMap((name, i) => {
      if (key.includes(name)) return [];
      const column = quoteIdentifier(name);
      if (name === '_op') return [`${column} = left(c._op, 1)`];
      if (name.startsWith('_') && name !== rest) return [`${column} = c.${column}`];
      const kept = name === rest ? `coalesce(t.${column}, '{}') || coalesce(c.${column}, '{}')` : `t.${column}`;
      return [`${column} = case when strpos(c._op, ',${i},') > 0 then ${kept} else c.${column} end`];
    });
    const made = this.#names.map((name) => (name === '_op' ? 'left(c._op, 1)' : `c.${quoteIdentifier(name)}`));
    return [
      `update ${this.#table} as t set ${updates.join(', ')}, _loaded_at = now()
from (${changes}) as c
where ${this.#sameKey('t', 'c')} and length(c._op) > 1 and ${newer('t', 'c')}`,
      `insert into ${this.#table} (${this.#list})
select ${made.join(', ')} from (${changes}) as c where length(c._op) > 1 and c._op not like '_!%'
on conflict (${this.#key}) do nothing`,
    ];
  }

  /** @param insert stores deletes of missing rows, so that older changes that arrive later are ignored */
  #softDeletes(insert: boolean): string[] {
    const meta = this.#names.filter((name) => name.startsWith('_') && name !== this.#target.rest);
    const changes = `(${this.#last()}) as c`;
    // A tombstone keeps the position in the source, and a row that is already deleted.
    const kept = (name: string): string =>
      ['_lsn', '_source', '_source_ts'].includes(name)
        ? `case when c._source is null then t.${name} else c.${name} end`
        : `c.${quoteIdentifier(name)}`;
    return [
      `update ${this.#table} as t set ${meta
        .map((name) => `${quoteIdentifier(name)} = ${kept(name)}`)
        .join(', ')}, _loaded_at = now()
from ${changes}
where c._deleted and (c._source is not null or t._deleted is not true) and ${this.#sameKey('t', 'c')}
and ${newer('t', 'c')}`,
      ...(insert
        ? [
            `insert into ${this.#table} (${this.#list})
select ${this.#list} from ${changes} where c._deleted and c._source is not null on conflict (${this.#key}) do nothing`,
          ]
        : []),
    ];
  }

  /** Deletes everything older than the flush's last truncate. */
  truncates(source: string): string[] {
    const { changes } = this.#target;
    if (changes?.truncate !== 'apply') return [];
    const relation = quoteText(relationOf(this.#target));
    const { lsn, offset } = lastTruncate(this.#target, source);
    const older = `(_lsn < ${lsn} or (_lsn = ${lsn} and _offset < ${offset}))`;
    return [
      `update ${STATE_SCHEMA}.load_truncates set lsn = greatest(lsn, (select max(_lsn) from ${source} where ` +
        `_op = 't')) where relation = ${relation}`,
      changes.deletes === 'hard'
        ? `delete from ${this.#table} where ${older}`
        : `update ${this.#table} set _deleted = true, _op = 't', _lsn = ${lsn}, _loaded_at = now() ` +
          `where ${older} and not _deleted`,
    ];
  }

  statements({ deletes, partial }: Omit<ChangeKinds, 'truncates'>, insertDeletes: boolean): string[] {
    const soft = this.#target.changes?.deletes !== 'hard';
    if (!deletes)
      return partial
        ? [this.#whole(`select * from (${this.#last()}) as c where length(_op) = 1`), ...this.#partial(this.#last())]
        : [this.#whole(this.#last())];
    // A row that is inserted and deleted within one flush keeps its values, as over two flushes.
    const rows = soft ? this.#last(' where not _deleted') : `select * from (${this.#last()}) as l where not _deleted`;
    return [
      this.#whole(`select * from (${rows}) as c where length(_op) = 1`),
      ...(partial ? this.#partial(rows) : []),
      ...(soft
        ? this.#softDeletes(insertDeletes)
        : [
            `delete from ${this.#table} as t using (${this.#last()}) as c
where c._deleted and ${this.#sameKey('t', 'c')} and ${newer('t', 'c')}`,
          ]),
    ];
  }

  /** Returns a row if a change keeps a value that the source did not send, and the table does not have the row. */
  lacking(): string {
    return (
      `select 1 from (${this.#last(' where not _deleted')}) as c where c._op like '_!%' and not exists ` +
      `(select from ${this.#table} as t where ${this.#sameKey('t', 'c')}) limit 1`
    );
  }

  /** Returns a row if a change is older than the table's by position and newer by time, or of another source. */
  backward(): string {
    return (
      'select c._source, c._lsn::text, c._source_ts::text, t._source as was, t._lsn::text as behind, ' +
      `t._source_ts::text as at from (${this.#last()}) as c join ${this.#table} as t on ` +
      `${this.#sameKey('t', 'c')} where t._source is not null and (t._source <> c._source or (c._lsn < t._lsn and ` +
      'c._source_ts > t._source_ts)) limit 1'
    );
  }
}

/**
 * Whether the change is newer than the row, and of the same source. Only offsets order a tombstone in its partition.
 */
function newer(row: string, change: string): string {
  return (
    `coalesce(${row}._source = ${change}._source, true) and ` +
    `(${row}._lsn is null or ${row}._lsn < ${change}._lsn or (${row}._lsn = ${change}._lsn and ` +
    `(${row}._offset is null or ${row}._offset < ${change}._offset)) or (${change}._source is null and ` +
    `${row}._topic = ${change}._topic and ${row}._partition = ${change}._partition and ${row}._offset < ` +
    `${change}._offset))`
  );
}

/** @returns statements that merge, in order */
export function mergeChanges(
  target: LoadTarget,
  columns: readonly LoadColumn[],
  source: string,
  kinds: ChangeKinds,
): string[] {
  const merge = new ChangeMerge(target, columns, source);
  // A NOT NULL column cannot store what is unknown of a deleted row.
  const nullable = !columns.some(({ name, stored }) => stored?.required === true && !target.key.includes(name));
  return [...(kinds.truncates ? merge.truncates(source) : []), ...merge.statements(kinds, nullable)];
}

/** Queries that return a row if the changes cannot be merged. */
export function changeChecks(
  target: LoadTarget,
  columns: readonly LoadColumn[],
  source: string,
): { readonly lacking: string; readonly backward: string } {
  const merge = new ChangeMerge(target, columns, source);
  return { lacking: merge.lacking(), backward: merge.backward() };
}
