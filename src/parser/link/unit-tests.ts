// Unit tests get their models: one test for each version that is asked for. Leaves definitions to read/unit-tests.ts.
import type { ModelNode, UnitTestNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { pyStr } from '../../values/python-text.ts';
import type { ParseTools } from '../config/node-update.ts';

/** Connects unit tests with their models, one for each version that is asked for. */
export function linkUnitTests(tools: ParseTools): void {
  const { state } = tools;
  let versioned: Map<string, ModelNode[]> | null = null;
  for (const node of [...state.unitTests.values()]) {
    const model = findModel(tools, node);
    if (model === undefined) {
      throw new TsdbtError(
        'parsing',
        `Unable to find model '${node.package_name}.${node.model}' for unit test '${node.name}' in ` +
          `${node.original_file_path}`,
        { path: node.original_file_path },
      );
    }
    if (!model.config.enabled) {
      node.config = { ...node.config, enabled: false };
      state.unitTests.delete(node.unique_id);
      if (!state.disabled.has(node.unique_id)) state.addDisabled(node);
      continue;
    }
    node.depends_on.nodes = [model.unique_id];
    node.schema = model.schema;
    checkIncremental(node, model);
    versioned ??= versionsOfModels(tools);
    expandVersions(tools, node, model, versioned);
  }
}

function findModel(tools: ParseTools, node: UnitTestNode): ModelNode | undefined {
  const { state } = tools;
  const parts = node.model.split(/\s+/).filter((part) => part !== '');
  const name = parts[0] ?? '';
  const version = parts.length === 2 ? (parts[1] ?? null) : null;
  const id = state.refs.get(name, node.package_name, version);
  const found =
    id === undefined
      ? state.disabledLookup.find(name, node.package_name, version, ['model'])?.[0]
      : state.nodes.get(id);
  return found as ModelNode | undefined;
}

function checkIncremental(node: UnitTestNode, model: ModelNode): void {
  if (!model.depends_on.macros.includes('macro.dbt.is_incremental')) return;
  const override = node.overrides?.macros['is_incremental'];
  if (typeof override !== 'boolean') {
    throw new TsdbtError(
      'parsing',
      `Boolean override for 'is_incremental' must be provided for unit test '${node.name}' in model '${model.name}'`,
      { path: node.original_file_path },
    );
  }
  if (override && !node.given.some((given) => given.input === 'this')) {
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' for incremental model '${model.name}' must have a 'this' input`,
      { path: node.original_file_path },
    );
  }
}

function versionsOfModels(tools: ParseTools): Map<string, ModelNode[]> {
  const out = new Map<string, ModelNode[]>();
  for (const node of tools.state.nodes.values()) {
    if (node.resource_type !== 'model' || node.version === null) continue;
    const key = `${node.package_name}.${node.name}`;
    out.set(key, [...(out.get(key) ?? []), node]);
  }
  return out;
}

function expandVersions(
  tools: ParseTools,
  node: UnitTestNode,
  model: ModelNode,
  versioned: ReadonlyMap<string, readonly ModelNode[]>,
): void {
  const { state } = tools;
  const include = node.versions?.include ?? [];
  const exclude = node.versions?.exclude ?? [];
  if (model.version === null) {
    if (include.length === 0 && exclude.length === 0) return;
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' should not have a versions include or exclude when referencing non-versioned ` +
        `model '${model.name}'`,
      { path: node.original_file_path },
    );
  }
  const has = (list: readonly unknown[], { version }: ModelNode): boolean =>
    list.some((v) => pyStr(v) === pyStr(version));
  const models = (versioned.get(`${model.package_name}.${model.name}`) ?? []).filter((each) =>
    node.versions === null ? true : exclude.length > 0 ? !has(exclude, each) : include.length > 0 && has(include, each),
  );
  if (models.length === 0) {
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' referenced a version of '${model.name}' which was not found.`,
      { path: node.original_file_path },
    );
  }
  state.unitTests.delete(node.unique_id);
  for (const { unique_id: id, version } of models) {
    const unique_id = `unit_test.${node.package_name}.${node.model}.${node.name}_v${pyStr(version)}`;
    state.unitTests.set(unique_id, {
      ...node,
      unique_id,
      version,
      depends_on: { macros: [...node.depends_on.macros], nodes: [id] },
    });
  }
}
