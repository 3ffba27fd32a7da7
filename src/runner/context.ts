// What a run shares in addition to compilation: macros, scopes, references, log, clock, journal, views, rows to show.
import { join } from 'node:path';
import type { Adapter } from '../adapters/adapter.ts';
import type { Fence } from '../adapters/fence.ts';
import type { ScopeFactory } from '../compiler/node-scope.ts';
import { SharedGraph } from '../context/graph-dict.ts';
import { createMacroResolver, macrosOf, type MacroResolver } from '../context/macro-resolver.ts';
import type { Manifest } from '../contracts/manifest.ts';
import { ManifestLookup } from '../context/manifest-lookup.ts';
import { lineOf } from '../context/templates.ts';
import { createQueryComment } from '../context/query-comment.ts';
import type { CompileContext } from '../compiler/compile-context.ts';
import type { Table } from '../adapters/table.ts';
import type { GraphNode, SourceDefinition } from '../contracts/node.ts';
import type { BatchResults, OverloadResults } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { loadOrigin } from '../project/load-config.ts';
import { DEFAULT_COMMENT } from '../project/project.ts';
import { copyOfRecord } from '../graph/unread-record.ts';
import type { Journal } from '../state/journal.ts';
import type { Credentials } from '../contracts/project.ts';
import { KnownState } from '../state/known-state.ts';
import { type AdapterHooks, createAdapterHooks } from './adapter-hooks.ts';
import { deferTo } from './deferral.ts';
import type { LoadedProject, ParsedProject } from './parsed-project.ts';
import { lookupNode, relationKey } from './nodes.ts';
import type { Receivers } from '../publish/open-targets.ts';
import { RunLog } from './log.ts';
import type { Reuse } from './reuse/decide.ts';
import { sampleWindow } from '../project/sample-window.ts';
import { seedTable } from './seed-table.ts';
import { TestBatches } from './test-batch.ts';
import { makers } from './makers.ts';
import type { TableTexts } from './plain-table.ts';

/** What `retry` knows about the run that it repeats. */
export interface RetriedRun {
  /** When that run began, in milliseconds since 1970: batches end there. */
  readonly startedAt: number;
  /** Batches of microbatch models that partly succeeded: only the failed ones are run. */
  readonly batches: ReadonlyMap<string, BatchResults>;
  /** The results of that run for overloads of functions. */
  readonly overloads: ReadonlyMap<string, OverloadResults>;
  /** A hook of that run failed: on-run-start and on-run-end are run even if no node is left. */
  readonly hooks?: boolean;
}

export interface RunContext extends CompileContext {
  readonly log: RunLog;
  /** The comment before or after each statement of a node; undefined for none. */
  readonly queryComment: (node: GraphNode) => (() => { text: string; append: boolean } | null) | undefined;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
  readonly journal: Journal | null;
  /** The connections of publications. */
  readonly receivers: Receivers;
  /** Called before a node is published; undefined: no check. */
  readonly fence: Fence | undefined;
  /** Null unless this is a retry. */
  readonly retry: RetriedRun | null;
  /** The state of views after the last run. */
  readonly views: KnownState;
  /** The state of each view created in this run, by rendered name. */
  readonly published: Map<string, string>;
  /** Results of `makers` (makers.ts) by materialization. */
  readonly makers: (materialization: string) => string | null;
  /** Statement texts of plain-table.ts by database and schema; null: not usable for any table. */
  readonly tableTexts: Map<string, Promise<TableTexts | null>>;
  /** Returns a stamp that changes whenever the file in target/ is written; null if the file is missing. */
  readonly fileMark: (path: string) => string | null;
  /** Names under which ended sessions returned their connections, the latest last. */
  readonly freeConnections: string[];
  /** When tests last passed, on all rows and on the newest rows. */
  readonly tests: KnownState;
  /** Tests that share statements. */
  readonly batches: TestBatches;
  /** Null without `--reuse`. */
  readonly reuse: Reuse | null;
  /** Nodes of this run that have ended. */
  readonly finished: Set<string>;
  /** Start of the oldest batch of a microbatch model that this run built, by unique_id. */
  readonly oldestBatch: Map<string, number>;
  /** Marks of the rows of built nodes, by unique_id, for publications that wait for tests. */
  readonly built: Map<string, string>;
  /** Returns the sources that `tsdbt load` fills, by relation key; decodes all sources of the manifest once. */
  readonly loadedSources: () => ReadonlyMap<string, SourceDefinition>;
  /** Rows kept for display: previews, seeds, first rows of failed tests. */
  readonly tables: Map<string, Table>;
}

/** The manifest with the run's own nodes and functions; its other tables are decoded lazily. */
function workingManifest(manifest: Manifest): Manifest {
  const own = (value: object): PropertyDescriptor => ({ value, enumerable: true, configurable: true, writable: true });
  return Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(manifest),
    nodes: own(copyOfRecord(manifest.nodes)),
    functions: own({ ...manifest.functions }),
  });
}

/** What is needed to call a macro of a parsed project: the settings of its context, and macro resolution. */
function boundMacros(
  { config, adapter, templates, logger, now, files, loadYaml }: LoadedProject,
  manifest: Manifest,
): { context: ScopeFactory['context']; resolver: MacroResolver } {
  const { project, flags } = config;
  const context: ScopeFactory['context'] = {
    config,
    adapter,
    templates,
    logger,
    env: config.env,
    flags,
    invocation: config.invocation,
    loadYaml,
    clock: now,
    warn: (event) => logger.fire(event),
    graph: new SharedGraph(),
  };
  const resolver = createMacroResolver(
    macrosOf(manifest.macros),
    {
      rootPackage: project.project_name,
      internalPackages: [`dbt_${adapter.type}`, 'dbt'],
      adapterTypes: [adapter.type],
      dispatch: project.dispatch,
      packages: config.packages.map((p) => p.project_name),
      environment: templates.runtime,
    },
    (macro) => lineOf(files.read(macro.original_file_path, macro.package_name), macro.macro_sql),
  );
  return { context, resolver };
}

/**
 * Renders the project's own query comment without a node. dbt does so after each parse, so even before `ls`.
 * @throws {TsdbtError} if it cannot be rendered
 */
export function checkQueryComment(loaded: LoadedProject, manifest: () => Manifest): void {
  const configured = loaded.config.project.query_comment;
  if (configured === null || configured.comment === DEFAULT_COMMENT) return;
  const { context, resolver } = boundMacros(loaded, manifest());
  createQueryComment(context, resolver)('master', null);
}

/** Creates what a run, or a single macro call, needs from a parsed project. */
export function createRunContext(parsed: ParsedProject, selected: ReadonlySet<string>): RunContext {
  const { config, manifest, adapter, logger, now, files, loadYaml } = parsed;
  const { project, flags } = config;
  const { context, resolver } = boundMacros(parsed, manifest);
  const comment = createQueryComment(context, resolver, project.query_comment?.comment === DEFAULT_COMMENT);
  const groups = new Map(Object.values(manifest.groups).map((g) => [g.name, g]));
  const working = workingManifest(manifest);
  if (selected.size > 0 && flags.which !== 'list' && (flags['defer'] === true || flags.which === 'clone'))
    deferTo(working, parsed.deferState);
  const knownState = (file: string): KnownState =>
    new KnownState(
      join(parsed.targetPath, file),
      databaseKey(adapter, config.profile.credentials),
      !flags.full_refresh,
      parsed.seal,
    );
  const views = knownState('view_state.json');
  const tests = knownState('test_state.json');
  const published = new Map<string, string>();
  const known = new Map<string, string | null>();
  const noted: AdapterHooks['views'] = {
    get: (name) => views.get(name),
    set(name, fingerprint, state) {
      views.set(name, fingerprint);
      published.set(name, state);
    },
  };
  const scopes: ScopeFactory = {
    context,
    adapterHooks: createAdapterHooks(working, adapter.type, logger, noted, parsed.secrets),
    lookup: new ManifestLookup(working, {
      facts: parsed.facts,
      rootPackage: project.project_name,
      nodePackageFirst: flags['require_ref_searches_node_package_before_root'] === true,
    }),
    // A retry uses the sample window of the earlier run.
    sample: flags['sample']
      ? sampleWindow(
          typeof flags['sample'] === 'string' ? flags['sample'] : JSON.stringify(flags['sample']),
          loadYaml,
          now(),
        )
      : null,
    loadSeed(node) {
      const text = files.read(node.original_file_path, node.package_name);
      if (text === null) throw errorOf('cannotReadSeed', { path: node.original_file_path }, { node });
      return seedTable(node, text, logger, flags.empty);
    },
  };
  const log = new RunLog(logger, flags.printer_width, (id) => {
    const node = lookupNode(working, id) as { group?: string | null } | undefined;
    return node?.group ? groups.get(node.group) : undefined;
  });
  let loaded: ReturnType<RunContext['loadedSources']> | undefined;
  return {
    config,
    manifest: working,
    adapter,
    resolver,
    logger,
    log,
    scopes,
    selected,
    ephemerals: new Map(),
    sources: new Map(),
    tables: new Map(),
    now,
    journal: null,
    receivers: parsed.receivers,
    fence: parsed.fence,
    retry: null,
    views,
    published,
    tests,
    batches: new TestBatches(() => selected),
    reuse: null,
    finished: new Set(),
    oldestBatch: new Map(),
    built: new Map(),
    freeConnections: [],
    loadedSources: () =>
      (loaded ??= new Map(
        Object.values(manifest.sources)
          .filter((source) => loadOrigin(source) !== null)
          .map((source) => [relationKey(source.database, source.schema, source.identifier), source]),
      )),
    queryComment: (node: GraphNode) => {
      let text: ReturnType<typeof comment> | undefined;
      return () =>
        text === undefined
          ? (text = comment(node.unique_id, node.unique_id.startsWith('operation.') ? null : node))
          : text;
    },
    readSource: (path, packageName) => files.read(path, packageName),
    write: (path, text) => files.write(path, text),
    fileMark: (path) => files.mark(path),
    makers(name) {
      let found = known.get(name);
      if (found === undefined) {
        const packagesOverride = flags['require_explicit_package_overrides_for_builtin_materializations'] === false;
        known.set(name, (found = makers(resolver, name, packagesOverride)));
      }
      return found;
    },
    tableTexts: new Map(),
  };
}

/** Distinguishes databases in files that several targets share. */
function databaseKey(adapter: Adapter, credentials: Credentials): string {
  // The port of an embedded server changes with each start.
  const folder = credentials['path'] ?? credentials['embedded'];
  if (typeof folder === 'string' && folder !== '') return `${folder}|${credentials.database}`;
  // The user who creates a view owns it.
  return adapter
    .connectionInfo()
    .filter(([name]) => ['host', 'port', 'database', 'user', 'role'].includes(name))
    .map(([, value]) => String(value))
    .join('|');
}
