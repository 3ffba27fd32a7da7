// The sets of test files and the order in which they run. Each test file belongs to one set:
//
//   npm test              quick: no test takes over 3 s, all of them less than 3 minutes
//   npm run test:all      quick and SLOW
//   npm run test:kafka    tests/engine/kafka, on a real Kafka
//   npm run torture       tests/torture
//
// `npx vitest run FILE` runs any file of the first two.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const { env } = process;
const KAFKA = 'tests/engine/kafka/**/*.test.ts';

/**
 * The files of tests/engine that `npm test` leaves out, because a test takes over 3 s or many are slow. By folder, as
 * names without `.test.ts`; `*` is the whole folder.
 */
const SLOW_NAMES = {
  diff: '*',
  faults: '*',
  lsp: '*',
  mcp: '*',
  overrides: '*',
  publish: '*',
  requests: '*',
  reuse: '*',
  snapshots: '*',
  strict: '*',
  adapters: `clickhouse-http clickhouse-remote-database clickhouse-types clickhouse-written embedded odd-settings
    postgres-relations postgres-types silence unit-fixtures`,
  cli: `bad-input both-ways capture init kept-views library link macro-unit-tests outputs plain-tables play query
    sample unit-test-settings seldom-strategies sla start test-slices usual`,
  docs: 'example-stage examples site',
  hostile: `alert-receivers archives avro canary canary-load comments connection-files docs-page embedded-clickhouse
    embedded-spellings embedded-state env-file http-clients inputs lineage names object-store outside-paths
    package-sources regexps schemas serve-state shell-password stored-files written-files`,
  lineage: 'changed-data clickhouse-changed-data clickhouse-lineage lineage-command',
  loader: `archive archive-compact archive-compact-beside archive-repair archived-rows check clickhouse-bookkeeping
    clickhouse-cells clickhouse-flush-ranges clickhouse-left clickhouse-problems clickhouse-replay
    clickhouse-rewind clickhouse-settle clickhouse-sync clickhouse-table column-check endings fast-path
    file-client kafka-client loaded-sources made-anew metrics new-rows partial-builds pause real-kafka
    record-batches rewind rewind-beside several-topics sync sync-command sync-hidden topic-ids`,
  'loader/replicate': '*',
  'loader/debezium': 'clickhouse clickhouse-replay envelope-cells replay tombstones',
  macros: 'clickhouse-syntax',
  monitoring: 'monitoring',
  'object-store': 's3-store',
  openlineage: 'openlineage',
  serve: `arrivals broken-commit day fence hook-retries hosts jobs-command pgbouncer publish-job read-rows
    runs screen serve serve-clickhouse stopped-host store takeover timeouts unavailable-database`,
  unit: 'context/regex-limit-reached parser/parse-cache-edits pipeline/parse-caches',
};
export const SLOW = Object.entries(SLOW_NAMES).flatMap(([folder, names]) =>
  names
    .split(/\s+/)
    .map((name) => (name === '*' ? `tests/engine/${folder}/` : `tests/engine/${folder}/${name}.test.ts`)),
);

/** Files that measure memory, change what a process has once, or start servers in ways of their own: a process each. */
const ALONE = [
  'tests/engine/architecture.test.ts',
  'tests/engine/hostile/**/*.test.ts',
  'tests/engine/adapters/embedded.test.ts',
  'tests/engine/adapters/silence.test.ts',
  'tests/engine/loader/record-batches.test.ts',
];
/** What the others import is loaded once for all of them: none leaves a trace that another one would meet. */
const PURE = ['tests/engine/unit/**/*.test.ts', 'tests/engine/macros/**/*.test.ts'];
/** Puts something in the place of a module of Node. */
const MOCKS = 'tests/engine/unit/project/vanished.test.ts';

const slow = env['TSDBT_TEST_QUICK'] ? SLOW.map((path) => path.replace(/\/$/, '/**')) : [];
const files = env['TSDBT_TEST_KAFKA']
  ? { include: [KAFKA] }
  : env['TSDBT_TORTURE']
    ? { include: ['tests/torture/**/*.test.ts'] }
    : {
        projects: [
          { extends: true as const, test: { name: 'alone', include: ALONE, exclude: slow } },
          {
            extends: true as const,
            test: {
              name: 'whole',
              include: ['tests/engine/**/*.test.ts'],
              exclude: [KAFKA, ...PURE, ...ALONE, ...slow],
              isolate: false,
            },
          },
          { extends: true as const, test: { name: 'mocks', include: [MOCKS] } },
          { extends: true as const, test: { name: 'pure', include: PURE, exclude: [MOCKS, ...slow], isolate: false } },
        ],
      };

/** The files that take longest, so that none of them is alone at the end; the longest first. */
const LONG = [
  'kafka/clickhouse-faults',
  'kafka/leaderless',
  'kafka/examples',
  'kafka/archive-repair',
  'kafka/debezium',
  'kafka/iceberg-commits',
  'kafka/alerts',
  'adapters/embedded',
  'faults/clickhouse-live-views',
  'serve/day',
  'loader/clickhouse-settle',
  'loader/clickhouse-cells',
  'faults/stopped',
  'serve/stopped-host',
  'faults/views',
  'faults/slow-catalogue',
  'hostile/written-files',
  'hostile/names',
  'hostile/canary-load',
  'hostile/canary',
  'faults/endings',
  'faults/clickhouse-publishing',
  'faults/clickhouse',
  'faults/clickhouse-load',
  'cli/bad-input',
  'faults/together',
  'faults/microbatch',
  'parser/parse-cache-edits',
  'faults/clickhouse-microbatch',
  'faults/kill',
];

const PROJECTS = ['alone', 'whole', 'mocks', 'pure'];

class LongestFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    // A process goes on to the next file of its project.
    const project = (spec: TestSpecification) => PROJECTS.indexOf(spec.project.name);
    return (await super.sort(specs)).sort((a, b) => rank(a) - rank(b) || project(a) - project(b));
  }
}

export default defineConfig({
  test: {
    globalSetup: ['tests/engine/support/shared-servers.ts'],
    ...files,
    sequence: { sequencer: LongestFirst },
    // For what never ends. A test on a slow machine takes the time that it needs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 4,
  },
});
