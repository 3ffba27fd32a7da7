// retry: the last command again, on the nodes that failed, were skipped or were running when it was killed.
import { join, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { readArtifact } from '../../artifacts.ts';
import type { Json } from '../../contracts/node.ts';
import type { Flags } from '../../contracts/project.ts';
import type { BatchResults, RunResult, RunResultsArtifact } from '../../contracts/results.ts';
import { TsdbtError } from '../../errors.ts';
import { projectResults, readJournal } from '../../state/journal.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse, runSelected } from './run.ts';

const RETRIED = new Set(['error', 'fail', 'skipped', 'runtime error', 'partial success']);
const RETRYABLE = new Set(['build', 'run', 'test', 'seed', 'snapshot', 'compile', 'generate', 'run-operation', 'clone']);
/** What the retry says itself wins over what the first command said. */
const OWN = new Set(['which', 'state', 'target', 'project_dir', 'profiles_dir', 'threads', 'full_refresh', 'log_path', 'log_format', 'log_level', 'log_format_file', 'log_level_file', 'invocation_command', 'vars']);

export async function retryCommand(session: CommandSession): Promise<boolean> {
  const previous = previousRun(session);
  const which = String(previous.args['which'] ?? '');
  if (!RETRYABLE.has(which)) throw new TsdbtError('runtime', `dbt retry is not supported for the '${which}' command`);
  const kept = Object.fromEntries(Object.entries(previous.args).filter(([name]) => !OWN.has(name)));
  const vars = { ...(previous.args['vars'] as { [name: string]: Json } | undefined), ...(session.flags['vars'] as { [name: string]: Json } | undefined) };
  const full_refresh = session.flags.full_refresh || previous.args['full_refresh'] === true;
  const flags = { ...session.flags, ...kept, vars, full_refresh, which, select: [], exclude: [], selector: null } as unknown as Flags;
  const again: CommandSession = { ...session, which, flags, invocation: { ...session.invocation, args: { ...session.invocation.args, ...kept, which, full_refresh } } };
  const parsed = await loadAndParse(again);
  const failed = new Set(failedOf(previous.results).filter((id) => parsed.dag.has(id)));
  return runSelected(again, parsed, failed, [], { startedAt: previous.startedAt, batches: failedBatches(previous.results) });
}

/** What the last run left: its results, or, when it was killed, its journal. */
function previousRun(session: CommandSession): { args: { readonly [name: string]: Json }; results: readonly RunResult[]; startedAt: number } {
  const folder = resolve(session.projectDir, (session.flags['state'] as string | undefined) ?? session.flags.target_path ?? 'target');
  const journal = readJournal(join(folder, 'run.journal'));
  if (journal !== null && !journal.ended) return { args: journal.start.args, results: projectResults(journal), startedAt: Date.parse(journal.start.started_at) };
  const path = join(folder, 'run_results.json');
  if (!existsSync(path)) throw new TsdbtError('runtime', `Could not find previous run in '${folder}' target directory`);
  const artifact = readArtifact<RunResultsArtifact>(path, 'run-results');
  const { args, results, metadata } = artifact;
  return { args, results, startedAt: Date.parse(metadata.invocation_started_at ?? metadata.generated_at) };
}

function failedOf(results: readonly RunResult[]): string[] {
  return results.filter((r) => RETRIED.has(r.status)).map((r) => r.unique_id);
}

/** A microbatch model of which no batch succeeded begins anew, with a full refresh where that was asked for. */
function failedBatches(results: readonly RunResult[]): Map<string, BatchResults> {
  return new Map(results.flatMap(({ unique_id, batch_results: batches }) => (batches && batches.successful.length > 0 && batches.failed.length > 0 ? [[unique_id, batches]] : [])));
}
