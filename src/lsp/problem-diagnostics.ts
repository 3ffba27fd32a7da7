// Errors of the engine as diagnostics of the protocol.
import { type CodeAction, CodeActionKind, type Diagnostic, DiagnosticSeverity, Range } from 'vscode-languageserver';
import type { TsdbtError } from '../errors.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { escaped, TextPlaces } from './text-places.ts';

/** What a quick fix needs. */
interface FixData {
  /** The word that was probably meant. */
  readonly replacement: string;
  readonly range: Range;
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
  const data = column === undefined ? null : fixOf(error, places, range);
  return {
    range,
    severity,
    source: 'tsdbt',
    code: error.errorCode,
    message: mask(message),
    ...(data === null ? {} : { data }),
  };
}

/** @param range of the wrong name, with its quotes */
function fixOf({ message, details: { hint } }: TsdbtError, places: TextPlaces, range: Range): FixData | null {
  const meant = /^did you mean '([^']+)'\?/i.exec(hint ?? '')?.[1];
  if (meant === undefined) return null;
  const { start, end } = range;
  const word = places.line(start.line).slice(start.character, end.character);
  const quote = /^['"`]/.test(word) ? 1 : 0;
  const name = quote === 1 ? word.slice(1, -1) : word;
  const inner = {
    start: { line: start.line, character: start.character + quote },
    end: { line: end.line, character: end.character - quote },
  };
  if (new RegExp(`(?:^|\\W)${escaped(name)}(?:\\W|$)`).exec(message) === null) return null;
  // Of a source, the table is marked.
  const [source, table] = /a source named '([^']*)\.([^'.]*)'/.exec(message)?.slice(1) ?? [];
  if (source === undefined || table !== name) return { replacement: meant, range: inner };
  return meant.startsWith(`${source}.`) ? { replacement: meant.slice(source.length + 1), range: inner } : null;
}

/** Corrections of misspelled names. */
export function quickFixes(uri: string, diagnostics: readonly Diagnostic[]): CodeAction[] {
  return diagnostics.flatMap((diagnostic): CodeAction[] => {
    const data: unknown = diagnostic.data;
    const replacement = isDictionary(data) ? data['replacement'] : undefined;
    const range = isDictionary(data) ? data['range'] : undefined;
    if (typeof replacement !== 'string' || !Range.is(range)) return [];
    return [
      {
        title: `Replace with '${replacement}'`,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnostic],
        isPreferred: true,
        edit: { changes: { [uri]: [{ range, newText: replacement }] } },
      },
    ];
  });
}
