// Extracts the tags of a template without the text between them, to decide whether an edit can affect more than the
// text.
import { Lexer, type Token } from './lexer.ts';

/** Statements whose body is either printed or not; a later tag can never read it. */
const PRINTING: ReadonlySet<string> = new Set(['if', 'elif', 'else', 'endif', 'for', 'endfor', 'do', 'set']);
/** Statements whose body becomes a value, and their end tags. `set` belongs here if it assigns a block. */
const VALUES: Readonly<Partial<Record<string, string>>> = {
  set: 'endset',
  call: 'endcall',
  filter: 'endfilter',
  macro: 'endmacro',
};

/**
 * Returns the tags of a template as written, comments included. Two templates with equal tags have equal side effects
 * and differ only in their output. A body that becomes a value (`{% set x %}…{% endset %}`, `call`, `filter`, `macro`)
 * counts as part of its tags.
 * @returns null if the text cannot be tokenized, or has any other statement
 */
export function templateTags(code: string): string | null {
  const lexer = new Lexer();
  const source = lexer.normalize(code);
  const tokens = lexer.tokenize(source);
  let tags = '';
  let from = 0;
  /** End tags of the enclosing bodies, the innermost last. */
  const bodies: string[] = [];
  for (const [i, token] of tokens.entries()) {
    if (token.type === 'error') return null;
    if (token.type === 'block_begin' && !isPrinting(tokens, i + 1)) {
      const name = tokens[i + 1]?.value ?? '';
      const end = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
      if (end !== undefined) bodies.push(end);
      else if (bodies.pop() !== name) return null;
    }
    if (token.type !== 'data' || bodies.length > 0) continue;
    tags += source.slice(from, token.pos);
    from = token.pos + token.value.length;
  }
  return bodies.length === 0 ? tags + source.slice(from) : null;
}

function isPrinting(tokens: readonly Token[], at: number): boolean {
  const name = tokens[at];
  if (name?.type !== 'name' || !PRINTING.has(name.value)) return false;
  if (name.value !== 'set') return true;
  let depth = 0;
  for (let i = at + 1; i < tokens.length && tokens[i]?.type !== 'block_end'; i += 1) {
    const { type } = tokens[i] as Token;
    if (type === 'lparen' || type === 'lbracket' || type === 'lbrace') depth += 1;
    else if (type === 'rparen' || type === 'rbracket' || type === 'rbrace') depth -= 1;
    else if (type === 'assign' && depth === 0) return true;
    else if (type === 'pipe') return false;
  }
  return false;
}
