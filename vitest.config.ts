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

/** Below tests/engine, what `npm test` leaves out: folders and files whose tests take over 3 s or are many and slow. */
export const SLOW = [
  ...['diff/', 'faults/', 'hostile/', 'loader/', 'overrides/', 'publish/', 'requests/', 'serve/', 'snapshots/'],
  'adapters/clickhouse-http.test.ts',
  'adapters/clickhouse-remote-database.test.ts',
  'adapters/clickhouse-types.test.ts',
  'adapters/clickhouse-written.test.ts',
  'adapters/embedded.test.ts',
  'adapters/odd-settings.test.ts',
  'adapters/postgres-relations.test.ts',
  'adapters/postgres-types.test.ts',
  'adapters/silence.test.ts',
  'adapters/unit-fixtures.test.ts',
  'cli/bad-input.test.ts',
  'cli/both-ways.test.ts',
  'cli/init.test.ts',
  'cli/kept-views.test.ts',
  'cli/library.test.ts',
  'cli/link.test.ts',
  'cli/outputs.test.ts',
  'cli/plain-tables.test.ts',
  'cli/play.test.ts',
  'cli/query.test.ts',
  'cli/sample.test.ts',
  'cli/seldom-strategies.test.ts',
  'cli/sla.test.ts',
  'cli/start.test.ts',
  'cli/test-slices.test.ts',
  'cli/usual.test.ts',
  'docs/example-stage.test.ts',
  'docs/examples.test.ts',
  'docs/site.test.ts',
  'macros/clickhouse-syntax.test.ts',
  'monitoring/monitoring.test.ts',
  'object-store/s3-store.test.ts',
  'openlineage/openlineage.test.ts',
  'unit/context/regex-limit-reached.test.ts',
  'unit/parser/parse-cache-edits.test.ts',
  'unit/pipeline/parse-caches.test.ts',
];

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

const slow = env['TSDBT_TEST_QUICK'] ? SLOW.map((name) => `tests/engine/${name}${name.endsWith('/') ? '**' : ''}`) : [];
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
  'adapters/embedded',
  'faults/clickhouse-live-views',
  'faults/views',
  'faults/slow-catalogue',
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
