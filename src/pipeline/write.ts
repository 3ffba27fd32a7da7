// The last stage: writes the artifacts of a command, each atomically. src/artifacts.ts builds their JSON.
import { join } from 'node:path';
import { MANIFEST_FILES, writeArtifact, writeGraphSummary, writeManifest, writeRunResults } from '../artifacts.ts';
import type { RunResult, SourcesArtifact } from '../contracts/results.ts';
import type { RunContext } from '../runner/context.ts';
import { typeInId } from '../graph/node-facts.ts';
import { type Freshness, type FreshNode, freshNode, freshnessResult } from '../runner/kinds/freshness.ts';
import { artifactMetadata } from '../runner/metadata.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import type { RunOutcome } from '../runner/run.ts';
import { toText } from '../values/index.ts';

/** Writes manifest.json with compiled code, and run_results.json. */
export function write(parsed: ParsedProject, ctx: RunContext, results: readonly RunResult[], elapsed: number): void {
  const { config, secrets, targetPath, now } = parsed;
  if (!config.flags.write_json) return;
  writeManifest(targetPath, ctx.manifest, secrets, parsed);
  for (const [type, file] of MANIFEST_FILES) ctx.log.artifactWritten(type, join(targetPath, file));
  const { sample } = ctx.scopes;
  const args =
    sample === null
      ? config.invocation.args
      : {
          ...config.invocation.args,
          sample: { start: toText(sample.start).replace(' ', 'T'), end: toText(sample.end).replace(' ', 'T') },
        };
  writeRunResults(
    targetPath,
    { metadata: artifactMetadata(config, 'run-results', 6, now()), results: [...results], elapsed_time: elapsed, args },
    secrets,
  );
  // The journal may end only after the artifacts are written.
  ctx.journal?.end(new Date(now()).toISOString(), elapsed);
  ctx.log.artifactWritten('RunExecutionResult', join(targetPath, 'run_results.json'));
}

/** Writes graph_summary.json: the graph's edges in compact form. */
export function writeSummary(parsed: ParsedProject): void {
  const { dag, config, targetPath } = parsed;
  const nodes = dag.nodes.map((id) => ({
    name: id,
    type: typeInId(id),
    successors: dag.childPlaces(id),
  }));
  writeGraphSummary(
    targetPath,
    config.invocation.invocation_id,
    nodes,
    config.flags.which === 'build' ? nodes : null,
    parsed.secrets,
  );
}

/**
 * Writes sources.json. Models go to freshness.json, because readers of sources.json expect only sources. As in dbt,
 * both contain only what could be measured.
 * @param path of sources.json, instead of the default in the target folder
 */
export function writeFreshness(
  parsed: ParsedProject,
  { results, elapsed }: Pick<RunOutcome, 'results' | 'elapsed'>,
  measured: ReadonlyMap<string, Freshness>,
  path = join(parsed.targetPath, 'sources.json'),
): void {
  const { config, manifest, secrets, targetPath, now } = parsed;
  if (!config.flags.write_json) return;
  const report = (type: FreshNode['resource_type']): SourcesArtifact => ({
    metadata: artifactMetadata(config, 'sources', 3, now()),
    results: results.flatMap((r): SourcesArtifact['results'] => {
      const node = freshNode(manifest, r.unique_id);
      const found = measured.get(r.unique_id);
      if (node?.resource_type !== type) return [];
      if (found !== undefined) return [freshnessResult(node, r, found)];
      return type === 'source' ? [] : [{ unique_id: r.unique_id, error: r.message, status: 'runtime error' }];
    }),
    elapsed_time: elapsed,
  });
  writeArtifact(path, report('source'), secrets);
  const models = report('model');
  if (models.results.length > 0) writeArtifact(join(targetPath, 'freshness.json'), models, secrets);
}
