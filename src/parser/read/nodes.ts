// Nodes from files: models, snapshots, analyses, singular tests, seeds, functions, fixtures, and the project's on-run
// hooks. Leaves what YAML says about them to the patch parsers.
import type { Json, ManifestNode } from '../../contracts/node.ts';
import type { Project, SourceFile } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import { extractBlocks } from '../../jinja/index.ts';
import { readCsvRows } from './csv-rows.ts';
import { newAnalysis, newFunction, newHook, newModel, newSeed, newSingularTest, newSnapshot } from './new-nodes.ts';
import { type ConfiguredNode, type ParseTools, projectConfigOf, updateNode } from '../config/node-update.ts';
import { duplicateResource } from '../table/parse-state.ts';

/** `a/b/c.sql` and `a/b/c.sql.jinja` → `c`. */
export function baseName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:j2|jinja2|jinja)$/, '');
  const dot = file.lastIndexOf('.');
  return dot <= 0 ? file : file.slice(0, dot);
}

/** Package and folders of a path: what fqns start with. */
export function fqnPrefix(packageName: string, path: string): string[] {
  const parts = path.split('/');
  parts.pop();
  return [packageName, ...parts];
}

/** `a/b/x.yml`, `name` → `a/b/name.sql`: where the compiled text of something without a file of its own goes. */
export function pseudoPath(name: string, path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? `${name}.sql` : `${path.slice(0, slash)}/${name}.sql`;
}

/** @returns the code as dbt reads it: without white space around. */
export function strippedContents(file: SourceFile): string {
  return file.contents.trim();
}

/** Parses one file that holds nodes. */
export function parseNodeFile(tools: ParseTools, file: SourceFile): void {
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
  node.config = config as typeof node.config;
  tools.state.callsOf(node).base = config;
  return node;
}

function parseFunction(tools: ParseTools, file: SourceFile): void {
  const node = newFunction(tools.state, seedOf(file, file.relative_path));
  prepare(tools, node);
  const { state } = tools;
  if ((node['config'] as { enabled: boolean }).enabled) {
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
  const rows: Json = file.relative_path.endsWith('.sql') ? contents : readCsvRows(contents);
  state.fixtures.set(unique_id, {
    unique_id,
    name,
    package_name: file.package_name,
    original_file_path: file.original_file_path,
    rows,
  });
}

/** The operations that `on-run-start` and `on-run-end` of a project are. */
export function parseHooks(tools: ParseTools, project: Project): void {
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
    node['config'] = projectConfigOf(tools.state, node);
    if (node.resource_type !== 'seed') tools.rendering.node(node);
    const calls = tools.state.callsOf(node);
    calls.base = node['config'] as typeof calls.base;
    updateNode(tools, node);
    if (calls.written !== null) Object.assign(node['unrendered_config'] as object, calls.written);
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
