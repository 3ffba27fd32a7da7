// Lines at the end of a terminal that are written over again and again. Whatever else is printed meanwhile has to be
// told: `clear` before, `show` after.

/** A terminal, as far as this needs one. */
export interface Terminal {
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export class StatusLines {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];
  #shown = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** @param lines in place of those that stand there; none given: the same again */
  show(lines: readonly string[] = this.#lines): void {
    this.clear();
    this.#lines = lines;
    if (lines.length === 0) return;
    // A line that is broken by the terminal would be two, and one would stay. Some terminals say that they have no
    // width.
    const width = Math.max(20, this.#terminal.columns || 80) - 1;
    this.#terminal.write(
      lines.map((line) => `${line.length > width ? `${line.slice(0, width - 1)}…` : line}\n`).join(''),
    );
    this.#shown = lines.length;
  }

  clear(): void {
    if (this.#shown > 0) this.#terminal.write(`\u001b[${this.#shown}F\u001b[J`);
    this.#shown = 0;
  }
}
