// publish --list-orphans and --remove-orphans: files of copies that no version references, as lines or one JSON
// document.
import { TsdbtError } from '../../errors.ts';
import { note, print } from '../../events/index.ts';
import { orphansOfCopies, type OrphansOfCopy } from '../../index.ts';
import { pluralize } from '../../log.ts';
import { durationMs } from '../../values/duration.ts';
import { dateTime, isoTime } from '../../values/utc-text.ts';
import { inColumns } from '../columns.ts';
import { type CommandSession, now } from '../command-session.ts';
import { loadAndParse } from './run.ts';

const DAY_MS = 86_400_000;

/** @returns true, whatever is found @throws {TsdbtError} `usage` for an age that would include files of active runs */
export async function listOrphans(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  const remove = flags['remove_orphans'] === true;
  const age = String(flags['older_than'] ?? '3d');
  const ms = durationMs(age);
  if (ms === null || ms < DAY_MS)
    throw new TsdbtError('usage', `'--older-than' must be a time of at least a day, such as 3d, found '${age}'`, {
      hint: 'Younger files may be those of a publication at work.',
    });
  const found = await orphansOfCopies(await loadAndParse(session, { write: false }), { before: now() - ms, remove });
  if (flags['output'] === 'json')
    print(logger, JSON.stringify({ generated_at: isoTime(now()), removed: remove, files: found.flatMap(documents) }));
  else if (found.length === 0) note(logger, 'No publication is selected whose files are left', { level: 'warn' });
  else for (const line of linesOf(found, remove, age)) print(logger, line);
  return true;
}

function linesOf(found: readonly OrphansOfCopy[], remove: boolean, age: string): string[] {
  const rows = found.flatMap(({ publication: { config }, orphans }) =>
    orphans.map(({ file, bytes, modified }) => [
      config.to,
      config.table ?? '',
      String(bytes),
      dateTime(Date.parse(modified)),
      file,
    ]),
  );
  const bytes = found.flatMap(({ orphans }) => orphans).reduce((sum, each) => sum + each.bytes, 0);
  const files = `${pluralize(rows.length, 'file')} of ${pluralize(bytes, 'byte')}`;
  return [
    ...(rows.length === 0 ? [] : inColumns([['TO', 'TABLE', 'BYTES', 'WRITTEN (UTC)', 'FILE'], ...rows])),
    `${files}, older than ${age}, that no snapshot names: ${remove ? 'removed' : 'left there'}`,
  ];
}

/** The keys are documented in docs/publish.md and must not change. */
function documents({ publication: { unique_id, config }, orphans }: OrphansOfCopy): object[] {
  return orphans.map((orphan) => ({ unique_id, to: config.to, table: config.table, ...orphan }));
}
