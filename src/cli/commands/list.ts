// ls: prints the resources that a selection matches. src/pipeline/list.ts formats them.
import { errorOf } from '../../error-table.ts';
import { fire, print } from '../../events/index.ts';
import { type ListOutput, listLines, reportCounts, select } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function listCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  const models = flags.models ?? [];
  if (models.length > 0 && flags.select?.length) throw errorOf('exclusiveArguments', { one: 'models', two: 'select' });
  if (models.length > 0 && flags.resource_types?.length)
    throw errorOf('exclusiveArguments', { one: 'models', two: 'resource_type' });
  const parsed = await loadAndParse(session);
  const selection = select(parsed, {
    which: 'list',
    includeEmpty: true,
    ...(models.length > 0 ? { select: models, resourceTypes: new Set(['model']) } : {}),
  });
  // dbt reports counts for `ls` only: `list` prints only resources.
  if (session.typedName !== 'list') reportCounts(parsed);
  if (selection.defaultSelector !== null) fire(logger, 'DefaultSelector', { name: selection.defaultSelector });
  for (const warning of selection.warnings) logger.fire(warning);
  if (selection.selected.size === 0) fire(logger, 'NoNodesSelected', {});
  const { manifest, facts } = parsed;
  const keys = (flags['output_keys'] ?? []) as readonly string[];
  for (const line of listLines(manifest, selection.selected, flags['output'] as ListOutput, keys, facts))
    print(logger, line);
  return true;
}
