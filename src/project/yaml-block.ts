// A fast parser for common YAML of dbt projects: block mappings and sequences, plain, quoted, literal and folded
// scalars, flow collections, anchors and aliases of block values, merge keys. It gives up on everything else (tags,
// documents, odd indentation, errors), which yaml.ts passes to the full parser. Accepted text must mean exactly what it
// means to PyYAML.
import type { Json } from '../contracts/node.ts';
import { UnsupportedYaml, unescaped } from './yaml-escapes.ts';
import {
  atLineEnd,
  type BlockScalar,
  blockScalar,
  foldedDoubleQuote,
  foldedQuote,
  keyQuoteEnd,
  lastDoubleQuote,
  lastQuote,
} from './yaml-lines.ts';
import { resolvePlainScalar } from './yaml-scalar.ts';

// Characters that PyYAML rejects, and line breaks other than \n, which this parser does not support.
const ODD_CHARACTER = /[^\n\x20-\x7E\xA0-\u2027\u202A-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const QUOTE = /['"]/;
const PLAIN_FLOW = /[\w ./+@$()*~^=<>;'"-]/;
// Characters that cannot start a plain scalar; `-`, `?` and `:` can if a non-space follows.
const INDICATORS = new Set([...',[]{}#&*!|>\'"%@`'].map((character) => character.charCodeAt(0)));
/** Maximum nesting of collections in this reader. */
const MAX_DEPTH = 200;
/** Maximum number of values that aliases may expand to; the full parser refuses texts with more. */
const MAX_ALIASED = 200_000;
const ANCHOR = /[&*]([0-9A-Za-z_-]+)(?=[ \n,\]]|$)/y;
const NEWLINE = 10;
const SPACE = 32;
const HASH = 35;
const COLON = 58;
const DASH = 45;
const DOUBLE_QUOTE = 34;
const AMPERSAND = 38;
const ASTERISK = 42;
const SINGLE_QUOTE = 39;

/**
 * Reads a YAML text in common block style.
 * @param source text with `\n` line ends
 * @throws UnsupportedYaml when the text is outside of the subset, whether it is valid YAML or not
 */
export function readBlockYaml(source: string): Json {
  if (ODD_CHARACTER.test(source)) throw new UnsupportedYaml();
  return new BlockReader(source).document();
}

type Mapping = { [key: string]: Json };

/** The value of a merge key's alias; the full parser reports anything but a mapping. */
function asMapping(value: Json): Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || 'jinjaType' in value)
    throw new UnsupportedYaml();
  return value;
}

class BlockReader {
  readonly #text: string;
  readonly #end: number;
  /** Next character; the first character of the content whenever `indent` is valid. */
  #position = 0;
  /** Column of the content at `position`; -1 at the end of the text. */
  #indent = -1;
  #depth = 0;
  /** Number of values read, at least; expanded aliases are counted. */
  #size = 0;
  #aliasedSize = 0;
  readonly #anchors = new Map<string, { readonly value: Json; readonly size: number }>();

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  document(): Json {
    if (this.#text.startsWith('---') && (this.#end === 3 || this.#text[3] === '\n')) this.#position = 3;
    if (this.#position === 3) this.#endLine();
    else this.#nextContent();
    if (this.#indent === -1) return null;
    const value = this.#block(-1);
    if (this.#indent !== -1) throw new UnsupportedYaml();
    return value;
  }

  /** Skips from the start of a line to the next line with content. */
  #nextContent(): void {
    const text = this.#text;
    const end = this.#end;
    let at = this.#position;
    for (;;) {
      const start = at;
      while (at < end && text.charCodeAt(at) === SPACE) at++;
      if (at >= end) {
        this.#position = end;
        this.#indent = -1;
        return;
      }
      const code = text.charCodeAt(at);
      if (code === NEWLINE) {
        at++;
        continue;
      }
      if (code === HASH) {
        const stop = text.indexOf('\n', at);
        at = stop === -1 ? end : stop + 1;
        continue;
      }
      this.#indent = at - start;
      this.#position = at;
      if (
        this.#indent === 0 &&
        (code === DASH || code === 46) &&
        (text.startsWith('---', at) || text.startsWith('...', at))
      )
        throw new UnsupportedYaml();
      return;
    }
  }

  /** Checks that only blanks and a comment follow a value on its line. */
  #endLine(): void {
    const text = this.#text;
    const end = this.#end;
    let at = this.#position;
    while (at < end && text.charCodeAt(at) === SPACE) at++;
    if (at < end && text.charCodeAt(at) !== NEWLINE) {
      if (text.charCodeAt(at) !== HASH || at === this.#position) throw new UnsupportedYaml();
      const stop = text.indexOf('\n', at);
      at = stop === -1 ? end : stop;
    }
    this.#position = at < end ? at + 1 : end;
    this.#nextContent();
  }

  #isDash(at: number): boolean {
    if (this.#text.charCodeAt(at) !== DASH) return false;
    const next = this.#text.charCodeAt(at + 1);
    return next === SPACE || next === NEWLINE || at + 1 >= this.#end;
  }

  /** Reads a node whose content starts at `position`, column `indent`, inside a collection of column `parent`. */
  #block(parent: number): Json {
    if (this.#isDash(this.#position)) return this.#sequence(this.#indent);
    if (this.#keyEnd(this.#position) !== -1) return this.#mapping(this.#indent);
    return this.#inline(parent);
  }

  /** Enters a nested collection; the full parser reports too deep nesting. */
  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new UnsupportedYaml();
  }

  #sequence(column: number): Json {
    this.#enter();
    const items: Json[] = [];
    while (this.#indent === column && this.#isDash(this.#position)) items.push(this.#item(column));
    if (this.#indent > column) throw new UnsupportedYaml();
    this.#depth--;
    return items;
  }

  #item(column: number): Json {
    this.#size++;
    const at = this.#position + 1;
    if (atLineEnd(this.#text, at)) {
      this.#position = at;
      this.#endLine();
      return this.#indent > column ? this.#block(column) : null;
    }
    let start = at;
    while (this.#text.charCodeAt(start) === SPACE) start++;
    this.#indent = column + start - this.#position;
    this.#position = start;
    if (this.#isDash(start)) return this.#sequence(this.#indent);
    if (this.#keyEnd(start) !== -1) return this.#mapping(this.#indent);
    return this.#inline(column);
  }

  #mapping(column: number): Json {
    this.#enter();
    const result: Mapping = {};
    const seen = new Set<string>();
    let merged: Mapping | null = null;
    while (this.#indent === column) {
      if (this.#isDash(this.#position)) break;
      const colon = this.#keyEnd(this.#position);
      if (colon === -1) throw new UnsupportedYaml();
      if (this.#isMergeKey(colon)) {
        // The full parser decides precedence between two merge keys.
        if (merged !== null) throw new UnsupportedYaml();
        this.#position = colon + 1;
        merged = this.#merged();
        continue;
      }
      const key = this.#key(colon);
      // The full parser reports repeated keys.
      if (seen.has(key) || key === '__proto__') throw new UnsupportedYaml();
      seen.add(key);
      this.#size += 2;
      this.#position = colon + 1;
      result[key] = this.#value(column);
    }
    if (this.#indent > column) throw new UnsupportedYaml();
    this.#depth--;
    // Merged keys come first, as in PyYAML; keys of the mapping itself take precedence.
    return merged === null ? result : { ...merged, ...result };
  }

  #isMergeKey(colon: number): boolean {
    return this.#text.startsWith('<<', this.#position) && this.#text.slice(this.#position, colon).trimEnd() === '<<';
  }

  /** The mapping of `<<: *name` and `<<: [*first, *second]`; the first of a list takes precedence. */
  #merged(): Mapping {
    this.#flowSpace();
    const text = this.#text;
    if (text.charCodeAt(this.#position) === ASTERISK) {
      const value = asMapping(this.#aliased());
      this.#endLine();
      return value;
    }
    if (text[this.#position] !== '[') throw new UnsupportedYaml();
    const parts: Mapping[] = [];
    do {
      this.#position++;
      this.#flowSpace();
      if (text.charCodeAt(this.#position) !== ASTERISK) throw new UnsupportedYaml();
      parts.push(asMapping(this.#aliased()));
      this.#flowSpace();
    } while (text[this.#position] === ',');
    if (text[this.#position] !== ']') throw new UnsupportedYaml();
    this.#position++;
    this.#endLine();
    const merged: Mapping = {};
    for (const part of parts.reverse()) Object.assign(merged, part);
    return merged;
  }

  /** Reads the value after `key:`. */
  #value(column: number): Json {
    if (!atLineEnd(this.#text, this.#position)) {
      while (this.#text.charCodeAt(this.#position) === SPACE) this.#position++;
      return this.#inline(column, true);
    }
    this.#endLine();
    if (this.#indent > column) return this.#block(column);
    if (this.#indent === column && this.#isDash(this.#position)) return this.#sequence(column);
    return null;
  }

  /** A value after `&name`, on the same line or below it, and stored for later aliases. */
  #anchored(parent: number, ofKey: boolean): Json {
    const name = this.#anchorName();
    if (this.#anchors.has(name)) throw new UnsupportedYaml();
    const before = this.#size;
    const value = this.#afterAnchor(parent, ofKey);
    this.#anchors.set(name, { value, size: this.#size - before + 1 });
    return value;
  }

  #afterAnchor(parent: number, ofKey: boolean): Json {
    if (atLineEnd(this.#text, this.#position)) {
      this.#endLine();
      if (this.#indent > parent) return this.#block(parent);
      if (ofKey && this.#indent === parent && this.#isDash(this.#position)) return this.#sequence(parent);
      throw new UnsupportedYaml();
    }
    this.#flowSpace();
    const first = this.#text.charCodeAt(this.#position);
    // An anchor before `key: …` on the same line belongs to the key.
    if (
      first === AMPERSAND ||
      first === ASTERISK ||
      this.#isDash(this.#position) ||
      this.#keyEnd(this.#position) !== -1
    )
      throw new UnsupportedYaml();
    return this.#inline(parent);
  }

  #alias(): Json {
    const value = this.#aliased();
    this.#endLine();
    return value;
  }

  /** The value of the anchor `*name`. */
  #aliased(): Json {
    const known = this.#anchors.get(this.#anchorName());
    if (known === undefined) throw new UnsupportedYaml();
    this.#size += known.size;
    this.#aliasedSize += known.size;
    if (this.#aliasedSize > MAX_ALIASED) throw new UnsupportedYaml();
    return known.value;
  }

  #anchorName(): string {
    ANCHOR.lastIndex = this.#position;
    const name = ANCHOR.exec(this.#text)?.[1];
    if (name === undefined) throw new UnsupportedYaml();
    this.#position = ANCHOR.lastIndex;
    return name;
  }

  /** Position of the `:` that ends a key starting at `at`, or -1 when the line is not `key: …`. */
  #keyEnd(at: number): number {
    const text = this.#text;
    const end = this.#end;
    const first = text.charCodeAt(at);
    if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) {
      const close = keyQuoteEnd(text, at);
      if (close === -1 || text.charCodeAt(close + 1) !== COLON) return -1;
      if (!atLineEnd(text, close + 2) && text.charCodeAt(close + 2) !== SPACE) throw new UnsupportedYaml();
      return close + 1;
    }
    if (INDICATORS.has(first)) return -1;
    if (
      (first === DASH || first === 63 || first === COLON) &&
      (text.charCodeAt(at + 1) === SPACE || text.charCodeAt(at + 1) === NEWLINE)
    )
      throw new UnsupportedYaml();
    for (let i = at; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === NEWLINE) return -1;
      if (code === HASH && text.charCodeAt(i - 1) === SPACE) return -1;
      if (code === COLON) {
        const next = text.charCodeAt(i + 1);
        if (next === SPACE || next === NEWLINE || i + 1 >= end) {
          if (i - at > 1000) throw new UnsupportedYaml();
          return i;
        }
      }
    }
    return -1;
  }

  #key(colon: number): string {
    const text = this.#text;
    const position = this.#position;
    const first = text.charCodeAt(position);
    if (first === SINGLE_QUOTE) return text.slice(position + 1, colon - 1).replaceAll("''", "'");
    if (first === DOUBLE_QUOTE) return unescaped(text.slice(position + 1, colon - 1));
    const key = text.slice(position, colon).trimEnd();
    // Keys that are not text.
    if (key === '=' || typeof resolvePlainScalar(key) !== 'string') throw new UnsupportedYaml();
    return key;
  }

  /**
   * A value that starts on the current line, in a collection of column `parent`; ends at the next content.
   * @param ofKey a sequence below an anchor may stand in the same column as the key
   */
  #inline(parent: number, ofKey = false): Json {
    const text = this.#text;
    const position = this.#position;
    const first = text.charCodeAt(position);
    switch (first) {
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE: {
        const value = this.#quoted();
        this.#endLine();
        return value;
      }
      case 124:
      case 62:
        return this.#multiline(blockScalar(text, position, parent, first === 62), parent);
      case 91:
      case 123: {
        const value = this.#flow();
        this.#endLine();
        return value;
      }
      case AMPERSAND:
        return this.#anchored(parent, ofKey);
      case ASTERISK:
        return this.#alias();
      default:
        return this.#plain(parent);
    }
  }

  /** The scalar that a quote at `position` starts; ends behind its last quote. */
  #quoted(): string {
    const text = this.#text;
    const open = this.#position;
    const double = text.charCodeAt(open) === DOUBLE_QUOTE;
    const close = double ? lastDoubleQuote(text, open) : lastQuote(text, open);
    this.#position = close + 1;
    return double ? foldedDoubleQuote(text, open, close) : foldedQuote(text, open, close).replaceAll("''", "'");
  }

  #multiline({ value, end, column }: BlockScalar, parent: number): string {
    this.#position = end;
    this.#nextContent();
    if (this.#indent > parent && this.#indent > 0 && this.#indent < column) throw new UnsupportedYaml();
    return value;
  }

  #plain(parent: number): Json {
    const text = this.#text;
    const end = this.#end;
    const first = text.charCodeAt(this.#position);
    const second = text.charCodeAt(this.#position + 1);
    if (
      INDICATORS.has(first) ||
      ((first === DASH || first === 63 || first === COLON) &&
        (second === SPACE || second === NEWLINE || this.#position + 1 >= end))
    ) {
      throw new UnsupportedYaml();
    }
    let at = this.#plainLine(this.#position);
    let value = text.slice(this.#position, at).trimEnd();
    let commented = at < end && text.charCodeAt(at) === HASH;
    // Continuation lines: deeper than the parent, joined as YAML folds them.
    for (;;) {
      this.#position = at;
      if (commented) {
        const stop = text.indexOf('\n', at);
        this.#position = stop === -1 ? end : stop + 1;
        this.#nextContent();
        break;
      }
      const breaks = this.#skipBlank(at);
      if (breaks === -1 || this.#indent <= parent) break;
      if (parent === -1 && this.#indent === 0) throw new UnsupportedYaml();
      at = this.#plainLine(this.#position);
      value += (breaks === 1 ? ' ' : '\n'.repeat(breaks - 1)) + text.slice(this.#position, at).trimEnd();
      commented = at < end && text.charCodeAt(at) === HASH;
    }
    if (value === '=' || value === '<<') throw new UnsupportedYaml();
    return resolvePlainScalar(value) as Json;
  }

  /** End of a plain scalar on one line; the full parser reports a `: ` in it. */
  #plainLine(at: number): number {
    const text = this.#text;
    const end = this.#end;
    for (let i = at; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === NEWLINE) return i;
      if (code === HASH && i > at && text.charCodeAt(i - 1) === SPACE) return i;
      if (code === COLON) {
        const next = text.charCodeAt(i + 1);
        if (next === SPACE || next === NEWLINE || i + 1 >= end) throw new UnsupportedYaml();
      }
    }
    return end;
  }

  /**
   * Skips from the end of a line over blank lines to the next content or comment.
   * @returns number of line breaks, -1 at the end
   */
  #skipBlank(at: number): number {
    const text = this.#text;
    const end = this.#end;
    let breaks = 0;
    while (at < end) {
      if (text.charCodeAt(at) !== NEWLINE) {
        let content = at;
        while (content < end && text.charCodeAt(content) === SPACE) content++;
        if (content < end && text.charCodeAt(content) !== NEWLINE) {
          this.#position = content;
          this.#indent = content - at;
          if (text.charCodeAt(content) === HASH) {
            // A comment ends a plain scalar; the caller continues at the line's start.
            this.#position = at;
            this.#nextContent();
            return -1;
          }
          if (this.#indent === 0) {
            this.#position = at;
            this.#nextContent();
          }
          return breaks;
        }
        at = content;
        if (at >= end) break;
      }
      at++;
      breaks++;
    }
    this.#position = end;
    this.#indent = -1;
    return -1;
  }

  /** Reads `[…]` or `{…}`, on one line or several; a plain scalar in it is on one line. */
  #flow(): Json {
    const text = this.#text;
    this.#enter();
    const open = text[this.#position];
    this.#position++;
    const list: Json[] = [];
    const map: { [key: string]: Json } = {};
    const close = open === '[' ? ']' : '}';
    for (;;) {
      this.#flowLines();
      if (text[this.#position] === close) break;
      if (open === '[') list.push(this.#flowValue(false));
      else {
        const isQuoted = QUOTE.test(text[this.#position] ?? '');
        const key = this.#flowValue(true);
        if (
          typeof key !== 'string' ||
          key === '__proto__' ||
          key === '<<' ||
          Object.hasOwn(map, key) ||
          text[this.#position] !== ':'
        )
          throw new UnsupportedYaml();
        const after = text[++this.#position];
        // As in JSON, a value may follow a quoted key without a space.
        if (!isQuoted && after !== ' ' && after !== '\n') throw new UnsupportedYaml();
        this.#flowLines();
        const next = text[this.#position];
        map[key] = next === ',' || next === close ? null : this.#flowValue(false);
      }
      this.#flowLines();
      if (text[this.#position] === ',') this.#position++;
      else if (text[this.#position] !== close) throw new UnsupportedYaml();
    }
    this.#position++;
    this.#depth--;
    return open === '[' ? list : map;
  }

  #flowSpace(): void {
    while (this.#text.charCodeAt(this.#position) === SPACE) this.#position++;
  }

  /** Skips spaces, line ends and comments; indentation means nothing in a flow collection. */
  #flowLines(): void {
    const text = this.#text;
    for (;;) {
      this.#flowSpace();
      const code = text.charCodeAt(this.#position);
      if (code === HASH) {
        const before = text.charCodeAt(this.#position - 1);
        const stop = text.indexOf('\n', this.#position);
        if ((before !== SPACE && before !== NEWLINE) || stop === -1) throw new UnsupportedYaml();
        this.#position = stop;
      } else if (code !== NEWLINE) return;
      this.#position++;
      if (text.startsWith('---', this.#position) || text.startsWith('...', this.#position)) throw new UnsupportedYaml();
    }
  }

  #flowValue(isKey: boolean): Json {
    this.#size++;
    const text = this.#text;
    const start = this.#position;
    const first = text[start];
    if (first === '[' || first === '{') {
      if (isKey) throw new UnsupportedYaml();
      return this.#flow();
    }
    if (first === '"' || first === "'") {
      if (isKey && keyQuoteEnd(text, start) === -1) throw new UnsupportedYaml();
      return this.#quoted();
    }
    if (first === undefined || !/[\w./$(^;+]/.test(first)) {
      // A minus starts a plain scalar only before a digit or letter.
      if (first !== '-' || !/\w/.test(text[start + 1] ?? '')) throw new UnsupportedYaml();
    }
    let at = start;
    while (at < this.#end && PLAIN_FLOW.test(text[at] ?? '')) at++;
    const value = text.slice(start, at).trimEnd();
    this.#position = at;
    if (isKey ? text[at] !== ':' : !this.#endsFlowValue()) throw new UnsupportedYaml();
    if (value === '=' || value === '<<') throw new UnsupportedYaml();
    return resolvePlainScalar(value) as Json;
  }

  /** Whether a plain scalar that stops at `position` ends there; it could go on in the next line. */
  #endsFlowValue(): boolean {
    const text = this.#text;
    const stop = text.charCodeAt(this.#position);
    if (stop === NEWLINE || (stop === HASH && text.charCodeAt(this.#position - 1) === SPACE)) this.#flowLines();
    const next = text[this.#position];
    return next === ',' || next === ']' || next === '}';
  }
}
