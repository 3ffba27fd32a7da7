// Calls a Callable: synchronously (filters, methods and the synchronous driver) or asynchronously.
import { JinjaError, typeError } from './python-error.ts';
import { typeName } from './type-name.ts';
import type { Callable, Kwargs, Value } from './value.ts';

export const NO_KWARGS: Kwargs = new Map();

/**
 * Returns the function of a callable value.
 * @throws JinjaError `'int' object is not callable`
 */
export function callableOf(v: Value): Callable {
  if (typeof v === 'function') return v;
  if (typeof v === 'object' && v !== null && !Array.isArray(v) && v.jinjaCall !== undefined) return v.jinjaCall;
  throw typeError(`'${typeName(v)}' object is not callable`);
}

/**
 * Calls synchronously.
 * @throws JinjaError if the function has to await something
 */
export function callSync(v: Value, args: readonly Value[], kwargs: Kwargs = NO_KWARGS): Value {
  return settleSync(callableOf(v)(args, kwargs));
}

/** Runs a generator to its end. A promise that it yields is an error. */
export function settleSync(result: Value | Promise<Value> | Generator<unknown, Value, unknown>): Value {
  if (typeof result !== 'object' || result === null) return result;
  if (result instanceof Promise) throw waiting();
  if (isGenerator(result)) {
    const step = result.next();
    if (!step.done) {
      result.return(null);
      throw waiting();
    }
    return step.value;
  }
  return result;
}

/** Runs a generator to its end and awaits each promise that it yields. */
export async function settle(result: Value | Promise<Value> | Generator<unknown, Value, unknown>): Promise<Value> {
  if (typeof result !== 'object' || result === null || !('next' in result) || typeof result.next !== 'function')
    return result as Value;
  const generator = result;
  let step = generator.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = generator.throw(error);
      continue;
    }
    step = generator.next(value);
  }
  return step.value;
}

function waiting(): JinjaError {
  return new JinjaError('RuntimeError', 'this call has to wait for the database, which is not possible here');
}

/** Whether the result of a call is a generator that must still be run. */
export function isGenerator(result: unknown): result is Generator<unknown, Value, unknown> {
  return (
    typeof result === 'object' && result !== null && Object.prototype.toString.call(result) === '[object Generator]'
  );
}
