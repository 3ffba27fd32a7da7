// Builds the manifest from files in dbt's order: each phase of the parse is one call here. Pure: takes texts and
// values, returns a manifest. Each phase has a folder of that name.
import type { Adapter } from '../adapters/adapter.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { RuntimeConfig, SourceFile } from '../contracts/project.ts';
import type { LogEvent, Logger } from '../log.ts';
import { checkManifest, checkProject } from './check/checks.ts';
import { checkOwnSettings } from './check/own-settings.ts';
import { readPublications } from './check/publications.ts';
import { RelationNames } from './config/relation-names.ts';
import { graphMaps } from './link/graph-maps.ts';
import { linkMacros } from './link/macros.ts';
import { linkNodes } from './link/nodes.ts';
import { patchProperties } from './patch/properties.ts';
import { type MacroFacts, macroNodes, readMacros } from './read/macros.ts';
import { readNodes } from './read/nodes.ts';
import { createParseRendering } from './read/parse-rendering.ts';
import { InertMacros } from './shortcuts/inert-macros.ts';
import type { ParseClock } from './table/parse-clock.ts';
import { ParseState } from './table/parse-state.ts';
import { writableManifest } from './table/writable-manifest.ts';

export interface ParseInput {
  readonly config: RuntimeConfig;
  readonly files: readonly SourceFile[];
  readonly adapter: Pick<
    Adapter,
    'type' | 'createRelation' | 'relations' | 'quote' | 'capabilities' | 'connectionInfo'
  >;
  readonly logger: Logger;
  /** Returns macros of built-in packages from the build; their files are then not read. */
  readonly builtinMacros?: (() => readonly MacroFacts[] | undefined) | undefined;
  /** Called when a phase ends. */
  readonly clock?: ParseClock | undefined;
}

export interface ParseOutput {
  readonly manifest: Manifest;
  readonly warnings: readonly LogEvent[];
  /** Environment variables that templates read, with their values. A cached parse is valid while they are unchanged. */
  readonly envVars: Readonly<Record<string, string>>;
  /**
   * Parts of the command that templates and checks read, see CommandRecorder. A cached parse is valid while they are
   * unchanged.
   */
  readonly command: readonly string[];
  /** The same for on-run hooks, which can be rendered again without a full parse. */
  readonly hookCommand: readonly string[];
  /** Nodes whose text a template or a unit test read, so that editing it may change other nodes. */
  readonly readers: readonly string[];
}

/**
 * Parses a project. Each phase takes the table of the previous phase and returns a new one.
 * @throws TsdbtError the first error, with file and line where known
 */
export function parseProject(input: ParseInput): ParseOutput {
  const { config, files, adapter, logger } = input;
  const state = new ParseState(config, adapter, logger, files, input.clock);
  const { clock } = state;

  const facts = readMacros(state, input.builtinMacros?.() ?? []);
  const { macros, ids } = linkMacros(state, macroNodes(state, facts), facts);
  clock.ended('macros');

  const inert = new InertMacros(state, macros, ids);
  const { rendering, envVars, hookCommand } = createParseRendering(state, adapter, macros, inert);
  const tools = { state, rendering, names: new RelationNames(state, rendering, macros) };
  const read = readNodes(tools);
  const patched = patchProperties(tools, read, macros, ids, inert);
  const linked = linkNodes(tools, patched);
  const checked = checkProject(tools, linked);

  checkOwnSettings(state, checked);
  const publications = readPublications(state, checked);
  const maps = graphMaps(checked, publications);
  const manifest = writableManifest(state, checked, maps, publications);
  checkManifest(tools, checked, maps.child_map);
  clock.ended('links');
  return {
    manifest,
    warnings: state.warnings.all,
    envVars: Object.fromEntries(envVars),
    command: [...state.command],
    hookCommand: [...hookCommand],
    readers: [...state.textReaders],
  };
}
