// State of a whole parse: configuration, files, flags, warnings. tables.ts defines the resources.
import type { Adapter } from '../../adapters/adapter.ts';
import type { Project, RuntimeConfig, SourceFile } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { eventOf } from '../../events/index.ts';
import type { Logger } from '../../log.ts';
import { Configs } from '../config/node-config.ts';
import { ParseClock } from './parse-clock.ts';
import { ParseWarnings } from './parse-warnings.ts';

export class ParseState {
  readonly config: RuntimeConfig;
  readonly adapter: Pick<Adapter, 'type' | 'createRelation' | 'relations' | 'quote' | 'capabilities'>;
  readonly logger: Logger;
  readonly warnings: ParseWarnings;
  readonly root: Project;
  readonly projects: ReadonlyMap<string, Project>;
  readonly internalPackages: readonly string[];
  /** Seconds since 1970: all resources of a parse have the same creation time. */
  readonly createdAt: number;

  /** Files by path, to find the position of an error. */
  readonly files = new Map<string, SourceFile>();
  readonly #byPackage = new Map<string, SourceFile[]>();
  /** Nodes whose text was read by a template, or by a unit test that uses a seed's rows. */
  readonly textReaders = new Set<string>();
  /** Parts of the command that templates or checks read, see CommandRecorder. */
  readonly command = new Set<string>();
  readonly configs: Configs;
  readonly clock: ParseClock;

  constructor(
    config: RuntimeConfig,
    adapter: ParseState['adapter'],
    logger: Logger,
    files: readonly SourceFile[],
    clock: ParseClock = new ParseClock(() => 0),
  ) {
    this.clock = clock;
    this.config = config;
    this.adapter = adapter;
    this.logger = logger;
    this.warnings = new ParseWarnings(logger);
    this.configs = new Configs((kind, key, known, fqn) => {
      const msg = `Config '${key}' of ${kind} ${fqn.join('.')} is kept as a custom one; did you mean '${known}'?`;
      logger.fire(eventOf('Note', msg, { msg }));
    });
    this.root = config.project;
    this.projects = new Map([config.project, ...config.packages].map((project) => [project.project_name, project]));
    this.internalPackages = [`dbt_${adapter.type}`, 'dbt'].filter((name) =>
      config.packages.some((each) => each.project_name === name),
    );
    for (const file of files) {
      const own = this.#byPackage.get(file.package_name);
      if (own === undefined) this.#byPackage.set(file.package_name, [file]);
      else own.push(file);
      this.files.set(`${file.package_name}://${file.original_file_path}`, file);
    }
    this.createdAt = config.invocation.started_at.getTime() / 1000;
  }

  filesOf(packageName: string): readonly SourceFile[] {
    return this.#byPackage.get(packageName) ?? [];
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.config.flags[name];
    return typeof value === 'boolean' ? value : fallback;
  }

  project(name: string): Project {
    const project = this.projects.get(name);
    if (project === undefined) throw errorOf('noSuchProject', { project: name });
    return project;
  }
}
