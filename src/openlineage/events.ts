// Builds OpenLineage events of a run and its nodes: START, then COMPLETE, FAIL or ABORT. Job names are those of
// openlineage-dbt. Pure; sender.ts sends them.
import type { Manifest } from '../contracts/manifest.ts';
import type { ManifestNode, TestNode } from '../contracts/node.ts';
import type { Credentials } from '../contracts/project.ts';
import type { RunResult } from '../contracts/results.ts';
import type { QueryLineage } from '../lineage/column-lineage.ts';
import { columnLineageFacet } from './column-facet.ts';
import { type Dataset, datasetOf, dottedName, type Facets, namespaceOf } from './datasets.ts';
import type { LineageSettings, ParentRun } from './settings.ts';

export type EventType = 'START' | 'COMPLETE' | 'FAIL' | 'ABORT';

/** One event, as JSON. */
export interface LineageEvent {
  readonly eventType: EventType;
  readonly eventTime: string;
  readonly run: { readonly runId: string; readonly facets: object };
  readonly job: { readonly namespace: string; readonly name: string; readonly facets: object };
  readonly inputs: readonly object[];
  readonly outputs: readonly object[];
  readonly producer: string;
  readonly schemaURL: string;
}

export interface LineageRun {
  readonly settings: LineageSettings;
  readonly manifest: Pick<Manifest, 'nodes' | 'sources' | 'parent_map'>;
  /** `run`, `build`, … */
  readonly command: string;
  readonly project: string;
  readonly credentials: Credentials;
  /** A UUID. */
  readonly invocationId: string;
  readonly version: string;
  /** Column lineage by unique_id; empty if it is not known. */
  readonly columns: ReadonlyMap<string, QueryLineage>;
  /** Returns a new UUID. */
  readonly newId: () => string;
}

const SPEC = 'https://openlineage.io/spec';
/** Versions of the facets' schemas. */
const SCHEMAS = {
  parent: '1-2-0/ParentRunFacet',
  processing_engine: '1-1-1/ProcessingEngineRunFacet',
  errorMessage: '1-0-1/ErrorMessageRunFacet',
  tags: '1-0-0/TagsRunFacet',
  test: '1-0-1/TestRunFacet',
  jobType: '2-0-4/JobTypeJobFacet',
  sql: '1-1-0/SQLJobFacet',
  dataSource: '1-0-1/DatasourceDatasetFacet',
  columnLineage: '1-2-0/ColumnLineageDatasetFacet',
  documentation: '1-1-0/DocumentationDatasetFacet',
  schema: '1-2-0/SchemaDatasetFacet',
  ownership: '1-0-1/OwnershipDatasetFacet',
  dataQualityAssertions: '1-1-0/DataQualityAssertionsDatasetFacet',
  outputStatistics: '1-0-2/OutputStatisticsOutputDatasetFacet',
} as const;

/** Kinds of nodes with their own events, and the suffix of their job names, alone and in `build`. */
const ENDINGS: Readonly<Record<string, readonly [alone: string, build: string]>> = {
  model: ['', '.build.run'],
  snapshot: ['.snapshot', '.build.snapshot'],
  seed: ['.seed', '.build.seed'],
};

/** A node that has started. */
interface Begun {
  readonly runId: string;
  readonly name: string;
  readonly node: ManifestNode;
}

type JobOf = Pick<LineageEvent['job'], 'name' | 'facets'>;

export class LineageEvents {
  readonly #run: LineageRun;
  readonly #namespace: string;
  readonly #producer: string;
  readonly #begun = new Map<string, Begun>();
  readonly #jobName: string;

  constructor(run: LineageRun) {
    this.#run = run;
    this.#namespace = namespaceOf(run.credentials);
    this.#producer = `urn:tsdbt:${run.version}`;
    this.#jobName = run.settings.jobName ?? `dbt-run-${run.project}`;
  }

  /** The run starts. */
  started(at: string): LineageEvent {
    return this.#ofRun('START', at, {});
  }

  /** The run ends. @param message why it failed; null: no message */
  finished(type: Exclude<EventType, 'START'>, at: string, message: string | null): LineageEvent {
    return this.#ofRun(type, at, message === null ? {} : { errorMessage: errorFacet(message) });
  }

  /** A node starts; null for a node without events. */
  begun(node: ManifestNode, at: string): LineageEvent | null {
    const ending = ENDINGS[node.resource_type];
    if (ending === undefined || node.config.materialized === 'ephemeral') return null;
    // Also called for each batch of a microbatch model.
    if (this.#begun.has(node.unique_id)) return null;
    const { database, schema } = node;
    const own = node.unique_id.replace(/^(model|snapshot|seed)\./, '');
    const name = dottedName(database, schema, own) + ending[this.#run.command === 'build' ? 1 : 0];
    const begun = { runId: this.#run.newId(), name, node };
    this.#begun.set(node.unique_id, begun);
    const { inputs, output } = this.#datasets(node.unique_id);
    return this.#event(
      'START',
      at,
      begun.runId,
      tagsFacet(node.tags),
      { name, facets: jobFacets(node.resource_type) },
      {
        inputs: inputs.map((each) => this.#dataset(each)),
        outputs: output === null ? [] : [this.#dataset(output)],
      },
    );
  }

  /** A node ends; null for a node that did not start, such as a skipped one. */
  ended(result: RunResult, at: string): LineageEvent | null {
    const begun = this.#begun.get(result.unique_id);
    if (begun === undefined) return null;
    this.#begun.delete(result.unique_id);
    const { status, compiled_code: sql, message } = result;
    const { node } = begun;
    const skipped = status === 'skipped';
    const good = status === 'success' || status === 'no-op' || status === 'reused';
    const { inputs, output } = this.#datasets(result.unique_id);
    const rows = Number(('rows_affected' in result.adapter_response && result.adapter_response['rows_affected']) || 0);
    const statistics = rows > 0 ? { outputStatistics: { rowCount: rows } } : {};
    const type = good ? 'COMPLETE' : skipped ? 'ABORT' : 'FAIL';
    const facets = {
      ...tagsFacet(node.tags),
      ...(good || message === null ? {} : { errorMessage: errorFacet(message) }),
    };
    const job = {
      name: begun.name,
      facets: {
        ...jobFacets(node.resource_type),
        ...(sql ? { sql: { query: sql, dialect: this.#run.credentials.type } } : {}),
      },
    };
    return this.#event(type, at, begun.runId, facets, job, {
      inputs: inputs.map((each) => this.#dataset(each)),
      // A failed node has published nothing.
      outputs:
        good && output !== null
          ? [this.#dataset(this.#withColumns(result.unique_id, output), 'outputFacets', statistics)]
          : [],
    });
  }

  /** Ends the nodes that started and never ended, if the run was stopped. */
  aborted(at: string): LineageEvent[] {
    return [...this.#begun].map(([id, { runId, name, node }]) => {
      this.#begun.delete(id);
      const { inputs } = this.#datasets(id);
      const job = { name, facets: jobFacets(node.resource_type) };
      return this.#event('ABORT', at, runId, {}, job, {
        inputs: inputs.map((each) => this.#dataset(each)),
        outputs: [],
      });
    });
  }

  /** Results of data tests: one run per tested dataset, and one per singular test. */
  tests(results: readonly RunResult[], at: string): LineageEvent[] {
    const found = new Map<string, { readonly test: TestNode; readonly result: RunResult }[]>();
    const events: LineageEvent[] = [];
    for (const result of results) {
      const test = result.node ?? this.#run.manifest.nodes[result.unique_id];
      if (test?.resource_type !== 'test' || result.status === 'skipped') continue;
      const parents = (this.#run.manifest.parent_map[test.unique_id] ?? []).filter(
        (id) => this.#datasetOf(id) !== null,
      );
      // As in openlineage-dbt: the last parent, which for a relationship test is the tested one.
      const tested = test.attached_node ?? parents.at(-1);
      if (tested !== undefined) found.set(tested, [...(found.get(tested) ?? []), { test, result }]);
      if (test.test_metadata === undefined) events.push(...this.#singular(test, result, parents, at));
    }
    return [...[...found].flatMap(([id, tests]) => this.#assertions(id, tests, at)), ...events];
  }

  #assertions(
    id: string,
    tests: readonly { readonly test: TestNode; readonly result: RunResult }[],
    at: string,
  ): LineageEvent[] {
    const { manifest, command } = this.#run;
    const node = manifest.nodes[id] ?? manifest.sources[id];
    const dataset = this.#datasetOf(id);
    if (node === undefined || dataset === null) return [];
    const assertions = tests.map(({ test, result }) => ({
      assertion: test.test_metadata?.name ?? test.name,
      name: test.name,
      success: result.status === 'pass',
      ...(test.column_name ? { column: test.column_name } : {}),
      severity: test.config.severity.toLowerCase(),
      ...(result.failures === null ? {} : { actual: String(result.failures), expected: expectedOf(test) }),
    }));
    const ending = command === 'build' ? '.build.test' : '.test';
    const name = dottedName(node.database, node.schema, id.replace(/^model\./, '')) + ending;
    const failed = assertions.some(({ success, severity }) => !success && severity !== 'warn');
    const quality = { dataQualityAssertions: { assertions } };
    const inputs = [this.#dataset({ ...dataset, facets: { ...dataset.facets, ...quality } }, 'inputFacets', quality)];
    return this.#both(failed, at, tagsFacet(node.tags), { name, facets: jobFacets('test') }, inputs);
  }

  #singular(test: TestNode, result: RunResult, parents: readonly string[], at: string): LineageEvent[] {
    const execution = {
      name: test.unique_id,
      status: result.status === 'pass' ? 'pass' : 'fail',
      severity: test.config.severity.toLowerCase(),
      ...(result.failures === null ? {} : { actual: String(result.failures), expected: expectedOf(test) }),
    };
    const inputs = parents.flatMap((id) => {
      const dataset = this.#datasetOf(id);
      return dataset === null ? [] : [this.#dataset(dataset)];
    });
    const failed = result.status !== 'pass' && result.status !== 'warn';
    const facets = { ...tagsFacet(test.tags), test: { tests: [execution] } };
    return this.#both(failed, at, facets, { name: test.unique_id, facets: jobFacets('test') }, inputs);
  }

  #both(failed: boolean, at: string, facets: Facets, job: JobOf, inputs: readonly object[]): LineageEvent[] {
    const runId = this.#run.newId();
    const types: EventType[] = ['START', failed ? 'FAIL' : 'COMPLETE'];
    return types.map((type) => this.#event(type, at, runId, facets, job, { inputs, outputs: [] }));
  }

  #ofRun(type: EventType, at: string, facets: Facets): LineageEvent {
    const { invocationId, settings } = this.#run;
    const { parent, root } = settings;
    const above: Facets = parent === null ? {} : { parent: parentFacet(parent, root ?? parent) };
    const job = {
      name: this.#jobName,
      facets: { jobType: { jobType: 'JOB', integration: 'DBT', processingType: 'BATCH' } },
    };
    return this.#make(type, at, invocationId, { ...facets, ...above }, job, { inputs: [], outputs: [] });
  }

  /** The parent facet of an event within the run. */
  #event(
    type: EventType,
    at: string,
    runId: string,
    facets: Facets,
    job: JobOf,
    data: Pick<LineageEvent, 'inputs' | 'outputs'>,
  ): LineageEvent {
    const { settings, invocationId } = this.#run;
    const run: ParentRun = { namespace: settings.namespace, job: this.#jobName, runId: invocationId };
    return this.#make(type, at, runId, { ...facets, parent: parentFacet(run, settings.root ?? run) }, job, data);
  }

  #make(
    eventType: EventType,
    eventTime: string,
    runId: string,
    facets: Facets,
    job: JobOf,
    data: Pick<LineageEvent, 'inputs' | 'outputs'>,
  ): LineageEvent {
    const { settings, version } = this.#run;
    const engine: Facets = { processing_engine: { name: 'tsdbt', version, openlineageAdapterVersion: version } };
    return {
      eventType,
      eventTime,
      run: { runId, facets: this.#facets({ ...facets, ...engine }) },
      job: { namespace: settings.namespace, name: job.name, facets: this.#facets(job.facets) },
      ...data,
      producer: this.#producer,
      schemaURL: `${SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent`,
    };
  }

  #datasetOf(id: string): Dataset | null {
    return datasetOf(id, this.#run.manifest, this.#namespace);
  }

  #datasets(id: string): { readonly inputs: readonly Dataset[]; readonly output: Dataset | null } {
    const parents = this.#run.manifest.parent_map[id] ?? [];
    const inputs = parents.map((parent) => this.#datasetOf(parent)).filter((each) => each !== null);
    return { inputs, output: this.#datasetOf(id) };
  }

  #withColumns(id: string, dataset: Dataset): Dataset {
    const lineage = this.#run.columns.get(id);
    if (lineage === undefined) return dataset;
    const facet = columnLineageFacet(lineage, (parent) => this.#datasetOf(parent));
    return { ...dataset, facets: { ...dataset.facets, ...facet } };
  }

  #dataset(
    { namespace, name, facets }: Dataset,
    kind: 'inputFacets' | 'outputFacets' = 'inputFacets',
    own: Facets = {},
  ): object {
    const more = Object.keys(own).length === 0 ? {} : { [kind]: this.#facets(own) };
    return { namespace, name, facets: this.#facets(facets), ...more };
  }

  #facets(facets: object): object {
    const schemas: Readonly<Record<string, string>> = SCHEMAS;
    return Object.fromEntries(
      Object.entries(facets).map(([name, facet]: [string, object]) => {
        const schema = schemas[name] ?? '';
        const url = `${SPEC}/facets/${schema}.json#/$defs/${schema.split('/')[1]}`;
        return [name, { _producer: this.#producer, _schemaURL: url, ...facet }];
      }),
    );
  }
}

function jobFacets(resourceType: string): Facets {
  return { jobType: { jobType: resourceType.toUpperCase(), integration: 'DBT', processingType: 'BATCH' } };
}

function tagsFacet(tags: readonly string[]): Facets {
  return tags.length === 0 ? {} : { tags: { tags: tags.map((key) => ({ key, value: 'true', source: 'DBT' })) } };
}

function errorFacet(message: string): Facets[string] {
  return { message, programmingLanguage: 'SQL' };
}

function parentFacet(run: ParentRun, root: ParentRun): Facets[string] {
  const of = ({ namespace, job, runId }: ParentRun): object => ({ run: { runId }, job: { namespace, name: job } });
  return { ...of(run), root: of(root) };
}

/** Number of rows that may fail according to the test's threshold; dbt's default is none. */
function expectedOf({ config }: TestNode): string {
  const threshold = config.severity.toLowerCase() === 'warn' ? config.warn_if : config.error_if;
  return threshold.replace(/\s+/g, '') === '!=0' ? '0' : threshold;
}
