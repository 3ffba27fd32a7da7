// The error that Python or jinja2 raises for an invalid operation: its type and message. The template engine adds the
// position later; errors.ts formats it.
import { type ErrorDetails, TsdbtError } from '../errors.ts';

/** Python and jinja2 exceptions that templates can raise. */
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
 * An error in a template or in an operation on its values, with the message of Python or jinja2.
 *
 * @example
 * try { render('{{ 1 + "a" }}') } catch (e) { if (e instanceof JinjaError) console.log(e.line, e.message) }
 */
export class JinjaError extends TsdbtError {
  /** The Python or jinja2 exception class. */
  readonly type: PythonErrorType;
  /** Name of the template, once known. */
  template: string | undefined;

  constructor(type: PythonErrorType, message: string, details: ErrorDetails = {}) {
    super('compilation', message, { ...details });
    this.name = 'JinjaError';
    this.type = type;
  }

  /** Returns the same error with a more precise position. Known fields are kept. */
  override with(more: ErrorDetails): JinjaError {
    const known = Object.fromEntries(Object.entries(this.details).filter(([, v]) => v !== undefined));
    const error = new JinjaError(this.type, this.message, { ...more, ...known });
    error.template = this.template;
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  /** 1-based line in the template, once known. */
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
