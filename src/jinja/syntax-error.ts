// Syntax errors that keep their offset, from which code with access to the source computes the column.
import { JinjaError, type PythonErrorType } from '../values/python-error.ts';

/** A syntax error with its offset in the template. */
export class SyntaxErrorAt extends JinjaError {
  readonly pos: number | undefined;

  constructor(message: string, line: number, pos: number | undefined, type: PythonErrorType = 'TemplateSyntaxError') {
    super(type, message, { line });
    this.pos = pos;
  }
}

/** Creates a syntax error at a token. */
export function syntaxError(message: string, line: number, pos?: number): JinjaError {
  return new SyntaxErrorAt(message, line, pos);
}

/**
 * Returns the column of an error in its line: 1-based, in code points. An offset after that line, as at the end of a
 * template, gives the end of the line.
 * @param text the template
 * @returns undefined if the error has no offset, or its offset is before its line
 */
export function columnOf(error: JinjaError, text: string): number | undefined {
  const { line } = error.details;
  if (!(error instanceof SyntaxErrorAt) || error.pos === undefined || line === undefined) return undefined;
  const start = text.lastIndexOf('\n', error.pos - 1) + 1;
  const reached = text.slice(0, start).split('\n').length;
  if (reached === line) return Array.from(text.slice(start, error.pos)).length + 1;
  return reached < line ? undefined : Array.from((text.split('\n')[line - 1] ?? '').trimEnd()).length + 1;
}
