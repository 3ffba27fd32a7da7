// Renders the on-run hooks of a cached parse again for a command whose flags they read. If their calls are the same, as
// is usual, the cached parse is still valid. Any other difference requires a full parse.
import type { Manifest } from '../contracts/manifest.ts';
import type { ManifestNode } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { typeInId } from '../graph/node-facts.ts';
import { SILENT } from '../log.ts';
import { RelationNames } from './config/relation-names.ts';
import { MacroIds } from './link/macro-ids.ts';
import type { ParseInput } from './build-manifest.ts';
import { readHooks } from './read/nodes.ts';
import { createParseRendering } from './read/parse-rendering.ts';
import { ParseState } from './table/parse-state.ts';
import type { ReadNode } from './table/phases.ts';
import type { ReadTable } from './table/tables.ts';
import { InertMacros } from './shortcuts/inert-macros.ts';

/** The part of the command that is its name. */
export const NAME_OF_COMMAND = 'flags.which';

/** Output and warnings of the hooks were shown when they were parsed. */
/**
 * Returns whether this command would parse the hooks of all packages to what the manifest contains.
 * @param variables the environment variables of the cached parse: the hooks must not read others
 * @returns the parts of the command that the hooks read; null if the hooks differ or cannot be rendered
 */
export function readBySameHooks(
  input: ParseInput,
  manifest: Omit<Manifest, 'metadata'>,
  variables: object,
): readonly string[] | null {
  return sameHooks(input, input.config, manifest, variables)();
}

/** Commands that often follow each other, by dbt's names. */
const OTHERS: readonly string[] = [
  ...['build', 'compile', 'freshness', 'generate', 'list', 'parse', 'run', 'seed', 'show', 'snapshot', 'test'],
];

/** Returns other commands with the same hooks, if the hooks read nothing of the command except its name. */
export function commandsOfSameHooks(
  input: ParseInput,
  manifest: Omit<Manifest, 'metadata'>,
  variables: object,
): readonly string[] {
  const flags = { ...input.config.flags };
  const render = sameHooks(input, { ...input.config, flags }, manifest, variables);
  return OTHERS.filter((which) => {
    if (which === input.config.flags.which) return false;
    flags.which = which;
    return render()?.join() === NAME_OF_COMMAND;
  });
}

/** Returns a function that renders the hooks with the current config. */
function sameHooks(
  { files, adapter }: ParseInput,
  config: RuntimeConfig,
  manifest: Omit<Manifest, 'metadata'>,
  variables: object,
): () => readonly string[] | null {
  const state = new ParseState(config, adapter, SILENT, files);
  const macros = new Map(Object.entries(manifest.macros));
  const ids = new MacroIds(macros.values(), state.root.project_name, state.internalPackages);
  const inert = new InertMacros(state, macros, ids);
  const { rendering, hookCommand, envVars } = createParseRendering(state, adapter, macros, inert);
  const tools = { state, rendering, names: new RelationNames(state, rendering, macros) };
  const kept = Object.keys(manifest.nodes)
    .filter((id) => typeInId(id) === 'operation')
    .flatMap((id) => manifest.nodes[id] ?? []);
  return () => {
    hookCommand.clear();
    let nodes: ReadTable['nodes'];
    try {
      ({ nodes } = readHooks(tools));
    } catch {
      return null;
    }
    const same =
      kept.length === nodes.size &&
      kept.every((node) => {
        const now = nodes.get(node.unique_id);
        return now !== undefined && JSON.stringify(unlinked(node, now)) === JSON.stringify(unlinked(now, now));
      });
    return same && [...envVars.keys()].every((name) => Object.hasOwn(variables, name)) ? [...hookCommand] : null;
  };
}

/** A hook without the fields that linking adds, in the key order of `like`. */
function unlinked(node: ManifestNode | ReadNode, like: object): unknown {
  const fields: { readonly [name: string]: unknown } = { ...node };
  return Object.keys(like).map((name) => {
    if (name === 'created_at') return null;
    return name === 'depends_on' ? node.depends_on.macros : (fields[name] ?? null);
  });
}
