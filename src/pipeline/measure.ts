// Measures the age of nodes' data outside of a run, for SLAs. `source freshness` handles thresholds and sources.json.
import type { Adapter } from '../adapters/adapter.ts';
import { TsdbtError } from '../errors.ts';
import { createRunContext } from '../runner/context.ts';
import { type NewestRow, newestRow } from '../runner/kinds/freshness.ts';
import { nodeWithRows } from '../runner/nodes.ts';
import { openSession } from '../runner/open-session.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';

/** What to measure. */
export interface FreshnessQuestion {
  readonly uniqueId: string;
  /** Column or expression; null: what the source itself reports. */
  readonly field: string | null;
  /** Condition on the rows that are measured. */
  readonly filter: string | null;
}

/**
 * Returns answers in the order of the questions, measured one after the other on one connection. An answer is an error
 * if the age cannot be measured.
 * @param adapter of the project's target; its owner closes it
 */
export async function measureFreshness(
  parsed: ParsedProject,
  questions: readonly FreshnessQuestion[],
  adapter: Adapter = parsed.adapter,
): Promise<(NewestRow | TsdbtError)[]> {
  const ctx = createRunContext({ ...parsed, adapter }, new Set());
  const answers: (NewestRow | TsdbtError)[] = [];
  for (const { uniqueId, field, filter } of questions) {
    const node = nodeWithRows(parsed.manifest.nodes[uniqueId] ?? parsed.manifest.sources[uniqueId]);
    if (node === null) {
      answers.push(new TsdbtError('internal', `${uniqueId} has no rows`));
      continue;
    }
    const session = openSession(ctx, uniqueId, node);
    try {
      answers.push(await newestRow(ctx, node, { field, filter }, session));
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      answers.push(error);
    } finally {
      await session.release();
    }
  }
  return answers;
}
