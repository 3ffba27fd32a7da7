// Nodes from files: models, snapshots, analyses, singular tests, seeds, functions, fixtures, and the project's on-run
// hooks. Leaves what YAML says about them to the patch parsers.
import type { Json, ManifestNode } from '../../contracts/node.ts';
import type { Project, SourceFile } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import { extractBlocks } from '../../jinja/index.ts';
import { csvRows } from '../../values/csv.ts';
import { type ConfiguredNode, type ParseTools, projectConfigOf, setConfig, updateNode } from '../config/node-update.ts';
import { baseName, fqnPrefix, pseudoPath, strippedContents } from '../table/node-paths.ts';
import { duplicateResource } from '../table/parse-state.ts';
import { parseDocsFile } from './doc-blocks.ts';
import { newAnalysis, newFunction, newHook, newModel, newSeed, newSingularTest, newSnapshot } from './new-nodes.ts';

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

/**
 * Nodes, docs blocks, fixtures and hooks of every package, kind by kind.
 * @throws TsdbtError the first thing that is wrong
 */
export function readNodes(tools: ParseTools): void {
  const { state } = tools;
  for (const [name, project] of state.projects) {
    const own = state.filesOf(name);
    const form = project.raw['config-version'] ?? 2;
    if (form !== 2 && own.some((file) => NODE_KINDS.includes(file.kind)))
      throw new TsdbtError('project', `Got an unexpected project version=${form}, expected 2`, {
        path: `${project.project_root}/dbt_project.yml`,
      });
    for (const kind of NODE_KINDS)
      for (const file of own) if (file.kind === kind) (kind === 'docs' ? parseDocsFile : parseNodeFile)(tools, file);
    parseHooks(tools, project);
  }
}

/** The hooks of every package alone. */
export function readHooks(tools: ParseTools): void {
  for (const project of tools.state.projects.values()) parseHooks(tools, project);
}

/** Parses one file that holds nodes. */
function parseNodeFile(tools: ParseTools, file: SourceFile): void {
  const { state } = tools;
  switch (file.kind) {
    case 'model':
      finish(tools, newModel(state, seedOf(file, file.relative_path)));
      break;
    case 'analysis': {
      const corrected = state.flag('require_corrected_analysis_fqns', false);
      finish(
        tools,
        newAnalysis(state, seedOf(file, corrected ? file.relative_path : `analysis/${file.relative_path}`)),
      );
      break;
    }
    case 'singular_test':
      finish(tools, newSingularTest(state, seedOf(file, pseudoPath(baseName(file.relative_path), file.relative_path))));
      break;
    case 'seed':
      finish(tools, newSeed(state, { ...seedOf(file, file.relative_path), rawCode: '' }));
      break;
    case 'function':
      parseFunction(tools, file);
      break;
    case 'snapshot':
      parseSnapshots(tools, file);
      break;
    case 'fixture':
      parseFixture(tools, file);
      break;
    default:
  }
}

function seedOf(
  file: SourceFile,
  path: string,
): { file: SourceFile; name: string; path: string; fqn: string[]; rawCode: string } {
  const name = baseName(file.relative_path);
  return { file, name, path, fqn: [...fqnPrefix(file.package_name, path), name], rawCode: strippedContents(file) };
}

function parseSnapshots(tools: ParseTools, file: SourceFile): void {
  const folders = file.relative_path.replace(/\.[^./]*$/, '').split('/');
  for (const block of extractBlocks(file.contents, {
    allowed: ['snapshot'],
    path: file.original_file_path,
    line: file.first_line,
  })) {
    const name = block.name ?? '';
    const fqn = [file.package_name, ...folders, name];
    finish(tools, newSnapshot(tools.state, { file, name, path: file.relative_path, fqn, rawCode: block.contents }));
  }
}

/** A snapshot that YAML defines alone, by `relation:`. */
export function newYamlSnapshot(tools: ParseTools, file: SourceFile, name: string, rawCode: string): ManifestNode {
  const fqn = [...fqnPrefix(file.package_name, file.relative_path), name];
  const node = newSnapshot(tools.state, { file, name, path: `${name}.sql`, fqn, rawCode });
  const config = projectConfigOf(tools.state, node);
  setConfig(node, config);
  tools.state.callsOf(node).base = config;
  return node;
}

function parseFunction(tools: ParseTools, file: SourceFile): void {
  const node = newFunction(tools.state, seedOf(file, file.relative_path));
  prepare(tools, node);
  const { state } = tools;
  if (node.config.enabled) {
    state.addUnique(state.functions, node);
    state.functionLookup.add(node.name, node.package_name, node.unique_id);
  } else state.addDisabled(node);
}

function parseFixture(tools: ParseTools, file: SourceFile): void {
  const { state } = tools;
  const name = baseName(file.relative_path);
  const unique_id = `fixture.${file.package_name}.${name}`;
  const existing = state.fixtures.get(unique_id);
  if (existing !== undefined) {
    throw new TsdbtError(
      'compilation',
      `dbt found two fixtures with the name "${name}".\n\nSince these resources have the same name, dbt will ` +
        'be unable to find the correct resource\n' +
        `when looking for ${name}.\n\nTo fix this, change the name of one of these resources:\n` +
        `- ${unique_id} (${file.original_file_path})\n- ${unique_id} (${existing.original_file_path})`,
      { path: file.original_file_path },
    );
  }
  const contents = strippedContents(file);
  const rows: Json = file.relative_path.endsWith('.sql') ? contents : csvRows(contents);
  state.fixtures.set(unique_id, {
    unique_id,
    name,
    package_name: file.package_name,
    original_file_path: file.original_file_path,
    rows,
  });
}

/** The operations that `on-run-start` and `on-run-end` of a project are. */
function parseHooks(tools: ParseTools, project: Project): void {
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
      finish(
        tools,
        newHook(
          tools.state,
          { file, name, path, fqn: [project.project_name, 'hooks', name], rawCode: sql },
          index,
          type,
        ),
      );
    });
  }
}

function prepare(tools: ParseTools, node: ConfiguredNode): void {
  try {
    setConfig(node, projectConfigOf(tools.state, node));
    if (node.resource_type !== 'seed') tools.rendering.node(node);
    const calls = tools.state.callsOf(node);
    calls.base = node.config;
    updateNode(tools, node);
    if (calls.written !== null) Object.assign(node.unrendered_config, calls.written);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  }
}

function finish(tools: ParseTools, node: ManifestNode): void {
  const { state } = tools;
  prepare(tools, node);
  if (!node.config.enabled) {
    state.addDisabled(node);
    return;
  }
  const existing = state.nodes.get(node.unique_id);
  if (existing !== undefined) throw duplicateResource(node, existing);
  state.addNode(node);
}
