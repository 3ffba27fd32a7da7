// Calling a Callable: from code that cannot wait (filters, methods and the synchronous driver), and from code that can.
import { JinjaError, typeError } from './python-error.ts';
import { typeName } from './type-name.ts';
import type { Callable, Kwargs, Value } from './value.ts';

export const NO_KWARGS: Kwargs = new Map();

/**
 * The function behind a value, or a TypeError.
 * @throws JinjaError `'int' object is not callable`
 */
export function callableOf(v: Value): Callable {
  if (typeof v === 'function') return v;
  if (typeof v === 'object' && v !== null && !Array.isArray(v) && v.jinjaCall !== undefined) return v.jinjaCall;
  throw typeError(`'${typeName(v)}' object is not callable`);
}

/**
 * The result of a call, synchronously.
 * @throws JinjaError when the function has to wait for something outside
 */
export function callSync(v: Value, args: readonly Value[], kwargs: Kwargs = NO_KWARGS): Value {
  return settleSync(callableOf(v)(args, kwargs));
}

/** Runs a generator to its end; a promise that it yields is an error. */
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

/** Runs to the end and awaits every promise that is yielded. */
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

/** Whether the result of a call still has to be run. */
export function isGenerator(result: unknown): result is Generator<unknown, Value, unknown> {
  return (
    typeof result === 'object' && result !== null && Object.prototype.toString.call(result) === '[object Generator]'
  );
}
