// Limits of the analysis of one query: a few words can name endless columns, and patterns can search without end.
import { TooSlow, withinCpu } from '../values/cpu-limit.ts';
import { type QueryLineage, unknownQuery } from './column-lineage.ts';

/** Of one query. Postgres allows 1664. `select a.*, b.*` in a few nested queries names endless ones. */
const MOST_COLUMNS = 10_000;
/** CPU time of one query's analysis in milliseconds. */
export const QUERY_MS = 5_000;

class TooManyColumns extends Error {}

/** @throws an error that `withinLimits` catches */
export function checkWidth(tables: readonly { readonly columns: readonly unknown[] }[], others = 0): void {
  if (tables.reduce((sum, { columns }) => sum + columns.length, others) > MOST_COLUMNS) throw new TooManyColumns();
}

/** Runs the analysis of one query, which must be restartable. A query beyond a limit is unknown. */
export function withinLimits(work: () => QueryLineage): QueryLineage {
  try {
    return withinCpu(QUERY_MS, work);
  } catch (error) {
    if (error instanceof TooManyColumns) return unknownQuery(`a query has more than ${MOST_COLUMNS} columns`);
    if (error instanceof TooSlow) return unknownQuery(`its analysis takes longer than ${QUERY_MS / 1000} s`);
    if (error instanceof RangeError) return unknownQuery('the SQL is nested too deeply');
    throw error;
  }
}
