// Compares two relations by key: rows that are only on one side, and columns that differ. Runs in the database if both
// are in one, otherwise by two sorted streams.
import { bothSides } from './both-sides.ts';
import type { DiffSide } from './dialect.ts';
import { diffInDatabase } from './in-database.ts';
import { type DiffRequest, planDiff } from './plan.ts';
import type { DiffResult } from './result.ts';
import { diffStreams } from './streams.ts';

/**
 * @param together whether both sides are read in the session of `here`, which reaches both relations
 * @throws `usage` for unknown columns, `runtime` for a missing relation or a key that is not unique
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
