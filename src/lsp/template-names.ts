// Finds names in templates by their tokens, so that a text with a mistake still has all names before it.
import { Lexer, type Token } from '../jinja/index.ts';
import type { NamedThing, NameUse, Span } from './name-uses.ts';

const lexer = new Lexer();
/** Tags that define a name, and what it is. */
const DEFINING: Readonly<Record<string, 'macro' | 'test' | 'doc' | 'snapshot'>> = {
  macro: 'macro',
  test: 'test',
  data_test: 'test',
  docs: 'doc',
  snapshot: 'snapshot',
};

/** The tokens of a text. The last one has type `eof` or `error`. */
export function templateTokens(text: string): readonly Token[] {
  return lexer.tokenize(lexer.normalize(text));
}

/** The parts of a text outside of tags and comments. */
export function plainParts(text: string): Span[] {
  return templateTokens(text).flatMap(({ type, value, pos }) =>
    type === 'data' ? { start: pos, end: pos + value.length } : [],
  );
}

/** The position between the quotes of a string. */
export function insideQuotes(text: string, { pos }: Token): Span {
  const quote = text[pos];
  let end = pos + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1;
  return { start: pos + 1, end };
}

/** @param text with normalized line breaks */
export function templateNames(text: string): NameUse[] {
  return new TokenSearch(text, templateTokens(text)).run();
}

/** The names of an expression in a text without tags. */
export function expressionNames(text: string): NameUse[] {
  const found = templateNames(`{{${text}}}`);
  return found.map((use) => ({ ...use, start: use.start - 2, end: use.end - 2 }));
}

class TokenSearch {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #found: NameUse[] = [];
  readonly #locals: ReadonlySet<string>;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
    this.#locals = localNames(tokens);
  }

  run(): NameUse[] {
    for (const [at, token] of this.#tokens.entries()) {
      if (token.type !== 'name') continue;
      if (this.#is(at - 1, 'block_begin') && DEFINING[token.value] !== undefined) this.#definition(at);
      else if (this.#is(at + 1, 'lparen')) this.#call(at, token);
    }
    return this.#found;
  }

  #is(at: number, type: Token['type'], value?: string): boolean {
    const token = this.#tokens[at];
    return token?.type === type && (value === undefined || token.value === value);
  }

  #add(thing: NamedThing, { start, end }: Span, defines = false): void {
    this.#found.push({ thing, start, end, defines });
  }

  #definition(at: number): void {
    const name = this.#tokens[at + 1];
    if (name?.type !== 'name') return;
    const kind = DEFINING[this.#tokens[at]?.value ?? ''];
    const span = { start: name.pos, end: name.pos + name.value.length };
    if (kind === 'snapshot') this.#add({ kind: 'entry', type: 'snapshot', name: name.value }, span, true);
    else if (kind !== undefined) this.#add({ kind, name: name.value, package: null }, span, true);
  }

  #call(at: number, { value, pos }: Token): void {
    if (this.#is(at - 1, 'name') && DEFINING[this.#tokens[at - 1]?.value ?? ''] !== undefined) return;
    const qualifier = this.#is(at - 1, 'dot') ? this.#tokens[at - 2] : undefined;
    const plain = !this.#is(at - 1, 'dot') || qualifier?.value === 'builtins';
    const [first, second] = this.#texts(at + 2);
    const span = (token: Token): Span => insideQuotes(this.#text, token);
    if (plain && value === 'ref' && first !== undefined) {
      const version = this.#version(at + 2);
      const name = second ?? first;
      this.#add(
        { kind: 'ref', name: name.value, package: second === undefined ? null : first.value, version },
        span(name),
      );
    } else if (plain && value === 'source' && first !== undefined && second !== undefined) {
      const thing: NamedThing = { kind: 'source', source: first.value, table: second.value };
      this.#add(thing, span(first));
      this.#add(thing, span(second));
    } else if (plain && value === 'var' && first !== undefined)
      this.#add({ kind: 'var', name: first.value }, span(first));
    else if (plain && value === 'doc' && first !== undefined) {
      const name = second ?? first;
      this.#add({ kind: 'doc', name: name.value, package: second === undefined ? null : first.value }, span(name));
    } else if (!this.#locals.has(value)) {
      const owner = qualifier?.type === 'name' && !this.#is(at - 3, 'dot') ? qualifier.value : null;
      if (!plain && owner === null) return;
      this.#add({ kind: 'macro', name: value, package: owner }, { start: pos, end: pos + value.length });
    }
  }

  /** The literal strings at the beginning of an argument list. */
  #texts(at: number): Token[] {
    const texts: Token[] = [];
    for (let i = at; ; i += 2) {
      const token = this.#tokens[i];
      const after = this.#tokens[i + 1]?.type;
      if (token?.type !== 'string' || (after !== 'comma' && after !== 'rparen')) return texts;
      texts.push(token);
      if (after === 'rparen') return texts;
    }
  }

  #version(at: number): string | null {
    for (let i = at; !this.#is(i, 'rparen') && i < this.#tokens.length; i++)
      if ((this.#is(i, 'name', 'v') || this.#is(i, 'name', 'version')) && this.#is(i + 1, 'assign')) {
        const value = this.#tokens[i + 2];
        return value === undefined ? null : String(value.literal ?? value.value);
      }
    return null;
  }
}

/** Names that `set`, `for` and the arguments of macros define in the text. */
function localNames(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>();
  const addUntil = (from: number, ends: (token: Token) => boolean): void => {
    for (let i = from; i < tokens.length; i++) {
      const token = tokens[i];
      if (token === undefined || ends(token) || token.type === 'block_end') return;
      if (token.type === 'name') names.add(token.value);
    }
  };
  for (const [at, { type, value }] of tokens.entries()) {
    if (type !== 'name' || tokens[at - 1]?.type !== 'block_begin') continue;
    if (value === 'set') addUntil(at + 1, (token) => token.type === 'assign');
    if (value === 'for') addUntil(at + 1, (token) => token.value === 'in');
    if (value === 'macro' || value === 'test') addUntil(at + 3, (token) => token.type === 'rparen');
  }
  return names;
}
