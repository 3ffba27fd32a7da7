// Which tests run with `npm test` and, with TSDBT_TEST_KAFKA=1, `npm run test:kafka`; and their limits.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['tests/engine/support/clickhouse-folder.ts'],
    include: [`tests/${process.env['TSDBT_TEST_KAFKA'] ? 'kafka' : 'engine'}/**/*.test.ts`],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
