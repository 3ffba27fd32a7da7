// Assigns models to unit tests: one test per requested version. read/unit-tests.ts reads the definitions.
import type { UnitTestNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { pyStr } from '../../values/python-text.ts';
import type { PatchedModel, PatchedResource, PatchedUnitTest } from '../table/phases.ts';
import type { PatchedTable } from '../table/tables.ts';

export interface LinkedUnitTests {
  readonly enabled: ReadonlyMap<string, UnitTestNode>;
  /** Tests of disabled models. */
  readonly disabled: readonly PatchedUnitTest[];
}

/** Returns the unit tests with their models, one per requested version. */
export function linkUnitTests(table: PatchedTable): LinkedUnitTests {
  let versioned: Map<string, PatchedModel[]> | null = null;
  const disabled: PatchedUnitTest[] = [];
  const single: UnitTestNode[] = [];
  const expanded: UnitTestNode[] = [];
  for (const node of table.unitTests.values()) {
    // The test of a macro has no model.
    if (node.depends_on.macros.length > 0) {
      single.push({ ...node, depends_on: { macros: [...node.depends_on.macros], nodes: [] } });
      continue;
    }
    const model = findModel(table, node);
    if (model === undefined) {
      throw errorOf(
        'unitTestWithoutModel',
        { model: `${node.package_name}.${node.model}`, test: node.name, file: node.original_file_path },
        { path: node.original_file_path },
      );
    }
    if (!model.config.enabled) {
      if (!table.disabled.has(node.unique_id)) disabled.push({ ...node, config: { ...node.config, enabled: false } });
      continue;
    }
    checkIncremental(node, model);
    versioned ??= versionsOfModels(table);
    const linked = linkedTo(node, model);
    const versions = versionsFor(node, model, versioned);
    if (versions === null) single.push(linked);
    else for (const version of versions) expanded.push(ofVersion(linked, version));
  }
  return { enabled: new Map([...single, ...expanded].map((node) => [node.unique_id, node])), disabled };
}

function linkedTo(node: PatchedUnitTest, { unique_id, schema }: PatchedModel): UnitTestNode {
  return { ...node, depends_on: { macros: [...node.depends_on.macros], nodes: [unique_id] }, schema };
}

function ofVersion(node: UnitTestNode, { unique_id: id, version }: PatchedModel): UnitTestNode {
  return {
    ...node,
    unique_id: `unit_test.${node.package_name}.${node.model}.${node.name}_v${pyStr(version)}`,
    version,
    depends_on: { macros: [...node.depends_on.macros], nodes: [id] },
  };
}

function findModel(table: PatchedTable, node: PatchedUnitTest): PatchedModel | undefined {
  const parts = node.model.split(/\s+/).filter((part) => part !== '');
  const name = parts[0] ?? '';
  const version = parts.length === 2 ? (parts[1] ?? null) : null;
  const id = table.refs.get(name, node.package_name, version);
  const found: PatchedResource | undefined =
    id === undefined
      ? table.disabledLookup.find(name, node.package_name, version, ['model'])?.[0]
      : table.nodes.get(id);
  // A ref may resolve to a resource other than a model; dbt accepts that here.
  return found as PatchedModel | undefined;
}

function checkIncremental(node: PatchedUnitTest, model: PatchedModel): void {
  if (!model.depends_on.macros.includes('macro.dbt.is_incremental')) return;
  const override = node.overrides?.macros['is_incremental'];
  if (typeof override !== 'boolean') {
    throw errorOf('isIncrementalNotGiven', { test: node.name, model: model.name }, { path: node.original_file_path });
  }
  if (override && !node.given.some((given) => given.input === 'this')) {
    throw errorOf('thisInputMissing', { test: node.name, model: model.name }, { path: node.original_file_path });
  }
}

function versionsOfModels(table: PatchedTable): Map<string, PatchedModel[]> {
  const out = new Map<string, PatchedModel[]>();
  for (const node of table.nodes.values()) {
    if (node.resource_type !== 'model' || node.version === null) continue;
    const key = `${node.package_name}.${node.name}`;
    out.set(key, [...(out.get(key) ?? []), node]);
  }
  return out;
}

/** The model's versions to which a test applies; null when the model has none. */
function versionsFor(
  node: PatchedUnitTest,
  model: PatchedModel,
  versioned: ReadonlyMap<string, readonly PatchedModel[]>,
): readonly PatchedModel[] | null {
  const include = node.versions?.include ?? [];
  const exclude = node.versions?.exclude ?? [];
  if (model.version === null) {
    if (include.length === 0 && exclude.length === 0) return null;
    throw errorOf('versionsOfUnversioned', { test: node.name, model: model.name }, { path: node.original_file_path });
  }
  const has = (list: readonly unknown[], { version }: PatchedModel): boolean =>
    list.some((v) => pyStr(v) === pyStr(version));
  const models = (versioned.get(`${model.package_name}.${model.name}`) ?? []).filter((each) =>
    node.versions === null ? true : exclude.length > 0 ? !has(exclude, each) : include.length > 0 && has(include, each),
  );
  if (models.length === 0) {
    throw errorOf('testedVersionMissing', { test: node.name, model: model.name }, { path: node.original_file_path });
  }
  return models;
}
