// Which tests run with `npm test`; with TSDBT_TEST_KAFKA=1, `npm run test:kafka`; with TSDBT_TORTURE, `npm run
// torture`; and their limits.
import { defineConfig } from 'vitest/config';

const { env } = process;
const folder = env['TSDBT_TEST_KAFKA'] ? 'kafka' : env['TSDBT_TORTURE'] ? 'torture' : 'engine';

export default defineConfig({
  test: {
    globalSetup: ['tests/engine/support/shared-servers.ts'],
    include: [`tests/${folder}/**/*.test.ts`],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
