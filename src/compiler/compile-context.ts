// State of compilation during a command: configuration, manifest, compiled ephemeral models, and the traces that map
// database errors to lines. Types only.
import type { Adapter } from '../adapters/adapter.ts';
import type { MacroResolver } from '../context/macro-resolver.ts';
import type { ReferenceLookup } from '../context/manifest-lookup.ts';
import type { UnitTestContext } from '../context/runtime.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { ManifestNode } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import type { Trace } from '../jinja/index.ts';
import type { Logger } from '../log.ts';
import type { InjectedCte, Injection } from './inject-ctes.ts';
import type { ScopeFactory } from './node-scope.ts';

/** A manifest in which compiled nodes replace parsed ones. */
export type WorkingManifest = Omit<Manifest, 'nodes'> & { readonly nodes: Record<string, ManifestNode> };

/** The rendered code before CTEs are injected. */
export interface RenderedCode {
  readonly code: string;
  /** Maps the text to the lines that wrote it; null if no template was rendered. */
  readonly trace: Trace | null;
  /** unique_ids of ephemeral models that the code reads. */
  readonly ephemerals: readonly string[];
}

/** How a node's compiled code was produced. */
export interface CodeSource {
  readonly rendered: RenderedCode;
  readonly injection: Injection;
}

/** An ephemeral model as a CTE for its readers. */
export interface EphemeralCode {
  readonly name: string;
  readonly code: string;
  readonly ctes: readonly InjectedCte[];
}

export interface CompileContext {
  readonly config: RuntimeConfig;
  readonly manifest: WorkingManifest;
  readonly adapter: Adapter;
  readonly resolver: MacroResolver;
  readonly logger: Logger;
  /** Creates the context of a node's templates. */
  readonly scopes: ScopeFactory;
  /** The nodes that the command selected. */
  readonly selected: ReadonlySet<string>;
  /** Compiled ephemeral models, by unique_id. */
  readonly ephemerals: Map<string, Promise<EphemeralCode>>;
  readonly sources: Map<string, CodeSource>;
  /** While a unit test runs: its replacements, and its inputs by name. */
  readonly unitTest?: { readonly context: UnitTestContext; readonly lookup: ReferenceLookup };
  /** Returns the text of a file in a package, or in any package, for errors; null if it cannot be read. */
  readonly readSource: (path: string, packageName?: string) => string | null;
  /** Writes a file. A relative path is relative to the project's folder. */
  readonly write: (path: string, text: string) => void;
}
