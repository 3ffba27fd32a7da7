// What templates see of the command: `flags`, dbt's fixed list with upper-case names, and `invocation_args_dict`.
// Records what was read; the parse cache evaluates the records.
import type { Flags, RuntimeConfig } from '../contracts/project.ts';
import { PyDateTime } from '../values/datetime.ts';
import { fromJson, type HostObject, PyDict, toRepr, type Value } from '../values/index.ts';
import { pytzUtc } from '../values/timezone.ts';
import { LazyDict } from './lazy-dict.ts';

/**
 * Receives each part of the command that a template reads: `flags.NAME` in lower case, `args.NAME`, or `args` for all
 * arguments. A cached parse is valid while `commandPart` returns the same for each of them.
 */
export type CommandRecorder = (part: string) => void;

type Arguments = RuntimeConfig['invocation']['args'];

/** Flags whose value is read from the arguments: without an option it depends on the project. */
const PLACES: ReadonlySet<string> = new Set(['profiles_dir', 'log_path']);

function flagOf(flags: Flags, args: Arguments | undefined, name: string): Flags[string] {
  return flags[name] ?? (PLACES.has(name) ? args?.[name] : undefined);
}

/** Returns the value of a recorded part; undefined if the command does not have it. */
export function commandPart({ flags, invocation }: Pick<RuntimeConfig, 'flags' | 'invocation'>, part: string): unknown {
  if (part === 'args') return invocation.args;
  const [table, name] = [part.slice(0, part.indexOf('.')), part.slice(part.indexOf('.') + 1)];
  if (table !== 'args') return Object.hasOwn(flags, name) ? flagOf(flags, invocation.args, name) : undefined;
  return Object.hasOwn(invocation.args, name) ? invocation.args[name] : undefined;
}

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

/** Creates the `flags` of a context. */
export function flagsObject(flags: Flags, args?: Arguments, record?: CommandRecorder): HostObject {
  return {
    jinjaType: 'argparse.Namespace',
    jinjaGet(name: string): Value | undefined {
      if (!VISIBLE.has(name)) return undefined;
      record?.(`flags.${name.toLowerCase()}`);
      const value = flagOf(flags, args, name.toLowerCase());
      if (value === undefined) return name === 'REQUIRE_SQL_HEADER_IN_TEST_CONFIGS' ? false : null;
      return fromJson(value);
    },
    jinjaText(): string {
      for (const name of VISIBLE) record?.(`flags.${name.toLowerCase()}`);
      const shown = [...VISIBLE].map((name) => `${name}=${String(flagOf(flags, args, name.toLowerCase()) ?? 'None')}`);
      return `Namespace(${shown.join(', ')})`;
    },
  };
}

/** Creates the `invocation_args_dict` of a context. */
export function argumentsDict(args: Arguments, record?: CommandRecorder): Value {
  if (record !== undefined) return new ArgumentsDict(args, record);
  return new PyDict(Object.keys(args).map((name) => [name, argument(args, name)]));
}

/** Converts one argument; dbt represents `--sample` by an object. */
function argument(args: Arguments, name: string): Value {
  const value = args[name];
  if (name !== 'sample' || typeof value !== 'object' || value === null || Array.isArray(value)) return fromJson(value);
  const moment = (text: unknown): PyDateTime => PyDateTime.fromIso(String(text)).withZone(pytzUtc());
  const start = moment(value['start']);
  const end = moment(value['end']);
  return {
    jinjaType: 'SampleWindow',
    jinjaGet: (field) => (field === 'start' ? start : field === 'end' ? end : undefined),
    jinjaText: () => `SampleWindow(start=${toRepr(start)}, end=${toRepr(end)})`,
    toJsonValue: () => value,
  };
}

class ArgumentsDict extends LazyDict {
  readonly #any: boolean;

  constructor(args: Arguments, record: CommandRecorder) {
    super({
      keys: () => {
        record('args');
        return Object.keys(args);
      },
      has: (key) => {
        record(`args.${key}`);
        return Object.hasOwn(args, key);
      },
      load: (key) => argument(args, key),
    });
    this.#any = Object.keys(args).length > 0;
  }

  /** Not recorded: every command has arguments, so this does not depend on the command. */
  override jinjaTruth(): boolean {
    return this.#any;
  }
}
