// ls: prints the resources that a selection means.
import { TsdbtError } from '../../errors.ts';
import { createRunContext, reportCounts } from '../../index.ts';
import { resourceTypesFor } from '../../graph/resource-types.ts';
import { select } from '../../graph/selector.ts';
import { type IndirectSelection, parseSelectorDefinitions } from '../../graph/selector-grammar.ts';
import type { CommandSession } from '../command-session.ts';
import { type ListOutput, listLines } from '../list.ts';
import { loadAndParse } from './run.ts';

export async function listCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  const texts = (name: string): readonly string[] => (flags[name] ?? []) as readonly string[];
  const models = texts('models');
  if (models.length > 0 && texts('select').length > 0)
    throw new TsdbtError('runtime', '"models" and "select" are mutually exclusive arguments');
  if (models.length > 0 && texts('resource_types').length > 0)
    throw new TsdbtError('runtime', '"models" and "resource_type" are mutually exclusive arguments');
  const parsed = await loadAndParse(session);
  const { manifest, dag, config } = parsed;
  const indirect = flags.indirect_selection as IndirectSelection;
  const selection = select(manifest, dag, {
    select: models.length > 0 ? models : texts('select'),
    exclude: texts('exclude'),
    selector: flags['selector'] as string | null,
    definitions: parseSelectorDefinitions(config.project.selectors, indirect),
    indirectSelection: indirect,
    includeEmpty: true,
    previousState: parsed.previousState,
    resourceTypes:
      models.length > 0
        ? new Set(['model'])
        : resourceTypesFor('list', { include: texts('resource_types'), exclude: texts('exclude_resource_types') }),
  });
  const { log } = createRunContext(parsed, selection.selected);
  reportCounts(parsed, log);
  if (selection.defaultSelector !== null) log.defaultSelector(selection.defaultSelector);
  for (const warning of selection.warnings) logger.fire(warning);
  if (selection.selected.size === 0) log.noNodesSelected();
  for (const line of listLines(manifest, selection.selected, flags['output'] as ListOutput, texts('output_keys'))) {
    logger.fire({ name: 'PrintEvent', code: 'Z052', level: 'info', msg: line, data: { msg: line } });
  }
  return true;
}
