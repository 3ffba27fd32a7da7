// Adds the template position to an error while the stack of template functions unwinds.
import { type ErrorFrame, TsdbtError } from '../errors.ts';
import { JinjaError } from '../values/python-error.ts';
import type { RenderState } from './render-state.ts';
import { ReturnSignal } from './return-signal.ts';
import type { TraceSource } from './trace.ts';

/** Facts about the template that generated code keeps. */
export interface TemplateSource extends TraceSource {
  /** The source, from which error messages quote a line. */
  readonly text: string;
}

/** Returns the error to rethrow: the same one, with line, path and one more frame. */
export function describeFailure(
  error: unknown,
  line: number,
  source: TemplateSource,
  name: string,
  state: RenderState,
): unknown {
  if (error instanceof ReturnSignal) return error;
  const known = error instanceof TsdbtError ? error : translate(error, state);
  if (!(known instanceof TsdbtError)) return error;
  const { details } = known;
  const real = line + (source.line ?? 1) - 1;
  if (details.line === undefined && line > 0) {
    details.line = real;
    details.lineText ??= source.text.split('\n')[line - 1];
    details.path ??= source.path;
    if (known instanceof JinjaError) known.template ??= source.name;
  }
  if (name !== '' && name !== 'template' && name !== 'caller' && name !== 'recursive loop') {
    const frames = (details.stack ?? []) as ErrorFrame[];
    const type = name.startsWith('block ') ? 'block' : 'macro';
    frames.push({
      type,
      name: name.replace(/^(?:dbt_macro__|block )/, ''),
      path: source.path ?? source.name,
      line: real,
    });
    details.stack = frames;
  }
  return known;
}

function translate(error: unknown, state: RenderState): unknown {
  if (!(error instanceof RangeError)) return error;
  if (/call stack/i.test(error.message)) {
    state.depth = 0;
    return new JinjaError('LimitError', 'maximum recursion depth exceeded');
  }
  if (/string length|array length/i.test(error.message))
    return new JinjaError('LimitError', 'the template has built a value that is too long');
  return error;
}
