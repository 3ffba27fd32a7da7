// The full YAML parser: the `yaml` package with PyYAML's scalars, merge keys and repeated keys. It also finds positions
// of keys for errors. Loaded only for text outside of yaml-block.ts's subset, or if an error needs a position.
import { createRequire } from 'node:module';
import type { Alias, CST, Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import type { Json } from '../contracts/node.ts';
import { PyDate } from '../values/date.ts';
import { PyDateTime } from '../values/datetime.ts';
import { isOfFlow, MOVED_BY, parseWithFlows } from './yaml-flow-indent.ts';
import { isoTimestamp, resolvePlainScalar, resolveTagged } from './yaml-scalar.ts';

/** Maximum nesting of collections; PyYAML stops at about 200. */
const MAX_DEPTH = 200;
/** Maximum number of values that aliases may add by expansion. */
const MAX_ALIASED = 200_000;

/** A problem of a text with its position, both 1-based. */
export interface YamlProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly hint?: string | undefined;
}

export interface YamlDocument {
  readonly value: Json;
  /** Repeated keys; the last value is used. */
  readonly duplicates: readonly { readonly key: string; readonly line: number; readonly column: number }[];
}

/** Thrown for text that is not YAML. */
export class YamlSyntaxError extends Error {
  readonly problem: YamlProblem;

  constructor(problem: YamlProblem) {
    super(problem.message);
    this.name = 'YamlSyntaxError';
    this.problem = problem;
  }
}

type YamlModule = typeof import('yaml');

function yamlModule(): YamlModule {
  return createRequire(import.meta.url)('yaml') as YamlModule;
}

const UNPRINTABLE = /[^\t\n\r\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

// libyaml's messages for error codes of the package.
const PROBLEMS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'found character that cannot start any token',
  BAD_SCALAR_START: 'found character that cannot start any token',
  BLOCK_AS_IMPLICIT_KEY: 'mapping values are not allowed in this context',
  MULTILINE_IMPLICIT_KEY: 'mapping values are not allowed in this context',
  MULTIPLE_DOCS: 'expected a single document in the stream',
  BAD_ALIAS: 'found undefined alias',
  BAD_DQ_ESCAPE: 'found unknown escape character',
};

/** The package's first error, with libyaml's message and position where known. */
function problemOf(
  error: { readonly code: string; readonly message: string; readonly pos: readonly [number, number] },
  text: string,
  place: Place,
): YamlProblem {
  let [offset] = error.pos;
  let message = PROBLEMS[error.code] ?? error.message;
  if (text[offset] === '\t' && !isOfFlow(error)) {
    const hint = 'Put spaces in the place of the tab: YAML is indented by spaces only.';
    return { message: tabProblem(error.message, text, offset), hint, ...place(offset) };
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' || error.code === 'MULTILINE_IMPLICIT_KEY') {
    const colon = text.slice(offset).search(/:(?=\s|$)/);
    if (colon !== -1) offset += colon;
  }
  if (/^Missing closing .quote/.test(message)) message = 'found unexpected end of stream';
  if (error.code === 'BAD_INDENT')
    message = /must start at the same column/.test(message)
      ? 'did not find expected key'
      : `did not find expected ',' or '${message.at(-1)}'`;
  return { message, ...place(offset) };
}

/** libyaml's message for a tab, which depends on what the previous line has opened. */
function tabProblem(message: string, text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(0, start).trimEnd();
  const last = before.slice(before.lastIndexOf('\n') + 1);
  const plain = 'found a tab character that violates indentation';
  const other = 'found character that cannot start any token';
  if (text.slice(start, offset).trim() !== '' || before === '' || /(?:^|\s)#/.test(last)) return other;
  if (/^Block scalar/.test(message) || /(?:^|[\s:-])[|>][-+\d]*$/.test(last))
    return 'found a tab character where an indentation space is expected';
  return /[-:?'"\]}]$/.test(last) ? other : plain;
}

type Place = (offset: number) => { line: number; column: number };

function parse(yaml: YamlModule, source: string): { document: Document; place: Place; text: string } {
  let lines = new yaml.LineCounter();
  const { document, text, moved } = parseWithFlows(source, (each) => {
    lines = new yaml.LineCounter();
    const tooDeep = deepest(yaml, each);
    if (tooDeep !== undefined) {
      const { line, col } = linesOf(each, tooDeep);
      throw new YamlSyntaxError({
        message: `collections are nested more than ${MAX_DEPTH} levels deep`,
        line,
        column: col,
      });
    }
    return yaml.parseDocument(each, {
      version: '1.1',
      schema: 'failsafe',
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
      logLevel: 'error',
      lineCounter: lines,
    });
  });
  const place: Place = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: moved.has(line) ? Math.max(1, col - MOVED_BY) : col };
  };
  return { document, place, text };
}

/**
 * Position of too deeply nested collections, because composing them would overflow the stack. The tokenizer does not
 * recurse.
 */
function deepest(yaml: YamlModule, text: string): number | undefined {
  const staircase = deepIndent(text);
  if (staircase !== undefined) return staircase;
  let open: CST.Token[] = [...new yaml.Parser().parse(text)];
  for (let depth = 0; open.length > 0; depth++) {
    if (depth > MAX_DEPTH + 1) return 'offset' in open[0]! ? open[0].offset : 0;
    open = open.flatMap((token) =>
      'items' in token
        ? token.items.flatMap(({ key, value }) =>
            [key, value].filter((part) => part !== null && part !== undefined && 'items' in part),
          )
        : token.type === 'document' && token.value !== undefined
          ? [token.value]
          : [],
    );
  }
  return undefined;
}

/** Position of ever deeper indentation, for which the package needs quadratic time. */
function deepIndent(text: string): number | undefined {
  const open: number[] = [];
  for (let at = 0; at < text.length; ) {
    let start = at;
    while (text.charCodeAt(start) === 32) start++;
    const end = text.indexOf('\n', start);
    if (start < text.length && end !== start) {
      while (open.length > 0 && open.at(-1)! >= start - at) open.pop();
      open.push(start - at);
      if (open.length > MAX_DEPTH + 1) return start;
    }
    if (end === -1) break;
    at = end + 1;
  }
  return undefined;
}

function linesOf(text: string, offset: number): { line: number; col: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, col: offset - before.lastIndexOf('\n') };
}

/**
 * Parses any YAML text as PyYAML's safe loader does.
 * @throws YamlSyntaxError with the position of the first problem
 */
export function readYamlDocument(text: string, dates = false): YamlDocument {
  const unprintable = UNPRINTABLE.exec(text);
  if (unprintable !== null) {
    const before = text.slice(0, unprintable.index).split('\n');
    const code = (unprintable[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0');
    throw new YamlSyntaxError({
      message: `unacceptable character #x${code}: special characters are not allowed`,
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
    });
  }
  const yaml = yamlModule();
  const { document, place, text: parsed } = parse(yaml, text);
  const [first] = document.errors;
  if (first !== undefined) throw new YamlSyntaxError(problemOf(first, text, place));
  const reader = new Reader(yaml, document, place, parsed, dates);
  return { value: reader.node(document.contents), duplicates: reader.duplicates };
}

/** Position of a key or an item, by keys and indexes from the top. */
export type LocateYaml = (path: readonly (string | number)[]) => { line: number; column: number } | undefined;

/**
 * Finds positions of keys and items in a YAML text, which is parsed once.
 * @returns a function that returns the 1-based position of the deepest existing part of a path
 * @throws YamlSyntaxError if collections are nested too deeply
 */
export function yamlLocator(text: string): LocateYaml {
  const yaml = yamlModule();
  const { document, place } = parse(yaml, text);
  return (path) => {
    let node: unknown = document.contents;
    let offset = 0;
    for (const part of path) {
      if (yaml.isAlias(node)) node = node.resolve(document);
      if (yaml.isMap(node)) {
        const pair = node.items.findLast((item) => yaml.isScalar(item.key) && String(item.key.value) === String(part));
        if (pair === undefined) break;
        offset = (pair.key as Scalar).range?.[0] ?? offset;
        node = pair.value;
      } else if (yaml.isSeq(node)) {
        const item = node.items[Number(part)];
        if (item === undefined) break;
        offset = (item as Node).range?.[0] ?? offset;
        node = item;
      } else break;
    }
    const at = place(offset);
    return at.line === 0 ? undefined : at;
  };
}

/** A scalar with its place. */
export interface YamlScalar {
  /** Keys and indexes from the top; for a key, including itself. */
  readonly path: readonly (string | number)[];
  readonly value: string;
  /** Offsets of the text without quotes; of a block scalar, with its indentation. */
  readonly start: number;
  readonly end: number;
  readonly isKey: boolean;
}

/** All scalars of a text in their order. A text with mistakes has those that can be read. */
export function yamlScalars(text: string): YamlScalar[] {
  const yaml = yamlModule();
  if (deepest(yaml, text) !== undefined) return [];
  const found: YamlScalar[] = [];
  const add = (node: unknown, path: YamlScalar['path'], isKey: boolean): void => {
    if (!yaml.isScalar(node) || !node.range) return;
    const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
    const [start, end] = node.range;
    found.push({ path, value: String(node.value ?? ''), start: start + quoted, end: end - quoted, isKey });
  };
  const visit = (node: unknown, path: YamlScalar['path']): void => {
    if (yaml.isMap(node)) {
      for (const { key, value } of node.items) {
        const inner = [...path, yaml.isScalar(key) ? String(key.value) : ''];
        add(key, inner, true);
        visit(value, inner);
      }
    } else if (yaml.isSeq(node)) for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    else add(node, path, false);
  };
  visit(
    yaml.parseDocument(text, { version: '1.1', schema: 'failsafe', uniqueKeys: false, logLevel: 'error' }).contents,
    [],
  );
  return found;
}

class Reader {
  readonly duplicates: { key: string; line: number; column: number }[] = [];
  readonly #yaml: YamlModule;
  readonly #text: string;
  readonly #place: Place;
  readonly #dates: boolean;
  readonly #anchored = new Map<Node, { readonly value: Json; readonly size: number }>();
  readonly #anchors: ReadonlyMap<string, readonly Node[]>;
  readonly #open = new Set<Node>();
  /** Number of nodes read; expanded aliases are counted. */
  #size = 0;
  #aliased = 0;

  constructor(yaml: YamlModule, document: Document, place: Place, text: string, dates: boolean) {
    this.#dates = dates;
    this.#yaml = yaml;
    this.#text = text;
    const anchors = new Map<string, Node[]>();
    // Anchors are collected once, because the package walks the whole document for each alias.
    if (text.includes('&')) {
      yaml.visit(document, (_key, node) => {
        const name = yaml.isNode(node) && !yaml.isAlias(node) ? (node as Scalar).anchor : undefined;
        if (name !== undefined) anchors.set(name, [...(anchors.get(name) ?? []), node as Node]);
      });
    }
    this.#anchors = anchors;
    this.#place = place;
  }

  node(node: Node | null): Json {
    if (node === null) return null;
    this.#size++;
    if (this.#yaml.isAlias(node)) return this.#alias(node);
    if ((node as Scalar).anchor === undefined) return this.#content(node);
    if (this.#open.has(node)) this.#fail(node, `the anchor '${(node as Scalar).anchor}' holds itself`);
    const before = this.#size;
    this.#open.add(node);
    const value = this.#content(node);
    this.#open.delete(node);
    this.#anchored.set(node, { value, size: this.#size - before + 1 });
    return value;
  }

  #content(node: Node): Json {
    if (this.#yaml.isMap(node)) return this.#map(node);
    if (this.#yaml.isSeq(node)) return node.items.map((item) => this.node(item as Node | null));
    return this.#scalar(node as Scalar);
  }

  #fail(node: Node, message: string): never {
    throw new YamlSyntaxError({ message, ...this.#place(node.range?.[0] ?? 0) });
  }

  #alias(alias: Alias): Json {
    const target = this.#target(alias);
    if (this.#open.has(target)) this.#fail(alias, `the anchor '${alias.source}' holds itself`);
    const known = this.#anchored.get(target);
    if (known === undefined) return this.node(target);
    this.#size += known.size;
    this.#aliased += known.size;
    if (this.#aliased > MAX_ALIASED) this.#fail(alias, `aliases stand for more than ${MAX_ALIASED} values`);
    return known.value;
  }

  /** The node of an alias: the last one before it with that anchor. */
  #target(alias: Alias): Node {
    const at = alias.range?.[0] ?? 0;
    const found = this.#anchors.get(alias.source)?.findLast((node) => (node.range?.[0] ?? 0) < at);
    return found ?? this.#fail(alias, `found undefined alias '${alias.source}'`);
  }

  #scalar(node: Scalar): Json {
    const text = node.source ?? String(node.value ?? '');
    if (node.tag !== undefined && node.tag !== '' && node.tag !== '!') {
      const value = resolveTagged(node.tag, text);
      if (value === undefined) this.#fail(node, `could not determine a constructor for the tag '${node.tag}'`);
      return value as Json;
    }
    if (node.type === 'PLAIN' && (text === '=' || text === '<<')) {
      this.#fail(
        node,
        `could not determine a constructor for the tag 'tag:yaml.org,2002:${text === '=' ? 'value' : 'merge'}'`,
      );
    }
    if (node.type === 'PLAIN' && node.tag !== '!') {
      const date = this.#dates ? dateOf(text) : undefined;
      return (date ?? resolvePlainScalar(text)) as Json;
    }
    const value = node.value === null ? '' : String(node.value);
    // A block scalar that ends at the end of the text without a newline has none.
    const cutOff =
      (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') &&
      !this.#text.endsWith('\n') &&
      (node.range?.[1] ?? 0) >= this.#text.length;
    return cutOff && value.endsWith('\n') ? value.slice(0, -1) : value;
  }

  #map(map: YAMLMap): Json {
    const result: { [key: string]: Json } = {};
    const merged: { [key: string]: Json }[] = [];
    const own = new Set<string>();
    const first = map.items[0]?.key;
    const overrides = this.#yaml.isScalar(first) && first.source === '<<';
    const pairs: [string, Pair][] = [];
    for (const pair of map.items) {
      const key = pair.key as Node | null;
      if (this.#yaml.isScalar(key) && key.type === 'PLAIN' && key.source === '<<') {
        this.#merge(pair.value as Node, merged);
        continue;
      }
      const value = key === null ? null : this.node(key);
      if (typeof value === 'object' && value !== null && !('jinjaType' in value))
        this.#fail(key ?? map, 'found unhashable key');
      const name = keyText(value);
      if (own.has(name) && !overrides && key !== null)
        this.duplicates.push({ key: name, ...this.#place(key.range?.[0] ?? 0) });
      own.add(name);
      pairs.push([name, pair]);
    }
    // Merged keys come first, as in PyYAML; keys of the mapping itself take precedence.
    for (const source of merged) for (const [key, value] of Object.entries(source)) define(result, key, value);
    for (const [key, pair] of pairs) define(result, key, this.node(pair.value as Node | null));
    return result;
  }

  #merge(value: Node, into: { [key: string]: Json }[]): void {
    const target = this.#yaml.isAlias(value) ? this.#target(value) : value;
    if (this.#yaml.isMap(target)) into.push(this.node(value) as { [key: string]: Json });
    else if (this.#yaml.isSeq(target)) {
      // The first of a list takes precedence, and the second of two merge keys.
      for (const item of [...target.items].reverse()) {
        const part = this.#yaml.isAlias(item) ? this.#target(item) : item;
        if (!this.#yaml.isMap(part)) this.#fail(item as Node, 'expected a mapping for merging, but found scalar');
        into.push(this.node(item as Node) as { [key: string]: Json });
      }
    } else this.#fail(value, 'expected a mapping or list of mappings for merging, but found scalar');
  }
}

/** The text of a key, as Python's JSON serializes dict keys. */
function keyText(value: Json): string {
  return typeof value === 'string'
    ? value
    : value === null
      ? 'null'
      : String(typeof value === 'object' && 'value' in value ? value['value'] : value);
}

function define(target: { [key: string]: Json }, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** PyYAML's date or datetime of a plain scalar. */
function dateOf(text: string): PyDate | undefined {
  const iso = isoTimestamp(text);
  if (iso === undefined) return undefined;
  const [year, month, day] = iso.split(/[-T]/).map(Number);
  return iso.length === 10 ? new PyDate(year!, month!, day!) : PyDateTime.fromIso(iso);
}
