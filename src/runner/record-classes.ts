// dbt's dataclasses of the nodes in a result and of their fields. Data only; record.ts creates the values.
import type { GraphNode } from '../contracts/node.ts';
import { EnumMember } from '../values/index.ts';
import { CONFIG_FIELDS, type ConfigKind } from '../parser/config/config-fields.ts';
import type { FieldShape, RecordClass } from '../context/record.ts';

/** dbt's member names are their values in camel case. */
const camelCase = (value: string): string =>
  value.replace(/(?:^|[ _-])(.)/g, (_all, letter: string) => letter.toUpperCase());

const member =
  (type: string, name = camelCase) =>
  (value: string): EnumMember =>
    new EnumMember(type, name(value), value);

const DOCS: RecordClass = { name: 'Docs' };
const HOOK: RecordClass = { name: 'Hook' };
const ENUMS = {
  on_configuration_change: member('OnConfigurationChangeOption'),
  access: member('AccessType'),
  on_error: member('ModelOnErrorOptions', (value) => (value === 'continue' ? 'continue_' : value)),
};
const NODE_TYPES: ReadonlyMap<string, string> = new Map([
  ['doc', 'Documentation'],
  ['unit_test', 'Unit'],
]);
const CONSTRAINT_TYPE = { type: member('ConstraintType', (value) => value) };

const config = (name: string, kind: ConfigKind): RecordClass => ({
  name,
  configFields: new Set(CONFIG_FIELDS[kind].map((field) => field.name.replace(/^(pre|post)-/, '$1_'))),
  fields: {
    docs: DOCS,
    contract: { name: 'ContractConfig' },
    pre_hook: { listOf: HOOK },
    post_hook: { listOf: HOOK },
    snapshot_meta_column_names: { name: 'SnapshotMetaColumnNames' },
    latest_version_pointer: { name: 'LatestVersionPointer' },
    freshness: { name: 'ModelFreshness', fields: { build_after: { name: 'ModelBuildAfter' } } },
  },
  enums: ENUMS,
});

const COLUMN: RecordClass = {
  name: 'ColumnInfo',
  fields: {
    constraints: { listOf: { name: 'ColumnLevelConstraint', enums: CONSTRAINT_TYPE } },
    config: { name: 'ColumnConfig', configFields: new Set(['meta', 'tags']) },
  },
};

const node = (name: string, own: RecordClass, fields: { readonly [field: string]: FieldShape } = {}): RecordClass => ({
  name,
  fields: {
    config: own,
    checksum: { name: 'FileHash' },
    columns: { dictOf: COLUMN },
    docs: DOCS,
    refs: { listOf: { name: 'RefArgs' } },
    depends_on: { name: 'DependsOn' },
    extra_ctes: { listOf: { name: 'InjectedCTE' } },
    contract: { name: 'Contract' },
    constraints: { listOf: { name: 'ModelLevelConstraint', enums: CONSTRAINT_TYPE } },
    defer_relation: { name: 'DeferRelation' },
    test_metadata: { name: 'TestMetadata' },
    time_spine: { name: 'TimeSpine' },
    ...fields,
  },
  enums: { ...ENUMS, resource_type: member('NodeType', (value) => NODE_TYPES.get(value) ?? camelCase(value)) },
});

const TEST = config('TestConfig', 'test');
const PLAIN = config('NodeConfig', 'node');
const MODEL = node('ModelNode', config('ModelConfig', 'model'));
const SEED = node('SeedNode', config('SeedConfig', 'seed'), { depends_on: { name: 'MacroDependsOn' } });
const SNAPSHOT = node('SnapshotNode', config('SnapshotConfig', 'snapshot'));
const GENERIC_TEST = node('GenericTestNode', TEST);
const SINGULAR_TEST = node('SingularTestNode', TEST);
const ANALYSIS = node('AnalysisNode', PLAIN);
const HOOK_NODE = node('HookNode', PLAIN);
const SQL_NODE = node('SqlNode', PLAIN);
const FUNCTION = node('FunctionNode', config('FunctionConfig', 'function'));
const UNIT_TEST = node('UnitTestNode', config('UnitTestNodeConfig', 'node'));
const EXPOSURE = node('Exposure', config('ExposureConfig', 'exposure'));
const SAVED_QUERY = node('SavedQuery', config('SavedQueryConfig', 'saved_query'));
const SOURCE = node('SourceDefinition', config('SourceConfig', 'source'), {
  quoting: { name: 'Quoting' },
});

/** The class of a result's node. */
export function classOfNode(found: GraphNode): RecordClass {
  switch (found.resource_type) {
    case 'model':
      return MODEL;
    case 'seed':
      return SEED;
    case 'snapshot':
      return SNAPSHOT;
    case 'test':
      return found.test_metadata === undefined ? SINGULAR_TEST : GENERIC_TEST;
    case 'analysis':
      return ANALYSIS;
    case 'operation':
      return HOOK_NODE;
    case 'sql_operation':
      return SQL_NODE;
    case 'function':
      return FUNCTION;
    case 'unit_test':
      return UNIT_TEST;
    case 'exposure':
      return EXPOSURE;
    case 'saved_query':
      return SAVED_QUERY;
    case 'source':
      return SOURCE;
    default:
      return { name: 'GraphNode' };
  }
}

const TEST_STATUS: ReadonlySet<string> = new Set(['pass', 'fail', 'warn']);
const runStatus = member('RunStatus');
const testStatus = member('TestStatus');

/** A result's status: values that only tests can have belong to the tests' enum. */
export const statusMember = (status: string): EnumMember =>
  TEST_STATUS.has(status) ? testStatus(status) : runStatus(status);
