// Measures how old nodes are outside of a run: for promises. Thresholds and sources.json are left to `source
// freshness`.
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
  /** Column or expression; null: what the source says itself. */
  readonly field: string | null;
  /** Condition on the rows that count. */
  readonly filter: string | null;
}

/**
 * Answers in the order of the questions, one after the other on one connection. What cannot be measured has an error.
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
