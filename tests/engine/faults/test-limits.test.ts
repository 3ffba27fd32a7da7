// Tests a data test whose limit hides its thresholds: the count stops at the limit, and the test always passes or
// warns.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

/** [name, config, is warned of] */
const TESTS: readonly (readonly [string, string, string | null])[] = [
  ['hides_error', 'limit: 2, warn_if: ">1", error_if: ">2"', 'error_if: ">2"'],
  ['hides_both', 'limit: 2, warn_if: ">=3", error_if: ">= 5"', 'warn_if: ">=3"'],
  ['hides_warning', 'limit: 2, severity: warn, warn_if: "> 2"', 'warn_if: "> 2"'],
  ['fails', 'limit: 2, error_if: ">1"', null],
  ['reachable', 'limit: 2, warn_if: ">=2", error_if: "<1"', null],
  ['has_no_limit', 'warn_if: ">1", error_if: ">5"', null],
  ['stays_below', 'limit: 4, warn_if: ">1", error_if: ">4"', null],
];

describe('a test with a limit', () => {
  let project: FaultProject;
  let out: string;
  beforeAll(async () => {
    const tests = TESTS.map(
      ([name, config]) =>
        `          - accepted_values: {name: ${name}, arguments: {values: [0]}, config: {${config}}}\n`,
    );
    project = await FaultProject.open({
      'models/m.sql': 'select g as id from generate_series(1, 3) g',
      'models/y.yml': `models:\n  - name: m\n    columns:\n      - name: id\n        data_tests:\n${tests.join('')}`,
    });
    ({ out } = await project.run(['build']));
  });
  afterAll(async () => {
    await project?.close();
  });

  it.each(TESTS)('named %s (%s) causes a warning: %s', (name, _, warned) => {
    const text = `Test ${name} stops counting at its limit of 2, so that ${warned ?? ''}`;
    if (warned === null) expect(out).not.toContain(`Test ${name} stops`);
    else expect(out).toContain(`${text} is never true. Set a higher limit, or none.`);
  });
});
