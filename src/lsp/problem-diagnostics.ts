// Errors of the engine as diagnostics of the protocol.
import { type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';
import type { TsdbtError } from '../errors.ts';
import { TextPlaces } from './text-places.ts';

/** What a quick fix needs. */
export interface FixData {
  /** The word that was probably meant. */
  readonly replacement: string;
}

/** @param text of the file. @param mask hides secrets */
export function diagnosticOf(
  error: TsdbtError,
  text: string,
  mask: (text: string) => string,
  severity: DiagnosticSeverity = DiagnosticSeverity.Error,
): Diagnostic {
  const { line, column, hint, stack } = error.details;
  const places = new TextPlaces(text);
  const range = places.wordRange((line ?? 1) - 1, line === undefined ? undefined : column);
  const calls = (stack ?? []).slice(0, 5).map((frame) => `in ${frame.type} ${frame.name} (${frame.path})`);
  const message = [error.message, ...calls, ...(hint === undefined ? [] : [hint])].join('\n');
  const replacement = /^did you mean '([^']+)'\?/i.exec(hint ?? '')?.[1];
  return {
    range,
    severity,
    source: 'tsdbt',
    code: error.errorCode,
    message: mask(message),
    ...(replacement === undefined ? {} : { data: { replacement } satisfies FixData }),
  };
}
