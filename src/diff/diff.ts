// Compares two relations by key: which rows are on one side only, which columns differ. In the database where both are
// in one, by two sorted streams elsewhere.
import { bothSides } from './both-sides.ts';
import type { DiffSide } from './dialect.ts';
import { diffInDatabase } from './in-database.ts';
import { type DiffRequest, planDiff } from './plan.ts';
import type { DiffResult } from './result.ts';
import { diffStreams } from './streams.ts';

/**
 * @param together both sides are read in the session of `here`, which reaches both relations
 * @throws `usage` for columns that are not there, `runtime` for a missing relation and a key that names no row
 */
export async function diffRelations(
  here: DiffSide,
  there: DiffSide,
  request: DiffRequest,
  together: boolean,
): Promise<DiffResult> {
  await (together ? here.open([there]) : bothSides(here.open(), there.open()));
  const plan = await planDiff(here, there, request);
  const found = await (together ? diffInDatabase : diffStreams)(here, there, plan, request);
  return {
    ...found,
    key: plan.key.map(({ name }) => name),
    columns: plan.columns.map(({ name }) => name),
    onlyHere: plan.onlyHere,
    onlyThere: plan.onlyThere,
    notCompared: plan.notCompared,
  };
}
