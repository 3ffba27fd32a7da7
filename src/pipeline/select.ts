// The third stage: selects the nodes of a command. The selector in src/graph evaluates the criteria.
import { resourceTypesFor } from '../graph/resource-types.ts';
import { type SelectOptions, type Selection, select as selectNodes } from '../graph/selector.ts';
import { parseSelectorDefinitions } from '../graph/selector-grammar.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';

export interface SelectingOptions extends Pick<SelectOptions, 'select' | 'accepts' | 'includeEmpty' | 'resourceTypes'> {
  /** Command whose resource types apply instead of the current command's. */
  readonly which?: string;
}

/** Selects the nodes of a command by `--select`, `--exclude`, `--selector` and the command's resource types. */
export function select(parsed: ParsedProject, { which, accepts, ...options }: SelectingOptions = {}): Selection {
  const { config, manifest, dag, facts, previousState, columns } = parsed;
  const { flags, project } = config;
  return selectNodes(manifest, dag, {
    select: flags.select,
    exclude: flags.exclude,
    selector: flags.selector,
    definitions: parseSelectorDefinitions(project.selectors, flags.indirect_selection),
    indirectSelection: flags.indirect_selection,
    previousState,
    columns,
    facts,
    resourceTypes: resourceTypesFor(which ?? flags.which, {
      include: flags.resource_types ?? undefined,
      exclude: flags.exclude_resource_types ?? undefined,
      inline: Boolean(flags.inline),
    }),
    accepts: publishesLate(parsed, which ?? config.flags.which) ?? accepts,
    ...options,
  });
}

/** Commands that run no tests: they publish only what does not wait for a test. */
const WITHOUT_TESTS: ReadonlySet<string> = new Set(['run', 'seed', 'snapshot']);

/** The publications that these commands exclude; undefined: none. */
function publishesLate({ manifest: { publications } }: ParsedProject, which: string): SelectOptions['accepts'] {
  if (publications === undefined || !WITHOUT_TESTS.has(which)) return undefined;
  return (id) => publications[id]?.config.when !== 'green';
}
