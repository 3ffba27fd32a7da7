// Writes the changes of one flush from their staging table into the target table. Rejects changes that cannot be
// merged: a value that the source did not send, a source that steps back. merge-changes.ts has the statements.
import type { Session } from '../../adapters/adapter.ts';
import { quoteText } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import type { RowBuffer } from '../formats/rows/row-buffer.ts';
import { stepsBack } from '../formats/debezium/source-position.ts';
import { type LoadColumn, type LoadTarget, rowColumns } from '../settings/load-target.ts';
import { changeChecks, type ChangeKinds, lockTruncates, mergeChanges } from './merge-changes.ts';
import { read } from './statements.ts';

const LACKING = 'a value did not change and the source did not say it, and the table has no row that holds it';
const BACKWARD = 'the source steps back';
/** An error class that is never caused by a row. */
const STOPS = 'TS001';

function kindsOf(rows: RowBuffer): ChangeKinds {
  return { deletes: rows.tombstones > 0, truncates: rows.truncates > 0, partial: rows.partial };
}

/** Whether a flush has only whole rows without deletes, which may be new. */
export function onlyWhole(rows: RowBuffer): boolean {
  return !rows.partial && rows.truncates === 0;
}

/** Fills in what rows of one flush keep from each other. */
export function fillChanges(target: LoadTarget, columns: readonly LoadColumn[], rows: RowBuffer): void {
  if (!rows.partial || target.mode !== 'upsert') return;
  const names = rowColumns(target, columns);
  const deleted = names.indexOf('_deleted');
  rows.fill(names.indexOf('_op'), (cells) => cells[deleted] === 't');
}

/**
 * Merges the staged rows.
 * @throws `database` error of class 22 if a row lacks a value, `runtime` error if the source steps back
 */
export async function flushChanges(
  session: Session,
  target: LoadTarget,
  columns: readonly LoadColumn[],
  stage: string,
  rows: RowBuffer,
): Promise<void> {
  if (target.changes?.truncate === 'apply' && rows.truncates === 0) await session.execute(lockTruncates(target));
  const { lacking, backward } = changeChecks(target, columns, stage);
  if (rows.partial && (await read(session, lacking)).length > 0)
    throw new TsdbtError('database', LACKING, { code: '22000' });
  let merged = 0;
  for (const statement of mergeChanges(target, columns, stage, kindsOf(rows)))
    merged += Number((await session.execute(statement)).response.rows_affected ?? 0);
  // Changes that the table already has were skipped: they were delivered again, or the source's positions have
  // restarted.
  if (merged >= rows.latest().length && rows.tombstones === 0 && !rows.partial) return;
  const [row] = await read(session, backward);
  if (row !== undefined) throw backwardError(target, row.map(String));
}

/** The same as part of a PL/pgSQL block, for flushes with rejected rows. */
export function changeWrites(
  target: LoadTarget,
  columns: readonly LoadColumn[],
  source: string,
  rows: RowBuffer,
): string[] {
  const { lacking, backward } = changeChecks(target, columns, source);
  return [
    `if exists (${lacking}) then raise exception using errcode = '22000', message = ${quoteText(LACKING)}; end if`,
    `if exists (${backward}) then raise exception using errcode = '${STOPS}', message = ${quoteText(BACKWARD)}; end if`,
    ...mergeChanges(target, columns, source, kindsOf(rows)),
  ];
}

function backwardError(target: LoadTarget, [source, lsn, at, was, behind, before]: readonly string[]): TsdbtError {
  const which =
    source === was
      ? `position ${lsn} at ${at} is behind position ${behind} at ${before}`
      : `its rows come from source '${was}', and changes from '${source}'`;
  return stepsBack(target, which);
}
