// perf_info.json, written by `parse`: how many files a parse read, and how long its phases took.
// parser/table/parse-clock.ts measures.
import { join } from 'node:path';
import { writeArtifact } from '../artifacts.ts';
import type { SourceFile } from '../contracts/project.ts';
import { fire } from '../events/index.ts';
import type { ParseClock } from '../parser/table/parse-clock.ts';
import type { LoadedProject } from '../runner/parsed-project.ts';

const FILE = 'perf_info.json';
/** dbt's name of the parser for each kind of file. */
const PARSERS: Readonly<Partial<Record<SourceFile['kind'], string>>> = {
  model: 'model',
  snapshot: 'snapshot',
  analysis: 'analysis',
  singular_test: 'test',
  seed: 'seed',
  docs: 'doc',
  fixture: 'fixture',
  function: 'function',
  properties: 'test',
};

/** Sizes and times of one parse. */
export interface ParseSpeed {
  /** Files of the project and its packages; the build parses those of built-in packages. */
  readonly files: number;
  /** Files that were read again. */
  readonly parsed: number;
  /** Seconds to read the files, and for everything. */
  readonly reading: number;
  readonly all: number;
  readonly clock: ParseClock;
}

/**
 * Writes perf_info.json with the keys of dbt 1.12's ManifestLoaderInfo. A phase that a cached parse skipped has no
 * time.
 * @throws TsdbtError `runtime` if the folder cannot be written
 */
export function writePerformance({ config, targetPath, logger, secrets }: LoadedProject, speed: ParseSpeed): void {
  const { clock } = speed;
  const { phases, read } = clock;
  const projects = config.packages.map(({ project_name }) => {
    const own = read.filter(({ project }) => project === project_name);
    return {
      project_name,
      elapsed: own.reduce((sum, { seconds }) => sum + seconds, 0),
      parsers: own.map(({ kind, files, seconds }) => ({
        parser: PARSERS[kind] ?? kind,
        elapsed: seconds,
        parsed_path_count: files,
      })),
      parsed_path_count: own.reduce((sum, { files }) => sum + files, 0),
    };
  });
  const path = join(targetPath, FILE);
  const info = {
    path_count: speed.files,
    parsed_path_count: speed.parsed,
    static_analysis_path_count: clock.models,
    static_analysis_parsed_path_count: clock.staticModels,
    is_partial_parse_enabled: config.flags.partial_parse,
    is_static_analysis_enabled: config.flags['static_parser'] !== false,
    read_files_elapsed: speed.reading,
    load_macros_elapsed: phases.get('macros'),
    parse_project_elapsed: phases.get('files'),
    patch_sources_elapsed: phases.get('sources'),
    process_manifest_elapsed: phases.get('links'),
    load_all_elapsed: speed.all,
    projects,
  };
  writeArtifact(path, info, secrets);
  fire(logger, 'ParsePerfInfoPath', { path });
}
