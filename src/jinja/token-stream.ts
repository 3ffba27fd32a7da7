// The parser's view of the tokens: the current token, one token of lookahead, and jinja2's messages for an unexpected
// token. Licensed in part under BSD-3-Clause, Copyright 2007 Pallets: see NOTICE in lexer.ts.
import { stringRepr } from '../values/text.ts';
import { OPERATORS, type Token } from './lexer.ts';
import { syntaxError } from './syntax-error.ts';

const TYPE_WORDS: { readonly [type: string]: string } = {
  block_begin: 'begin of statement block',
  block_end: 'end of statement block',
  variable_begin: 'begin of print statement',
  variable_end: 'end of print statement',
  data: 'template data / text',
  eof: 'end of template',
  ...Object.fromEntries(Object.entries(OPERATORS).map(([text, type]) => [type, text])),
};

/** The name of a token in jinja2's messages. */
export function describeToken(token: Token): string {
  return token.type === 'name' ? token.value : (TYPE_WORDS[token.type] ?? token.type);
}

/** Like `describeToken`, for a `type` or `name:value`. */
export function describeExpectation(expectation: string): string {
  const colon = expectation.indexOf(':');
  if (colon < 0) return TYPE_WORDS[expectation] ?? expectation;
  return expectation.startsWith('name:')
    ? expectation.slice(5)
    : (TYPE_WORDS[expectation.slice(0, colon)] ?? expectation.slice(0, colon));
}

/** Whether a token matches a type, or a name and value: `block_end`, `name:endfor`. */
export function matches(token: Token, expectation: string): boolean {
  if (token.type === expectation) return true;
  return token.type === 'name' && expectation.startsWith('name:') && expectation.slice(5) === token.value;
}

/** Reads tokens one by one. An `error` token throws when it becomes current, as in jinja2's lazy lexer. */
export class TokenStream {
  current: Token;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.current = this.#at(0);
  }

  /** Advances by one token and returns the previous one. */
  next(): Token {
    const token = this.current;
    if (token.type !== 'eof') this.current = this.#at(++this.#index);
    return token;
  }

  look(): Token {
    return this.current.type === 'eof' ? this.current : this.#at(this.#index + 1);
  }

  /** Skips the current token if it matches the type or name. */
  skipIf(expectation: string): boolean {
    if (!matches(this.current, expectation)) return false;
    this.next();
    return true;
  }

  skipName(name: string): boolean {
    if (this.current.type !== 'name' || this.current.value !== name) return false;
    this.next();
    return true;
  }

  /** Tests the current token. A method, because TypeScript would narrow a property that `next` changes. */
  is(type: Token['type']): boolean {
    return this.current.type === type;
  }

  isName(name: string): boolean {
    return this.current.type === 'name' && this.current.value === name;
  }

  expect(expectation: string): Token {
    const token = this.current;
    if (matches(token, expectation)) return this.next();
    const expected = stringRepr(describeExpectation(expectation));
    if (token.type === 'eof')
      throw syntaxError(`unexpected end of template, expected ${expected}.`, token.line, token.pos);
    throw syntaxError(`expected token ${expected}, got ${stringRepr(describeToken(token))}`, token.line, token.pos);
  }

  #at(index: number): Token {
    const token = this.#tokens[index] as Token;
    if (token.error !== undefined) throw token.error;
    if (token.type === 'eof' && index > 0) return { ...token, line: (this.#tokens[index - 1] as Token).line };
    return token;
  }
}
