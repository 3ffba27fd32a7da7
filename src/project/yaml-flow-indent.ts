// Accepts flow collections (`{…}`, `[…]`) and quoted texts whose continuation lines are indented less than YAML 1.2
// allows, or by tabs. PyYAML accepts them, the `yaml` package does not. Such lines are indented, which does not change
// their meaning. yaml-document.ts parses.

const INDENT = ' '.repeat(80);
const MOST_ROUNDS = 200;

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

interface Parsed {
  readonly errors: readonly Problem[];
}

/** Whether a flow collection ends too early. */
export function isOfFlow({ code, message }: Pick<Problem, 'code' | 'message'>): boolean {
  return code === 'BAD_INDENT' && message.includes('sufficiently indented');
}

/**
 * Parses a text, and repeats with indented lines while a flow collection or a quoted text ends too early.
 * @param parse returns the document of a text with its errors
 * @returns the document, its text and the shift of each indented line (from 1); the original when indenting does not
 * help
 */
export function parseWithFlows<T extends Parsed>(
  text: string,
  parse: (text: string) => T,
): { document: T; text: string; moved: ReadonlySet<number> } {
  const original = parse(text);
  const moved = new Set<number>();
  let document = original;
  let lines = text;
  for (let round = 0; round < MOST_ROUNDS && document.errors.length > 0; round++) {
    const problem = document.errors[0]!;
    const [offset] = problem.pos;
    const quote = /^Missing closing (['"])quote/.exec(problem.message)?.[1];
    const range = isOfFlow(problem)
      ? restOfFlow(lines, offset)
      : quote === undefined
        ? undefined
        : restOfQuoted(lines, offset, quote);
    if (range === undefined) break;
    lines = lines
      .split('\n')
      .map((line, index) => {
        if (index < range[0] || index > range[1] || moved.has(index + 1)) return line;
        moved.add(index + 1);
        return INDENT + line;
      })
      .join('\n');
    document = parse(lines);
  }
  return document.errors.length > 0 ? { document: original, text, moved: new Set() } : { document, text: lines, moved };
}

/** Number of columns by which positions in a moved line are corrected. */
export const MOVED_BY = INDENT.length;

/** The lines from `offset` to the bracket that closes the open collection; undefined when there is none. */
function restOfFlow(text: string, offset: number): [number, number] | undefined {
  const start = offset + text.slice(offset).search(/\S/);
  let depth = 0;
  let quote = '';
  let before = ',';
  for (let i = start; i >= offset && i < text.length; i++) {
    const character = text[i]!;
    if (quote !== '') {
      if (character === '\\' && quote === '"') i++;
      else if (character === quote) quote = '';
      continue;
    }
    if ((character === '"' || character === "'") && /[[{,:]/.test(before)) quote = character;
    else if (character === '#' && /\s/.test(text[i - 1] ?? ' '))
      i = text.indexOf('\n', i) === -1 ? text.length : text.indexOf('\n', i);
    else if (character === '{' || character === '[') depth++;
    else if ((character === '}' || character === ']') && --depth < 0) return [lineOf(text, start), lineOf(text, i)];
    if (/\S/.test(character)) before = character;
  }
  return undefined;
}

/** The lines after the one where a text that ends at `offset` is quoted, to its closing quote. */
function restOfQuoted(text: string, offset: number, quote: string): [number, number] | undefined {
  let start = text.lastIndexOf(quote, offset - 1);
  // A quote within the text: an escaped one, or one of a pair.
  while (start > 0 && (quote === '"' ? text[start - 1] === '\\' : text[start - 1] === "'"))
    start = text.lastIndexOf(quote, start - (quote === '"' ? 1 : 2));
  if (start < 0) return undefined;
  for (let i = start + 1; i < text.length; i++) {
    if (quote === '"' && text[i] === '\\') i++;
    else if (text[i] === quote) {
      if (quote === '"' || text[i + 1] !== "'") {
        const separated = /\n(?:---|\.\.\.)\s/.test(text.slice(start, i));
        return separated ? undefined : [lineOf(text, start) + 1, lineOf(text, i)];
      }
      i++;
    }
  }
  return undefined;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length - 1;
}
