// Reports what a project contains before anything runs: `Found 20 models, 5 seeds, …`.
import { fire } from '../events/index.ts';
import { typeInId } from '../graph/node-facts.ts';
import { keysOf } from '../graph/unread-record.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { foundCounts } from '../runner/summary.ts';

/** Fires the event with the counts of resources: `Found 20 models, 5 seeds, …`. */
export function reportCounts(parsed: ParsedProject): void {
  const { manifest, facts } = parsed;
  const counts = new Map<string, number>();
  for (const id of keysOf(manifest.nodes)) {
    const type = typeInId(id);
    if (type !== 'test' || facts.isEnabled(id)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  const groups = [
    ['source', 'sources'],
    ['exposure', 'exposures'],
    ['metric', 'metrics'],
    ['macro', 'macros'],
    ['group', 'groups'],
    ['semantic_model', 'semantic_models'],
    ['saved_query', 'saved_queries'],
    ['unit_test', 'unit_tests'],
    ['publication', 'publications'],
  ] as const;
  for (const [word, key] of groups) counts.set(word, keysOf(manifest[key] ?? {}).length);
  fire(parsed.logger, 'FoundStats', { stat_line: foundCounts(counts) });
}
