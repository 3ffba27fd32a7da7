// Where in a properties file a template was written that the parser has made of its values: an error in it would else
// name a line of the made text. Leaves errors of the files themselves to the reader of YAML.
import type { TsdbtError } from '../../errors.ts';
import type { SourceFile } from '../../contracts/project.ts';

/** What of a file tells the place: a part of its text, or words of lines that follow each other. */
interface Trail {
  readonly text?: string | undefined;
  readonly words: readonly string[];
}

/**
 * Gives an error the line of the properties file, or no line when the file does not tell.
 * @param made path under which the template was compiled: an error of another file, such as a macro's, stays
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
