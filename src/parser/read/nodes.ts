// Creates nodes from files: models, snapshots, analyses, singular tests, seeds, functions, fixtures, and on-run hooks
// of projects. The patch parsers apply YAML.
import type { DocNode, Json, SnapshotNode } from '../../contracts/node.ts';
import type { Project, SourceFile } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { extractBlocks } from '../../jinja/index.ts';
import { csvRows } from '../../values/csv.ts';
import { configured, type ParseTools } from '../config/node-update.ts';
import { addUnique } from '../table/duplicates.ts';
import { newCalls, type NodeCalls } from '../table/node-calls.ts';
import { baseName, fqnPrefix, pseudoPath, strippedContents } from '../table/node-paths.ts';
import type { ReadFunction, ReadNode } from '../table/phases.ts';
import type { FixtureFile, ReadTable } from '../table/tables.ts';
import { readDocsFile } from './doc-blocks.ts';
import {
  newAnalysis,
  newFunction,
  newHook,
  newModel,
  newSeed,
  newSingularTest,
  newSnapshot,
  type NodeSeed,
} from './new-nodes.ts';

const NODE_KINDS: readonly SourceFile['kind'][] = [
  'model',
  'snapshot',
  'analysis',
  'singular_test',
  'seed',
  'docs',
  'fixture',
  'function',
];

/** The table under construction. */
interface Reading {
  readonly nodes: Map<string, ReadNode>;
  readonly functions: Map<string, ReadFunction>;
  readonly docs: Map<string, DocNode>;
  readonly fixtures: Map<string, FixtureFile>;
  readonly disabled: Map<string, (ReadNode | ReadFunction)[]>;
  readonly calls: Map<ReadNode | ReadFunction, NodeCalls>;
}

/**
 * Reads nodes, docs blocks, fixtures and hooks of every package, kind by kind.
 * @throws TsdbtError the first error
 */
export function readNodes(tools: ParseTools): ReadTable {
  const { state } = tools;
  const reading = newReading();
  for (const [name, project] of state.projects) {
    const own = state.filesOf(name);
    const form = project.raw['config-version'] ?? 2;
    if (form !== 2 && own.some((file) => NODE_KINDS.includes(file.kind)))
      throw errorOf(
        'badProjectVersion',
        { version: String(form) },
        {
          path: `${project.project_root}/dbt_project.yml`,
        },
      );
    for (const kind of NODE_KINDS) {
      const files = own.filter((file) => file.kind === kind);
      state.clock.files(name, kind, files, (file) => readFile(tools, reading, file));
    }
    addHooks(tools, reading, project);
  }
  return reading;
}

/** Reads only the hooks of every package. */
export function readHooks(tools: ParseTools): ReadTable {
  const reading = newReading();
  for (const project of tools.state.projects.values()) addHooks(tools, reading, project);
  return reading;
}

function newReading(): Reading {
  return {
    nodes: new Map(),
    functions: new Map(),
    docs: new Map(),
    fixtures: new Map(),
    disabled: new Map(),
    calls: new Map(),
  };
}

/** Reads one file that contains nodes, docs blocks or a fixture. */
function readFile(tools: ParseTools, reading: Reading, file: SourceFile): void {
  const { state } = tools;
  const calls = newCalls();
  switch (file.kind) {
    case 'model':
      addNode(tools, reading, newModel(state, seedOf(file, file.relative_path), calls), calls);
      break;
    case 'analysis': {
      const corrected = state.flag('require_corrected_analysis_fqns', false);
      const path = corrected ? file.relative_path : `analysis/${file.relative_path}`;
      addNode(tools, reading, newAnalysis(state, seedOf(file, path), calls), calls);
      break;
    }
    case 'singular_test': {
      const path = pseudoPath(baseName(file.relative_path), file.relative_path);
      addNode(tools, reading, newSingularTest(state, seedOf(file, path), calls), calls);
      break;
    }
    case 'seed':
      addNode(tools, reading, newSeed(state, { ...seedOf(file, file.relative_path), rawCode: '' }, calls), calls);
      break;
    case 'function':
      addFunction(tools, reading, file, calls);
      break;
    case 'snapshot':
      readSnapshots(tools, reading, file);
      break;
    case 'docs':
      for (const block of readDocsFile(tools, file)) addUnique(reading.docs, block);
      break;
    case 'fixture':
      addFixture(reading, file);
      break;
    default:
  }
}

function seedOf(file: SourceFile, path: string): NodeSeed {
  const name = baseName(file.relative_path);
  return { file, name, path, fqn: [...fqnPrefix(file.package_name, path), name], rawCode: strippedContents(file) };
}

function readSnapshots(tools: ParseTools, reading: Reading, file: SourceFile): void {
  const folders = file.relative_path.replace(/\.[^./]*$/, '').split('/');
  for (const block of extractBlocks(file.contents, {
    allowed: ['snapshot'],
    path: file.original_file_path,
    line: file.first_line,
  })) {
    const name = block.name ?? '';
    const fqn = [file.package_name, ...folders, name];
    const seed = { file, name, path: file.relative_path, fqn, rawCode: block.contents };
    const calls = newCalls();
    addNode(tools, reading, newSnapshot(tools.state, seed, calls), calls);
  }
}

/**
 * A snapshot that is defined only in YAML, by `relation:`.
 * @param calls the reference in `relation:`
 */
export function newYamlSnapshot(
  { state }: ParseTools,
  file: SourceFile,
  name: string,
  rawCode: string,
  calls: NodeCalls,
): SnapshotNode {
  const fqn = [...fqnPrefix(file.package_name, file.relative_path), name];
  return newSnapshot(state, { file, name, path: `${name}.sql`, fqn, rawCode }, calls);
}

function addFunction(tools: ParseTools, reading: Reading, file: SourceFile, calls: NodeCalls): void {
  const node = rendered(tools, newFunction(tools.state, seedOf(file, file.relative_path), calls), calls);
  reading.calls.set(node, calls);
  if (node.config.enabled) addUnique(reading.functions, node);
  else addDisabled(reading, node);
}

function addFixture(reading: Reading, file: SourceFile): void {
  const name = baseName(file.relative_path);
  const unique_id = `fixture.${file.package_name}.${name}`;
  const existing = reading.fixtures.get(unique_id);
  if (existing !== undefined) {
    throw errorOf(
      'sameFixtureName',
      { name, node: unique_id, one: file.original_file_path, other: existing.original_file_path },
      { path: file.original_file_path },
    );
  }
  const contents = strippedContents(file);
  const rows: Json = file.relative_path.endsWith('.sql') ? contents : csvRows(contents, file.original_file_path);
  reading.fixtures.set(unique_id, {
    unique_id,
    name,
    package_name: file.package_name,
    original_file_path: file.original_file_path,
    rows,
  });
}

/** Adds the operations of `on-run-start` and `on-run-end` of a project. */
function addHooks(tools: ParseTools, reading: Reading, project: Project): void {
  for (const [type, hooks] of [
    ['on-run-start', project.on_run_start],
    ['on-run-end', project.on_run_end],
  ] as const) {
    hooks.forEach((sql, index) => {
      const name = `${project.project_name}-${type}-${index}`;
      const path = `hooks/${name}.sql`;
      const file: SourceFile = {
        package_name: project.project_name,
        project_root: project.project_root,
        search_path: '.',
        relative_path: 'dbt_project.yml',
        original_file_path: './dbt_project.yml',
        kind: 'properties',
        contents: '',
        checksum: project.checksum ?? { name: 'none', checksum: '' },
        mtime_ms: 0,
      };
      const seed = { file, name, path, fqn: [project.project_name, 'hooks', name], rawCode: sql, tags: [type] };
      const calls = newCalls();
      addNode(tools, reading, newHook(tools.state, seed, index, calls), calls);
    });
  }
}

/** Creates a node with its config. The calls of its templates are added to `calls`. */
function rendered<N extends ReadNode | ReadFunction>(tools: ParseTools, fresh: N, calls: NodeCalls): N {
  try {
    if (fresh.resource_type !== 'seed') tools.rendering.node(fresh, calls);
    return configured(tools, fresh, { calls, previous: fresh.config, written: calls.written });
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node: fresh }) : error;
  }
}

function addNode(tools: ParseTools, reading: Reading, fresh: ReadNode, calls: NodeCalls): void {
  const node = rendered(tools, fresh, calls);
  reading.calls.set(node, calls);
  if (node.config.enabled) addUnique(reading.nodes, node);
  else addDisabled(reading, node);
}

function addDisabled({ disabled }: Reading, node: ReadNode | ReadFunction): void {
  const same = disabled.get(node.unique_id);
  if (same === undefined) disabled.set(node.unique_id, [node]);
  else same.push(node);
}
