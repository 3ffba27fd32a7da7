// sources sync: asks the database for the columns of the project's sources, and writes them to sources.lock.json or
// compares them with it.
import type { CatalogTable } from '../../contracts/results.ts';
import { fetchSources } from '../../docs/generate.ts';
import { note, print } from '../../events/index.ts';
import {
  announce,
  artifactMetadata,
  openOperation,
  type ParsedProject,
  readSourceLock,
  SOURCE_LOCK,
  select,
  sourceDrift,
  writeSourceLock,
} from '../../index.ts';
import { pluralize } from '../../log.ts';
import { unlessAborted } from '../../within.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { loadAndParse } from './run.ts';

type Columns = ReturnType<typeof sourceColumns>;

export async function syncSourcesCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session, { write: false });
  try {
    return await sync(session, parsed);
  } finally {
    await parsed.adapter.close();
  }
}

/** @returns false if the database could not be read, or `--check` finds a difference */
async function sync(session: CommandSession, parsed: ParsedProject): Promise<boolean> {
  const { flags, logger, secrets } = session;
  const sources = Object.keys(parsed.manifest.sources);
  const selection = select(parsed, { resourceTypes: new Set(['source']), includeEmpty: true });
  const { selected } = selection;
  const catalog = await found(session, parsed, selection);
  if (catalog === null) return false;
  for (const id of selected)
    if (!catalog.has(id)) note(logger, `${id} does not exist in the database`, { level: 'warn' });
  const locked = readSourceLock(parsed) ?? new Map();
  if (flags['check'] === true) {
    const before = new Map([...locked].filter(([id]) => selected.has(id) || !sources.includes(id)));
    const drift = sourceDrift(before, catalog);
    for (const line of drift) print(logger, secrets.mask(line));
    note(logger, `${SOURCE_LOCK}: ${pluralize(drift.length, 'difference')}`, {
      level: drift.length > 0 ? 'error' : 'info',
    });
    return drift.length === 0;
  }
  // Sources that are not selected keep what is known about them.
  const kept = [...locked].filter(([id]) => sources.includes(id) && !selected.has(id));
  const path = writeSourceLock(parsed, new Map([...kept, ...catalog]));
  note(logger, `${pluralize(catalog.size, 'source')} written to ${path}`);
  return true;
}

async function found(
  session: CommandSession,
  parsed: ParsedProject,
  selection: ReturnType<typeof select>,
): Promise<Columns | null> {
  const ctx = announce(parsed, selection);
  const { adapter, executeMacro, release } = await openOperation(parsed, ctx, 'sync_sources');
  session.onEnd(() => adapter.close());
  try {
    const { manifest, config, logger } = parsed;
    const query = { manifest, selected: selection.selected, compiled: true, adapter, executeMacro, logger };
    const done = await unlessAborted(
      session.signal,
      fetchSources(query, artifactMetadata(config, 'catalog', 1, now())),
    );
    if (done === null) throw new Interrupted();
    if (done.value === null) return null;
    return sourceColumns(done.value);
  } finally {
    // After a signal, closing the connection cancels its statement.
    if (!session.signal.aborted) await release();
    await adapter.close();
  }
}

function sourceColumns(tables: Readonly<Record<string, CatalogTable>>): NonNullable<ReturnType<typeof readSourceLock>> {
  const columnsOf = ({ columns }: CatalogTable) =>
    Object.values(columns)
      .sort((one, other) => one.index - other.index)
      .map(({ name, type }) => ({ name, type }));
  return new Map(Object.entries(tables).map(([id, table]) => [id, columnsOf(table)]));
}
