// A project as the stages hand it on: configuration and adapter, then manifest and graph. Types only.
import type { Adapter } from '../adapters/adapter.ts';
import type { Fence } from '../adapters/fence.ts';
import type { TemplateEnvironments } from '../context/templates.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import type { Dag } from '../graph/dag.ts';
import type { NodeFacts } from '../graph/node-facts.ts';
import type { PreviousState } from '../graph/state-methods.ts';
import type { Logger } from '../log.ts';
import type { KeptManifest } from '../parser/kept-manifest.ts';
import type { ParseCacheHeader } from '../parser/parse-cache.ts';
import type { Receivers } from '../publish/receivers.ts';
import type { Secrets } from '../secrets.ts';
import type { StateSeal } from '../user-state.ts';

/** The files of a project, for the layers that touch none themselves. */
export interface ProjectFiles {
  /** Text of a file named as in artifacts; that of one package when it is named; null when it cannot be read. */
  read(path: string, packageName?: string): string | null;
  /** Writes a small file unless it has the text already; a relative path is below the project's folder. */
  write(path: string, text: string): void;
  /** Changes whenever such a file is written; null when it is not there. */
  mark(path: string): string | null;
}

/** A project with its configuration and the adapter of its target; no connection is open. */
export interface LoadedProject {
  readonly config: RuntimeConfig;
  readonly adapter: Adapter;
  /** The variables that connections read; `config.env` holds those of templates. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of publications. */
  readonly receivers: Receivers;
  readonly templates: TemplateEnvironments;
  readonly files: ProjectFiles;
  readonly loadYaml: (text: string) => Json;
  readonly logger: Logger;
  /** What no file that is written may show. */
  readonly secrets: Secrets;
  /** Signs what is kept below target/ for the next command; null: nothing is kept. */
  readonly seal: StateSeal | null;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
  /** Identifies this process, to distinguish a killed run from a running one. */
  readonly pid: number;
  /** Whether a process is at work. */
  readonly isRunning: (pid: number) => boolean;
  /** Absolute. */
  readonly targetPath: string;
  /** Asked before a node is published; absent: nothing is asked. */
  readonly fence?: Fence | undefined;
  /** What `--state` names. */
  readonly previousState: PreviousState | undefined;
  /** What nodes are deferred to: `--defer-state`, or else `--state`. */
  readonly deferState: PreviousState | undefined;
}

/** A project's manifest and the graph of it. */
export interface ParsedProject extends LoadedProject {
  readonly manifest: Manifest;
  readonly dag: Dag;
  /** What it was parsed from. */
  readonly origin: ParseCacheHeader;
  /** Of the manifest's nodes. */
  readonly facts: NodeFacts;
  /** The manifest as the parse has kept it. */
  readonly kept: KeptManifest;
}
