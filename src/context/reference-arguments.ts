// Validates the arguments of ref(), source(), metric() and function(), with dbt's messages.
import { errorOf } from '../error-table.ts';
import type { RefArgs } from '../contracts/node.ts';
import type { TsdbtError } from '../errors.ts';
import { type Call, isTruthy, numericOf, PyFloat, qualifiedTypeName, type Value } from '../values/index.ts';

/** `ref(name)`, `ref(package, name)`, `version=` or `v=`. */
export function refArguments({ args, kwargs }: Call): RefArgs {
  const [name, packageName] = nameAndPackage('ref', args);
  const named = kwargs.get('version') ?? null;
  const version = isTruthy(named) ? named : (kwargs.get('v') ?? null);
  if (typeof name !== 'string') throw wrongType('The name argument to ref() must be a string, got', name);
  if (packageName !== null && typeof packageName !== 'string')
    throw wrongType('The package argument to ref() must be a string or None, got', packageName);
  if (version !== null && typeof version !== 'string' && numericOf(version) === undefined) {
    throw wrongType('The version argument to ref() must be a string, int, float, or None - got', version);
  }
  return {
    name,
    package: packageName,
    version:
      version instanceof PyFloat
        ? version.value
        : typeof version === 'boolean'
          ? Number(version)
          : (version as string | number | null),
  };
}

/** `source(source_name, table_name)`. */
export function sourceArguments({ args, kwargs }: Call): [source: string, table: string] {
  if (args.length !== 2 || kwargs.size > 0) throw errorOf('sourceWithoutTwoNames', { given: args.length });
  const [source, table] = args as [Value, Value];
  if (typeof source !== 'string')
    throw wrongType('The source name (first) argument to source() must be a string, got', source);
  if (typeof table !== 'string')
    throw wrongType('The table name (second) argument to source() must be a string, got', table);
  return [source, table];
}

/** `metric(name)` or `function(name)`, optionally preceded by a package. */
export function namedArguments(
  what: 'metric' | 'function',
  { args }: Call,
): { name: string; packageName: string | null } {
  const [name, packageName] = nameAndPackage(what === 'metric' ? 'metric' : 'ref', args);
  if (typeof name !== 'string') throw wrongType(`The name argument to ${what}() must be a string, got`, name);
  if (packageName !== null && typeof packageName !== 'string')
    throw wrongType(`The package argument to ${what}() must be a string or None, got`, packageName);
  return { name, packageName };
}

/** Returns the last of one or two arguments, and the package before it. @param called function name in dbt's message */
function nameAndPackage(called: string, args: readonly Value[]): [name: Value, packageName: Value] {
  const [first, second] = args;
  if (first === undefined || args.length > 2) throw errorOf('tooManyNames', { function: called, given: args.length });
  return second === undefined ? [first, null] : [second, first];
}

function wrongType(message: string, value: Value): TsdbtError {
  return errorOf('badNameType', { message, type: qualifiedTypeName(value) });
}
