// A project as passed between the stages: configuration and adapter, then manifest and graph. Types only.
import type { Adapter } from '../adapters/adapter.ts';
import type { Fence } from '../adapters/fence.ts';
import type { TemplateEnvironments } from '../context/templates.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import type { ColumnSelection } from '../graph/column-selection.ts';
import type { Dag } from '../graph/dag.ts';
import type { NodeFacts } from '../graph/node-facts.ts';
import type { PreviousState } from '../graph/state-methods.ts';
import type { Logger } from '../log.ts';
import type { KeptManifest } from '../parser/kept-manifest.ts';
import type { ParseCacheHeader } from '../parser/parse-cache.ts';
import type { Receivers } from '../publish/open-targets.ts';
import type { Secrets } from '../secrets.ts';
import type { StateSeal } from '../user-state.ts';

/** Access to the project's files for layers that make no file system calls. */
export interface ProjectFiles {
  /** Returns the text of a file named as in artifacts, optionally in a given package; null if it cannot be read. */
  read(path: string, packageName?: string): string | null;
  /** Writes a small file unless it already has the text. A relative path is relative to the project's folder. */
  write(path: string, text: string): void;
  /** Returns a stamp that changes whenever such a file is written; null if it does not exist. */
  mark(path: string): string | null;
}

/** A project with its configuration and the adapter of its target; no connection is open. */
export interface LoadedProject {
  readonly config: RuntimeConfig;
  readonly adapter: Adapter;
  /** The variables that connections read; `config.env` contains those of templates. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The connections of publications. */
  readonly receivers: Receivers;
  readonly templates: TemplateEnvironments;
  readonly files: ProjectFiles;
  readonly loadYaml: (text: string) => Json;
  readonly logger: Logger;
  /** Secrets that no written file may contain. */
  readonly secrets: Secrets;
  /** Signs the state in target/ that is kept for the next command; null: nothing is kept. */
  readonly seal: StateSeal | null;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
  /** Identifies this process, to distinguish a killed run from a running one. */
  readonly pid: number;
  /** Whether a process is running. */
  readonly isRunning: (pid: number) => boolean;
  /** Absolute path of the project's folder. */
  readonly targetPath: string;
  /** Called before a node is published; absent: no check. */
  readonly fence?: Fence | undefined;
  /** The state in `--state`. */
  readonly previousState: PreviousState | undefined;
  /** The state that nodes are deferred to: `--defer-state`, otherwise `--state`. */
  readonly deferState: PreviousState | undefined;
}

/** A project's manifest and graph. */
export interface ParsedProject extends LoadedProject {
  readonly manifest: Manifest;
  readonly dag: Dag;
  /** The inputs of the parse. */
  readonly origin: ParseCacheHeader;
  /** Facts about the manifest's nodes. */
  readonly facts: NodeFacts;
  /** For selections by columns; absent if the command has none. */
  readonly columns?: ColumnSelection | undefined;
  /** The cached form of the manifest. */
  readonly kept: KeptManifest;
}
