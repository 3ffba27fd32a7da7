// publish --list: lists which version of each publication its target has and how old it is, as lines or one JSON
// document.
import { note, print } from '../../events/index.ts';
import { pluralize } from '../../log.ts';
import { copiesOf, type Copy } from '../../index.ts';
import { durationText } from '../../values/duration.ts';
import { dateTime, isoTime } from '../../values/utc-text.ts';
import { inColumns } from '../columns.ts';
import { type CommandSession, now } from '../command-session.ts';
import { loadAndParse } from './run.ts';

/** @returns true, whatever the targets have */
export async function listCopies(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  const copies = await copiesOf(await loadAndParse(session, { write: false }));
  if (flags['output'] === 'json')
    print(logger, JSON.stringify({ generated_at: isoTime(now()), copies: copies.map(document) }));
  else if (copies.length === 0) note(logger, 'No publication is selected', { level: 'warn' });
  else for (const line of linesOf(copies)) print(logger, line);
  return true;
}

function ageMs(publishedAt: string): number {
  return Math.max(0, now() - Date.parse(publishedAt));
}

function linesOf(copies: readonly Copy[]): string[] {
  return inColumns([
    ['NODE', 'TO', 'TABLE', 'ROWS', 'PUBLISHED (UTC)', 'AGE', 'RUN', 'VERSION'],
    ...copies.map(({ publication: { config }, of, standing }) => {
      const place = [of.split('.').slice(2).join('.'), config.to, config.table ?? config.path ?? ''];
      // A copy that was dropped there was published once.
      if (standing === null) return [...place, '-', 'no copy', '-', '-', '-'];
      const { rows, publishedAt, runId, version, lostFiles = 0 } = standing;
      const age = durationText(Math.floor(ageMs(publishedAt) / 1000) * 1000);
      const at = dateTime(Date.parse(publishedAt));
      const damage = lostFiles === 0 ? [] : [`damaged: ${pluralize(lostFiles, 'file')} missing or of another size`];
      return [...place, String(rows), at, age, runId, version.slice(0, 12), ...damage];
    }),
  ]);
}

/** The keys are documented in docs/publish.md and must not change. */
function document({ publication: { unique_id, config }, of, standing }: Copy): object {
  return {
    unique_id,
    of,
    to: config.to,
    table: config.table,
    path: config.path,
    mode: config.mode,
    version: standing?.version ?? null,
    run_id: standing?.runId ?? null,
    rows: standing?.rows ?? null,
    published_at: standing?.publishedAt ?? null,
    lost_files: standing?.lostFiles ?? null,
    age_seconds: standing === null ? null : Math.floor(ageMs(standing.publishedAt) / 1000),
  };
}
