// The error that Python (or jinja2) would raise for a bad operation on values: its type name and its words. Where it
// happened is added later by the template engine; how it is shown is in errors.ts.
import { type ErrorDetails, TsdbtError } from '../errors.ts';

/** Names of the Python and jinja2 exceptions that templates can meet. */
export type PythonErrorType =
  | 'TypeError'
  | 'ValueError'
  | 'KeyError'
  | 'IndexError'
  | 'AttributeError'
  | 'LookupError'
  | 'ZeroDivisionError'
  | 'OverflowError'
  | 'InvalidOperation'
  | 'MemoryError'
  | 'RecursionError'
  | 'StopIteration'
  | 'UnicodeError'
  | 'RuntimeError'
  | 'UndefinedError'
  | 'SecurityError'
  | 'FilterArgumentError'
  | 'TemplateRuntimeError'
  | 'TemplateAssertionError'
  | 'TemplateSyntaxError'
  | 'TemplateNotFound'
  | 'TemplatesNotFound'
  | 'LimitError';

/**
 * An error of a template or of an operation on its values, with the words of Python or jinja2.
 *
 * @example
 * try { render('{{ 1 + "a" }}') } catch (e) { if (e instanceof JinjaError) console.log(e.line, e.message) }
 */
export class JinjaError extends TsdbtError {
  /** Which Python or jinja2 exception this is. */
  readonly type: PythonErrorType;
  /** Name of the template in which it happened, once known. */
  template: string | undefined;

  constructor(type: PythonErrorType, message: string, details: ErrorDetails = {}) {
    super('compilation', message, { ...details });
    this.name = 'JinjaError';
    this.type = type;
  }

  /** The same error with more known about where it happened; what is known already wins. */
  override with(more: ErrorDetails): JinjaError {
    const known = Object.fromEntries(Object.entries(this.details).filter(([, v]) => v !== undefined));
    const error = new JinjaError(this.type, this.message, { ...more, ...known });
    error.template = this.template;
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  /** 1-based line of the template, once known. */
  get line(): number | undefined {
    return this.details.line;
  }
}

export function typeError(message: string): JinjaError {
  return new JinjaError('TypeError', message);
}

export function valueError(message: string): JinjaError {
  return new JinjaError('ValueError', message);
}

export function undefinedError(message: string): JinjaError {
  return new JinjaError('UndefinedError', message);
}
