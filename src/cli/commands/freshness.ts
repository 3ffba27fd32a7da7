// source freshness: measures selected sources, and models that promise a freshness; writes sources.json, and
// freshness.json for the models.
import { isAbsolute, join } from 'node:path';
import { writeArtifact } from '../../artifacts.ts';
import type { RunResult, SourcesArtifact } from '../../contracts/results.ts';
import { createRunContext, type ParsedProject, reportCounts, run, select } from '../../index.ts';
import { deprecation } from '../../project/deprecations.ts';
import {
  type Freshness,
  type FreshNode,
  freshnessKind,
  freshnessResult,
  hasFreshness,
} from '../../runner/kinds/freshness.ts';
import { projectHooks } from '../../runner/hooks.ts';
import { artifactMetadata } from '../../runner/metadata.ts';
import type { NodeKind } from '../../runner/node.ts';
import { printResultError, succeeded } from '../../runner/summary.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { loadAndParse } from './run.ts';

export async function freshnessCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal } = session;
  const parsed = await loadAndParse(session);
  if (flags['output'])
    deprecation(logger, 'CustomOutputPathInSourceFreshnessDeprecation', { path: String(flags['output']) });
  const selection = select(parsed, {
    accepts: (id) => {
      const node = freshNode(parsed, id);
      return node !== null && hasFreshness(node);
    },
  });
  const before = createRunContext(parsed, selection.selected);
  reportCounts(parsed, before.log);
  for (const warning of selection.warnings) logger.fire(warning);
  const measured = new Map<string, Freshness>();
  let results: readonly RunResult[] = [];
  let elapsed = 0;
  let interrupted = false;
  if (selection.selected.size === 0) before.log.nothingToDo();
  else {
    const hooked = projectHooks(before, 'on-run-start').length + projectHooks(before, 'on-run-end').length > 0;
    if (hooked && flags['source_freshness_run_project_hooks'] === false)
      deprecation(logger, 'SourceFreshnessProjectHooksNotRun', {});
    const kind = freshnessKind(measured) as NodeKind;
    ({ results, elapsed, interrupted } = await run(
      parsed,
      { selected: selection.selected, signal },
      {
        ctx: before,
        kindOf: () => kind,
        stopped: (stopped) => {
          if (flags.write_json) writeReport(session, parsed, stopped.results, measured, stopped.elapsed);
        },
      },
    ));
  }
  if (flags.write_json) writeReport(session, parsed, results, measured, elapsed);
  for (const r of results) if (r.status === 'error' || r.status === 'runtime error') printResultError(before.log, r);
  if (interrupted) throw new Interrupted();
  before.log.freshnessDone();
  return succeeded(results);
}

function writeReport(
  session: CommandSession,
  parsed: ParsedProject,
  results: readonly RunResult[],
  measured: ReadonlyMap<string, Freshness>,
  elapsed: number,
): void {
  const report = (type: FreshNode['resource_type']): SourcesArtifact => ({
    metadata: artifactMetadata(parsed.config, 'sources', 3, now()),
    results: results.flatMap((r): SourcesArtifact['results'] => {
      const node = freshNode(parsed, r.unique_id);
      const found = measured.get(r.unique_id);
      if (node?.resource_type !== type) return [];
      return [
        found === undefined
          ? { unique_id: r.unique_id, error: r.message, status: 'runtime error' }
          : freshnessResult(node, r, found),
      ];
    }),
    elapsed_time: elapsed,
  });
  const asked = session.flags['output'];
  const path =
    typeof asked === 'string' && asked !== ''
      ? isAbsolute(asked)
        ? asked
        : join(session.cwd, asked)
      : join(parsed.targetPath, 'sources.json');
  writeArtifact(path, report('source'), parsed.secrets);
  // Apart: what reads sources.json expects sources in it.
  const models = report('model');
  if (models.results.length > 0) writeArtifact(join(parsed.targetPath, 'freshness.json'), models, parsed.secrets);
}

function freshNode({ manifest }: ParsedProject, id: string): FreshNode | null {
  const node = manifest.sources[id] ?? manifest.nodes[id];
  return node?.resource_type === 'source' || node?.resource_type === 'model' ? node : null;
}
