// The tags of a template without the text between them: tells whether an edit can have an effect beyond the text.
// Leaves the effects to the renderer.
import { Lexer, type Token } from './lexer.ts';

/** Statements whose body is printed or not, and never a value that a later tag could read. */
const PRINTING: ReadonlySet<string> = new Set(['if', 'elif', 'else', 'endif', 'for', 'endfor', 'do', 'set']);

/**
 * The tags of a template as written, comments too. Two templates with equal tags have equal side effects and differ in
 * their output only.
 * @returns null when the text between tags can become a value (`{% set x %}…{% endset %}`, `call`, `macro` …) or is no
 *   template
 */
export function templateTags(code: string): string | null {
  const lexer = new Lexer();
  const source = lexer.normalize(code);
  const tokens = lexer.tokenize(source);
  let tags = '';
  let from = 0;
  for (const [i, token] of tokens.entries()) {
    if (token.type === 'error') return null;
    if (token.type === 'block_begin' && !isPrinting(tokens, i + 1)) return null;
    if (token.type !== 'data') continue;
    tags += source.slice(from, token.pos);
    from = token.pos + token.value.length;
  }
  return tags + source.slice(from);
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
