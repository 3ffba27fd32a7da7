// Finds the line in a properties file for errors of templates that the parser generates from its values. Otherwise an
// error would name a line of generated text.
import type { TsdbtError } from '../../errors.ts';
import type { SourceFile } from '../../contracts/project.ts';

/** How to find the place: a part of the file's text, or words of consecutive lines. */
interface Trail {
  readonly text?: string | undefined;
  readonly words: readonly string[];
}

/**
 * Sets the line of an error to that of the properties file, or removes it if the file contains no match.
 * @param made path under which the template was compiled; errors of other files, such as a macro's, are unchanged
 */
export function placeInYaml(
  error: TsdbtError,
  made: string,
  file: SourceFile | undefined,
  path: string,
  trail: Trail,
): void {
  if (error.details.path !== made) return;
  const place = file === undefined ? undefined : follow(file, trail);
  Object.assign(error.details, { line: undefined, column: undefined, lineText: undefined, path, ...place });
}

function follow(
  file: SourceFile,
  { text, words }: Trail,
): { line: number; column: number; lineText: string } | undefined {
  const lines = file.contents.split('\n');
  const at = (i: number, part: string): { line: number; column: number; lineText: string } => {
    const lineText = (lines[i] ?? '').trimEnd();
    return { line: i + (file.first_line ?? 1), column: Math.max(lineText.indexOf(part), 0) + 1, lineText };
  };
  const whole = text?.trim() ?? '';
  const found = whole === '' ? -1 : lines.findIndex((line) => line.includes(whole));
  if (found >= 0) return at(found, whole);
  let i = -1;
  for (const word of words) {
    const pattern = new RegExp(`(?<![\\w.])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?!\\w)`);
    const next = lines.findIndex((line, j) => j >= Math.max(i, 0) && pattern.test(line));
    if (next < 0) return undefined;
    i = next;
  }
  return i < 0 ? undefined : at(i, words.at(-1) ?? '');
}
