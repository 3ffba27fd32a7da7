// Errors of a template's text: they know an offset, from which whoever has the text tells the column.
import { JinjaError, type PythonErrorType } from '../values/python-error.ts';

/** A syntax error that still knows its offset in the template. */
export class SyntaxErrorAt extends JinjaError {
  readonly pos: number | undefined;

  constructor(message: string, line: number, pos: number | undefined, type: PythonErrorType = 'TemplateSyntaxError') {
    super(type, message, { line });
    this.pos = pos;
  }
}

/** A syntax error at a token. */
export function syntaxError(message: string, line: number, pos?: number): JinjaError {
  return new SyntaxErrorAt(message, line, pos);
}

/**
 * The column of an error in the line that it names: 1-based, in code points. An offset behind that line, as the end of
 * a template has, is the end of the line.
 * @param text the template
 * @returns undefined when the error has no offset, or one before its line
 */
export function columnOf(error: JinjaError, text: string): number | undefined {
  const { line } = error.details;
  if (!(error instanceof SyntaxErrorAt) || error.pos === undefined || line === undefined) return undefined;
  const start = text.lastIndexOf('\n', error.pos - 1) + 1;
  const reached = text.slice(0, start).split('\n').length;
  if (reached === line) return Array.from(text.slice(start, error.pos)).length + 1;
  return reached < line ? undefined : Array.from((text.split('\n')[line - 1] ?? '').trimEnd()).length + 1;
}
