// What every template sees, in any file and phase: var, env_var, log, return, JSON and YAML, sets, modules, flags,
// facts of the invocation. Other contexts add the target, nodes and the database.
import { eventOf } from '../events/index.ts';
import { createHash } from 'node:crypto';
import type { Json } from '../contracts/node.ts';
import type { Flags, Invocation } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { macroReturn } from '../jinja/index.ts';
import type { Logger } from '../log.ts';
import { PyDateTime } from '../values/datetime.ts';
import {
  argumentBinder,
  callable,
  dumpJson,
  fromJson,
  isTruthy,
  iterate,
  JinjaError,
  PyDict,
  PySet,
  PyTuple,
  parseJson,
  toText,
  typeError,
  typeName,
  type Value,
} from '../values/index.ts';
import { pytzUtc } from '../values/timezone.ts';
import { createEnvVar, type Environment, type EnvVarRecorder, maskPlaceholders } from './env-var.ts';
import { type CommandRecorder, flagsObject } from './flags-object.ts';
import { createModules } from './modules/modules.ts';
import { ContextScope, type MacroView, type Member, type Members } from './scope.ts';
import { createVar, type VarLayers } from './var.ts';
import { dumpYaml } from './yaml-dump.ts';

/** Parses YAML. Passed in, because the parser belongs to the project layer. */
export type LoadYaml = (text: string) => Json;

/** Settings of a scope that are the same for a whole command. */
export interface ScopeSettings {
  readonly env: Environment;
  readonly logger: Logger;
  /** Null while the flags are unknown (profiles.yml). */
  readonly flags: Flags | null;
  readonly invocation: Invocation | null;
  readonly loadYaml: LoadYaml;
  /** `Thread-1 (worker)`; `MainThread` if absent. */
  readonly threadId?: string | undefined;
  readonly recordEnvVar?: EnvVarRecorder | undefined;
  readonly recordCommand?: CommandRecorder | undefined;
  /** The clock behind `modules.datetime.datetime.now()`: milliseconds since 1970. */
  readonly clock: () => number;
}

export class BaseScope extends ContextScope {
  readonly settings: ScopeSettings;
  readonly vars: VarLayers;
  /** Whether a missing variable is an error. */
  readonly requireVars: boolean;

  constructor(
    settings: ScopeSettings,
    vars: VarLayers,
    requireVars: boolean,
    members: Members<never> = BASE_MEMBERS,
    macros: MacroView | null = null,
  ) {
    super(members, macros);
    this.settings = settings;
    this.vars = vars;
    this.requireVars = requireVars;
  }
}

const constant =
  (value: Value): Member<BaseScope> =>
  () =>
    value;

/** The dbt version that is implemented. Templates and packages read it. */
export const DBT_VERSION = '1.12.6';

const LOG = argumentBinder('log', 'msg, info=False');

export const BASE_MEMBERS: Members<BaseScope> = new Map<string, Member<BaseScope>>([
  ['dbt_version', constant(DBT_VERSION)],
  ['var', (scope) => createVar(scope.vars, { required: scope.requireVars })],
  ['env_var', (scope) => createEnvVar(scope.settings.env, { record: scope.settings.recordEnvVar })],
  ['return', constant(macroReturn)],
  [
    'fromjson',
    constant(
      callable('fromjson', 'string, default=None', (text, fallback) =>
        orDefault(() => parseJson(textOf(text, 'the JSON object must be str, bytes or bytearray, not ')), fallback),
      ),
    ),
  ],
  [
    'tojson',
    constant(
      callable('tojson', 'value, default=None, sort_keys=False', (value, fallback, sortKeys) =>
        orDefault(() => dumpJson(value ?? null, { sortKeys: isTruthy(sortKeys ?? false) }), fallback),
      ),
    ),
  ],
  [
    'fromyaml',
    (scope) =>
      callable('fromyaml', 'value, default=None', (text, fallback) => {
        try {
          return fromJson(scope.settings.loadYaml(toText(text ?? null)));
        } catch (error) {
          if (error instanceof TsdbtError) return fallback ?? null;
          throw error;
        }
      }),
  ],
  [
    'toyaml',
    constant(
      callable('toyaml', 'value, default=None, sort_keys=False', (value, fallback, sortKeys) =>
        orDefault(() => dumpYaml(value ?? null, isTruthy(sortKeys ?? false)), fallback),
      ),
    ),
  ],
  [
    'set',
    constant(
      callable('set', 'value, default=None', (value, fallback) =>
        onTypeError(
          () => new PySet(iterate(value ?? null)),
          () => fallback ?? null,
        ),
      ),
    ),
  ],
  [
    'set_strict',
    constant(callable('set_strict', 'value', (value) => onTypeError(() => new PySet(iterate(value ?? null)), strict))),
  ],
  [
    'zip',
    constant(
      callable('zip', '*args, default=None', (args, fallback) =>
        onTypeError(
          () => zip(args ?? null),
          () => fallback ?? null,
        ),
      ),
    ),
  ],
  ['zip_strict', constant(callable('zip_strict', '*args', (args) => onTypeError(() => zip(args ?? null), strict)))],
  [
    'log',
    (scope) =>
      callable('log', LOG, (message, info) => {
        const msg = maskPlaceholders(toText(message ?? null));
        scope.settings.logger.fire(
          isTruthy(info ?? false) ? eventOf('JinjaLogInfo', msg, { msg }) : eventOf('JinjaLogDebug', msg, { msg }),
        );
        return '';
      }),
  ],
  [
    'print',
    (scope) =>
      callable('print', 'msg', (message) => {
        const msg = maskPlaceholders(toText(message ?? null));
        if (scope.settings.flags?.print !== false) scope.settings.logger.fire(eventOf('PrintEvent', msg, { msg }));
        return '';
      }),
  ],
  [
    'run_started_at',
    ({ settings }) =>
      settings.invocation === null
        ? null
        : startedAt(settings.invocation.started_at, settings.invocation.started_micros),
  ],
  ['invocation_id', ({ settings }) => settings.invocation?.invocation_id ?? null],
  ['thread_id', ({ settings }) => settings.threadId ?? 'MainThread'],
  ['otel_trace_id', constant(callable('otel_trace_id', '', () => '0'.repeat(32)))],
  ['otel_span_id', constant(callable('otel_span_id', '', () => '0'.repeat(16)))],
  ['modules', ({ settings }) => createModules(settings.clock, settings.logger)],
  [
    'flags',
    ({ settings }) =>
      settings.flags === null
        ? new PyDict()
        : flagsObject(settings.flags, settings.invocation?.args, settings.recordCommand),
  ],
  ['diff_of_two_dicts', constant(callable('diff_of_two_dicts', 'dict_a, dict_b', diffOfTwoDicts))],
  [
    'local_md5',
    constant(
      callable('local_md5', 'value', (value) =>
        createHash('md5').update(textOf(value, 'local_md5() takes a str, not '), 'utf8').digest('hex'),
      ),
    ),
  ],
]);

function textOf(value: Value | undefined, complaint: string): string {
  if (typeof value === 'string') return value;
  throw typeError(`${complaint}${typeName(value ?? null)}`);
}

/** Returns the default where Python raises a ValueError; invalid JSON raises one. */
function orDefault(make: () => Value, fallback: Value | undefined): Value {
  try {
    return make();
  } catch (error) {
    if (error instanceof JinjaError && error.type === 'ValueError') return fallback ?? null;
    throw error;
  }
}

function onTypeError(make: () => Value, otherwise: (error: JinjaError) => Value): Value {
  try {
    return make();
  } catch (error) {
    if (error instanceof JinjaError && error.type === 'TypeError') return otherwise(error);
    throw error;
  }
}

function strict(error: JinjaError): never {
  throw new TsdbtError('compilation', error.message);
}

function zip(lists: Value): Value {
  const iterators = [...iterate(lists)].map((list) => iterate(list)[Symbol.iterator]());
  const out: Value[] = [];
  while (iterators.length > 0) {
    const steps = iterators.map((iterator) => iterator.next());
    if (steps.some((step) => step.done === true)) break;
    out.push(new PyTuple(steps.map((step) => step.value as Value)));
  }
  return out;
}

/** Returns dict_a without the entries of dict_b, compared case-insensitively; used for grants. */
function diffOfTwoDicts(a: Value, b: Value): Value {
  const fold = (value: Value): string => toText(value).toLowerCase();
  const lowered = new Map(
    [...entriesOf(b)].map(([key, values]) => [fold(key), new Set([...iterate(values)].map(fold))]),
  );
  const out = new PyDict();
  for (const [key, values] of entriesOf(a)) {
    const known = lowered.get(fold(key));
    if (known === undefined) out.set(key, values);
    else {
      const rest = [...iterate(values)].filter((value) => !known.has(fold(value)));
      if (rest.length > 0) out.set(key, rest);
    }
  }
  return out;
}

function entriesOf(value: Value): Iterable<[Value, Value]> {
  if (value instanceof PyDict) return value.entries();
  throw typeError(`'${typeName(value)}' object has no attribute 'items'`);
}

function startedAt(started: Date, micros = 0): PyDateTime {
  return PyDateTime.fromEpoch(BigInt(started.getTime()) * 1000n + BigInt(micros), pytzUtc());
}
