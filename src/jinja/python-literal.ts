// Python's `ast.literal_eval`: converts text to the value that it denotes.
import { negate } from '../values/arithmetic.ts';
import { PyDict } from '../values/dict.ts';
import { JinjaError } from '../values/python-error.ts';
import { PySet } from '../values/set.ts';
import { PyTuple } from '../values/tuple.ts';
import type { Value } from '../values/value.ts';
import type { Expr } from './ast.ts';
import { Lexer } from './lexer.ts';
import { ExpressionParser } from './expression-parser.ts';
import { TokenStream } from './token-stream.ts';

const LEXER = new Lexer({ keepTrailingNewline: true });

class LiteralParser extends ExpressionParser {
  read(): Expr | undefined {
    const node = this.parseTuple();
    this.stream.expect('variable_end');
    return this.stream.current.type === 'eof' ? node : undefined;
  }

  begin(): this {
    this.stream.expect('variable_begin');
    return this;
  }
}

/** Returns the value of a Python literal, or `undefined` if the text is not one. */
export function parseLiteral(text: string): { readonly value: Value } | undefined {
  // literal_eval strips only spaces and tabs.
  const source = text.replace(/^[ \t]+/, '');
  if (/[{}%]{2}|\b(?:true|false|none)\b/.test(source) || /^\s*$/.test(source)) {
    if (!/^[\s\S]*["'][\s\S]*$/.test(source)) return undefined;
  }
  try {
    const empty = /^\{\s*\}$/.exec(source) ? new PyDict() : undefined;
    if (empty !== undefined) return { value: empty };
    const set = setLiteral(source);
    if (set !== undefined) return set;
    const node = new LiteralParser(new TokenStream(LEXER.tokenize(`{{ ${source} }}`))).begin().read();
    return node === undefined ? undefined : { value: literalValue(node) };
  } catch (error) {
    if (error instanceof JinjaError || error instanceof NotLiteral) return undefined;
    throw error;
  }
}

class NotLiteral extends Error {}

function setLiteral(source: string): { readonly value: Value } | undefined {
  const match = /^\{([\s\S]*)\}\s*$/.exec(source);
  if (match === null || match[1] === undefined) return undefined;
  const list = parseLiteral(`[${match[1]}]`);
  return list !== undefined && Array.isArray(list.value) ? { value: new PySet(list.value) } : undefined;
}

function literalValue(node: Expr): Value {
  switch (node.type) {
    case 'Const':
      return node.value;
    case 'List':
      return node.items.map(literalValue);
    case 'Tuple':
      return new PyTuple(node.items.map(literalValue));
    case 'Dict':
      return new PyDict(node.items.map((p) => [literalValue(p.key), literalValue(p.value)]));
    case 'Neg':
    case 'Pos': {
      const value = literalValue(node.node);
      if (
        typeof value !== 'number' &&
        typeof value !== 'bigint' &&
        !(typeof value === 'object' && value !== null && 'value' in value)
      )
        throw new NotLiteral();
      return node.type === 'Neg' ? negate(value) : value;
    }
    default:
      throw new NotLiteral();
  }
}
