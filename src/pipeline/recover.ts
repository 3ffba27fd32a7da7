// Writes run_results.json of a killed run from its journal. Does not touch the database: statements of the next run
// clean up there.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeRunResults } from '../artifacts.ts';
import { note } from '../events/index.ts';
import { artifactMetadata } from '../runner/metadata.ts';
import type { LoadedProject } from '../runner/parsed-project.ts';
import { projectResults, readJournal } from '../state/journal.ts';

/** Does nothing if the last run completed or is still running. */
export function recoverKilledRun({ config, secrets, targetPath, logger, now, isRunning }: LoadedProject): void {
  const path = join(targetPath, 'run.journal');
  if (!config.flags.write_json || !existsSync(path) || !statSync(path).isFile() || endsWell(path)) return;
  const run = readJournal(path);
  if (run === null || run.ended || isRunning(run.start.pid)) return;
  const metadata = {
    ...artifactMetadata(config, 'run-results', 6, now()),
    invocation_id: run.start.invocation_id,
    invocation_started_at: run.start.started_at,
  };
  writeRunResults(
    targetPath,
    { metadata, results: projectResults(run), elapsed_time: 0, args: run.start.args },
    secrets,
  );
  note(logger, `The last run (${run.start.command}) was killed; its results so far are in run_results.json`, {
    level: 'debug',
  });
}

/** Whether the last line is the end marker of a run. */
function endsWell(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, 256));
    readSync(file, tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8').trimEnd().split('\n').pop()?.startsWith('{"k":"end"') ?? false;
  } finally {
    closeSync(file);
  }
}
