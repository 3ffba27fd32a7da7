// Which tests run with `npm test`; with TSDBT_TEST_KAFKA=1, `npm run test:kafka`; with TSDBT_TORTURE, `npm run
// torture`; in which order, and their limits.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const { env } = process;
const KAFKA = 'tests/engine/kafka/**/*.test.ts';
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

const files = env['TSDBT_TEST_KAFKA']
  ? { include: [KAFKA] }
  : env['TSDBT_TORTURE']
    ? { include: ['tests/torture/**/*.test.ts'] }
    : {
        projects: [
          { extends: true as const, test: { name: 'alone', include: ALONE } },
          {
            extends: true as const,
            test: {
              name: 'whole',
              include: ['tests/engine/**/*.test.ts'],
              exclude: [KAFKA, ...PURE, ...ALONE],
              isolate: false,
            },
          },
          { extends: true as const, test: { name: 'mocks', include: [MOCKS] } },
          { extends: true as const, test: { name: 'pure', include: PURE, exclude: [MOCKS], isolate: false } },
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
