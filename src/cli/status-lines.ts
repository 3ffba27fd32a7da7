// Status lines at the bottom of a terminal that are overwritten. Other output calls `clear` before and `show` after it.

/** The subset of a terminal's interface that is needed here. */
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

  /** @param lines the new lines; default: the current ones */
  show(lines: readonly string[] = this.#lines): void {
    this.clear();
    this.#lines = lines;
    if (lines.length === 0) return;
    // A wrapped line would occupy two rows, and clearing would leave one. Some terminals report no width.
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
