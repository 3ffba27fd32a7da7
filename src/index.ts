// The library, and the pipeline on one screen: load → parse → select → compile → run → write. Every command calls these
// functions. The command line handles console, process and exit codes.
import type { Selection } from './graph/selector.ts';
import { columnPlace, columnsOfPlace, withColumnSelection } from './pipeline/select-by-columns.ts';
import { announce, compile, conclude, executeNothing, type Observer } from './pipeline/execute.ts';
import { type LoadOptions, load } from './pipeline/load.ts';
import { parse, reuseKeyOf } from './pipeline/parse.ts';
import { select } from './pipeline/select.ts';
import type { ParsedProject } from './runner/parsed-project.ts';
import { compilesOnly, type RunOutcome, run } from './runner/run.ts';

/**
 * Runs a whole command: `tsdbt build` by default, or the command in the options.
 * @returns one result per node; a node's error is in its result
 * @throws {TsdbtError} an error that stops the whole command
 * @example
 * const { results } = await build({ cwd: process.cwd(), env: process.env, options: { select: ['orders+'] } });
 */
export async function build(options: LoadOptions, observer: Observer = {}): Promise<RunOutcome> {
  const loaded = await load(options);
  const parsed = await withColumnSelection(parse(loaded));
  return execute(parsed, select(parsed), observer);
}

/**
 * Executes the selected nodes for the command in the flags, and writes its artifacts. Each node is compiled just before
 * it runs, so that it sees the relations that earlier nodes built.
 * @throws {TsdbtError} an error that stops the whole command
 */
export async function execute(
  parsed: ParsedProject,
  selection: Selection,
  observer: Observer = {},
): Promise<RunOutcome> {
  const ctx = announce(parsed, selection);
  if (selection.selected.size === 0 && observer.retry?.hooks !== true) return executeNothing(parsed, ctx);
  const { signal, retry, durations, patience, progress, kindOf, stopped } = observer;
  const runNodes = compilesOnly(parsed.config.flags.which) ? compile : run;
  const outcome = await runNodes(
    parsed,
    { selected: selection.selected, signal, retry, durations, patience, progress, reuseKey: reuseKeyOf(parsed) },
    {
      ctx,
      kindOf,
      stopped(partial) {
        conclude(parsed, partial, true);
        stopped?.(partial);
      },
    },
  );
  conclude(parsed, outcome);
  return outcome;
}

// Exports in addition to the pipeline, which only tsdbt's own commands use.
export { adapterVersion, type EmbeddedServer, embeddedServer } from './adapters/index.ts';
export type { Table } from './adapters/table.ts';
export { csvOfTable, jsonOfTable, printTable } from './adapters/table-print.ts';
export type { Manifest } from './contracts/manifest.ts';
export type { Flags, Invocation, RuntimeConfig } from './contracts/project.ts';
export type { RunResult } from './contracts/results.ts';
export { formatError, TsdbtError } from './errors.ts';
export type { Selection } from './graph/selector.ts';
export type { LogEvent, Logger } from './log.ts';
export { openAdapter } from './pipeline/load.ts';
export { type Compared, diffCopies, type DiffOptions, diffTargets, type NotCompared } from './pipeline/diff.ts';
export { copiesOf, type Copy } from './pipeline/publication-status.ts';
export { orphansOfCopies, type OrphansOfCopy } from './pipeline/publication-orphans.ts';
export { reportCounts } from './pipeline/counts.ts';
export { withInline } from './pipeline/inline.ts';
export { type ListOutput, listLines } from './pipeline/list.ts';
export { type FreshnessQuestion, measureFreshness } from './pipeline/measure.ts';
export { type PlannedNode, planBuild } from './pipeline/plan-build.ts';
export {
  type ImpactChange,
  type ImpactClass,
  type ImpactOutcome,
  type NodeImpact,
  projectImpact,
} from './pipeline/project-impact.ts';
export { readSourceLock, SOURCE_LOCK, sourceDrift, writeSourceLock } from './pipeline/source-lock.ts';
export { captureUnitTest } from './pipeline/capture-unit-test.ts';
export { checkPolicies, policyTags } from './pipeline/project-policies.ts';
export { LineageAnalysis, openDialect, projectLineage } from './pipeline/project-lineage.ts';
export { type CompiledQueries, OfflineCompiler } from './pipeline/offline-compiler.ts';
export { openOperation, operate, preview } from './pipeline/operation.ts';
export { isSameProject, keptParses, madeOf, parseFiles, projectHash } from './pipeline/parse.ts';
export { recoverKilledRun } from './pipeline/recover.ts';
export { checkProject, type CheckOutcome, type Finding } from './pipeline/static-check.ts';
export { write, writeFreshness } from './pipeline/write.ts';
export { retriedWithAudits } from './runner/audit.ts';
export { createRunContext, type RetriedRun, type RunContext } from './runner/context.ts';
export { type Freshness, freshnessKind, hasFreshness, type NewestRow } from './runner/kinds/freshness.ts';
export { artifactMetadata } from './runner/metadata.ts';
export { outsideInputs, relationOf } from './runner/outside-inputs.ts';
export type { LoadedProject, ParsedProject } from './runner/parsed-project.ts';
export { printResultError, printRunEnd, succeeded } from './runner/summary.ts';
export { Secrets } from './secrets.ts';
export { type PreviousRun, previousRun } from './state/previous-state.ts';
export { columnPlace, columnsOfPlace, withColumnSelection };
export { announce, compile, type LoadOptions, load, type Observer, parse, type RunOutcome, run, select };
