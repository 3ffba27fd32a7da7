// Converts between offsets in a text and the positions of the protocol: lines and UTF-16 units. Line breaks are
// normalized first, so offsets are those of the template lexer.
import type { Position, Range } from 'vscode-languageserver';

/** A text as part of a regular expression. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

export class TextPlaces {
  /** With `\n` as the only line break. */
  readonly text: string;
  readonly #starts: number[] = [0];

  constructor(text: string) {
    this.text = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  offsetAt({ line, character }: Position): number {
    const start = this.#starts[line] ?? this.text.length;
    return Math.min(start + character, (this.#starts[line + 1] ?? this.text.length + 1) - 1);
  }

  positionAt(offset: number): Position {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: offset - (this.#starts[low] ?? 0) };
  }

  range(start: number, end: number): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** The text of a line, without its break. */
  line(line: number): string {
    const start = this.#starts[line];
    return start === undefined ? '' : this.text.slice(start, (this.#starts[line + 1] ?? this.text.length + 1) - 1);
  }

  /** The range of the word at a place. @param column 1-based, in code points; absent: the whole line */
  wordRange(line: number, column?: number): Range {
    const text = this.line(line);
    const indent = text.length - text.trimStart().length;
    const start = column === undefined ? indent : [...text].slice(0, column - 1).join('').length;
    const rest =
      column === undefined ? text.trim() : (/^(?:['"`]?[\p{L}\p{N}_$.]+['"`]?|.)/u.exec(text.slice(start)) ?? [''])[0];
    return { start: { line, character: start }, end: { line, character: start + rest.length } };
  }
}
