// `flags` as templates see it: dbt's fixed list of flags under upper-case names, everything else undefined.
import type { Flags } from '../contracts/project.ts';
import { fromJson, type HostObject, type Value } from '../values/index.ts';

const VISIBLE: ReadonlySet<string> = new Set([
  'USE_EXPERIMENTAL_PARSER',
  'STATIC_PARSER',
  'WARN_ERROR',
  'WARN_ERROR_OPTIONS',
  'WRITE_JSON',
  'PARTIAL_PARSE',
  'USE_COLORS',
  'PROFILES_DIR',
  'DEBUG',
  'LOG_FORMAT',
  'VERSION_CHECK',
  'FAIL_FAST',
  'SEND_ANONYMOUS_USAGE_STATS',
  'PRINTER_WIDTH',
  'INDIRECT_SELECTION',
  'LOG_CACHE_EVENTS',
  'QUIET',
  'NO_PRINT',
  'CACHE_SELECTED_ONLY',
  'INTROSPECT',
  'TARGET_PATH',
  'LOG_PATH',
  'INVOCATION_COMMAND',
  'EMPTY',
  'MAXIMUM_SEED_SIZE_MIB',
  'HINTS_ENABLED',
  'FULL_REFRESH',
  'STORE_FAILURES',
  'WHICH',
  'REQUIRE_SQL_HEADER_IN_TEST_CONFIGS',
]);

/** The `flags` of a context. */
export function flagsObject(flags: Flags): HostObject {
  return {
    jinjaType: 'argparse.Namespace',
    jinjaGet(name: string): Value | undefined {
      if (!VISIBLE.has(name)) return undefined;
      const value = flags[name.toLowerCase()];
      if (value === undefined) return name === 'REQUIRE_SQL_HEADER_IN_TEST_CONFIGS' ? false : null;
      return fromJson(value);
    },
    jinjaText(): string {
      const shown = [...VISIBLE].map((name) => `${name}=${String(flags[name.toLowerCase()] ?? 'None')}`);
      return `Namespace(${shown.join(', ')})`;
    },
  };
}
