// Reads models whose only Jinja is literal calls of ref(), source(), config(), var() and macros without effects. They
// need no template engine, which keeps parsing fast. All other models are rendered.
import type { RefArgs } from '../../contracts/node.ts';
import { makeFloat } from '../../values/float.ts';
import type { ConfigDict } from '../config/node-config.ts';
import { pyRepr } from '../../values/python-text.ts';

export interface StaticModel {
  readonly refs: readonly RefArgs[];
  readonly sources: readonly [string, string][];
  /** In source order. */
  readonly configs: readonly ConfigDict[];
  /** The first config() call, with its keys as written. */
  readonly writtenConfig: ConfigDict | null;
  /** Called macros, by unique_id. */
  readonly macros: readonly string[];
  /**
   * Whether dbt's static parser, which supports less, can read the model. If so, `unrendered_config` contains values,
   * otherwise source text.
   */
  readonly simple: boolean;
}

/** A macro call: its name, the number of positional arguments, the names of the others, and its text. */
export interface StaticCall {
  readonly name: string;
  readonly positional: number;
  readonly keywords: readonly string[];
  readonly text: string;
}

/** unique_id of the macro that a call refers to, if the call has no effect. */
export type MacroOf = (call: StaticCall) => string | null;

/**
 * The effects of a model's code, or null when it must be rendered.
 * @param asDbt whether dbt may use its static parser here: for models, unless `static_parser` is off
 */
export function readStaticModel(code: string, macroOf: MacroOf, asDbt = true): StaticModel | null {
  if (!code.includes('{{') && !code.includes('{%') && !code.includes('{#'))
    return { refs: [], sources: [], configs: [], writtenConfig: null, macros: [], simple: true };
  if (code.includes('{%')) return null;
  const reader = new CallReader(code, macroOf, asDbt);
  return reader.read() ? reader : null;
}

const PYTHON_CALL = /\bdbt\s*\.\s*(ref|source|config)\s*\(/g;

/**
 * Reads literal calls of `dbt.ref()`, `dbt.source()` and `dbt.config()` in a Python model; calls with computed
 * arguments are skipped.
 */
export function readPythonModel(code: string): StaticModel {
  const reader = new CallReader(code, () => null, false);
  for (const match of code.matchAll(PYTHON_CALL)) reader.readCallAt(match[1] as string, match.index + match[0].length);
  return reader;
}

/**
 * `unrendered_config` of a config() call as dbt writes it after rendering: texts unchanged, other values as source
 * text.
 */
export function sourceTexts(config: ConfigDict): ConfigDict {
  const out: ConfigDict = {};
  for (const key of Object.keys(config)) out[key] = typeof config[key] === 'string' ? config[key] : pyRepr(config[key]);
  return out;
}

/** Thrown without the cost of a stack trace when the code contains more than literals. */
const NOT_STATIC = Symbol('not static');
/** Values that a template may print without an effect on the parse. */
const PRINTABLE: ReadonlySet<string> = new Set([
  'this',
  'target',
  'schema',
  'database',
  'invocation_id',
  'run_started_at',
  'dbt_version',
  'project_name',
]);

/** A call whose arguments are all literals. */
interface LiteralCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: ConfigDict;
  /** Whether an argument has a name. */
  readonly named: boolean;
  readonly text: string;
}

class CallReader implements StaticModel {
  readonly refs: RefArgs[] = [];
  readonly sources: [string, string][] = [];
  readonly configs: ConfigDict[] = [];
  writtenConfig: ConfigDict | null = null;
  readonly macros: string[] = [];
  simple: boolean;
  readonly #code: string;
  readonly #macroOf: MacroOf;
  #at = 0;
  /** Start of the current call. */
  #from = 0;
  #escaped = false;

  constructor(code: string, macroOf: MacroOf, simple: boolean) {
    this.simple = simple;
    this.#code = code;
    this.#macroOf = macroOf;
  }

  /** Parses the arguments at an offset and records the call if all are literals. */
  readCallAt(name: string, at: number): void {
    this.#at = at;
    try {
      this.#arguments(name);
    } catch (error) {
      if (error !== NOT_STATIC) throw error;
    }
  }

  read(): boolean {
    const code = this.#code;
    try {
      for (;;) {
        const brace = code.indexOf('{', this.#at);
        // dbt's static parser keeps escapes as written; the engine resolves them.
        if (brace < 0) return this.simple || !this.#escaped;
        const next = code[brace + 1];
        if (next === '#') {
          const end = code.indexOf('#}', brace + 2);
          if (end < 0) return false;
          this.#at = end + 2;
        } else if (next === '{') {
          this.#at = brace + 2;
          this.#call();
        } else this.#at = brace + 1;
      }
    } catch (error) {
      if (error === NOT_STATIC) return false;
      throw error;
    }
  }

  #call(): void {
    if (this.#code[this.#at] === '-' || this.#code[this.#at] === '+') {
      this.simple = false;
      this.#at += 1;
    }
    this.#space();
    this.#from = this.#at;
    const name = this.#name();
    this.#space();
    if (this.#code[this.#at] !== '(') {
      // A nested member may be missing, which is an error.
      const [first = '', ...members] = name.split('.');
      if (!PRINTABLE.has(first) || members.length > 1) throw NOT_STATIC;
      this.simple = false;
      this.#close();
      return;
    }
    this.#at += 1;
    const record = this.#arguments(name, false);
    this.#close();
    record();
  }

  /** Parses up to the closing parenthesis. Records the call at once, or when the returned function is called. */
  #arguments(name: string, atOnce = true): () => void {
    const args: unknown[] = [];
    const kwargs: ConfigDict = {};
    let named = false;
    this.#space();
    while (this.#code[this.#at] !== ')') {
      const key = this.#keyword();
      if (key === null) {
        if (named) throw NOT_STATIC;
        args.push(this.#literal());
      } else {
        named = true;
        if (Object.hasOwn(kwargs, key)) throw NOT_STATIC;
        kwargs[key] = this.#literal();
      }
      this.#space();
      if (this.#code[this.#at] === ',') this.#at += 1;
      else if (this.#code[this.#at] !== ')') throw NOT_STATIC;
      this.#space();
    }
    this.#at += 1;
    const text = this.#code.slice(this.#from, this.#at);
    const record = (): void => this.#record({ name, args, kwargs, named, text });
    if (atOnce) record();
    return record;
  }

  #close(): void {
    this.#space();
    if (this.#code[this.#at] === '-') {
      this.simple = false;
      this.#at += 1;
    }
    if (!this.#code.startsWith('}}', this.#at)) throw NOT_STATIC;
    this.#at += 2;
  }

  #record({ name, args, kwargs, named, text }: LiteralCall): void {
    if (name === 'ref') {
      const version = kwargs['version'] || kwargs['v'] || null;
      for (const key in kwargs) if (key !== 'version' && key !== 'v') throw NOT_STATIC;
      const [first, second] = args;
      if (typeof first !== 'string' || args.length > 2 || (args.length === 2 && typeof second !== 'string'))
        throw NOT_STATIC;
      if (version !== null && typeof version !== 'string' && typeof version !== 'number') throw NOT_STATIC;
      this.refs.push(
        args.length === 2
          ? { name: second as string, package: first, version }
          : { name: first, package: null, version },
      );
    } else if (name === 'source') {
      const [first, second] = args;
      if (named || args.length !== 2 || typeof first !== 'string' || typeof second !== 'string') throw NOT_STATIC;
      if (this.simple && this.sources.some((source) => source[0] === first && source[1] === second)) return;
      this.sources.push([first, second]);
    } else if (name === 'config') {
      if (args.length > 0 || !named) throw NOT_STATIC;
      this.writtenConfig ??= kwargs;
      const config: ConfigDict = {};
      for (const key of Object.keys(kwargs)) {
        const hook = key === 'pre_hook' || key === 'post_hook';
        if (hook || !isSimple(kwargs[key])) this.simple = false;
        config[hook ? key.replace('_', '-') : key] = kwargs[key];
      }
      this.configs.push(config);
    } else {
      this.simple = false;
      if (name === 'var' && !named && args.length > 0 && args.length <= 2) return;
      const id = this.#macroOf({ name, positional: args.length, keywords: Object.keys(kwargs), text });
      if (id === null) throw NOT_STATIC;
      if (!this.macros.includes(id)) this.macros.push(id);
    }
  }

  #space(): void {
    for (;;) {
      const char = this.#code.charCodeAt(this.#at);
      if (char !== 32 && char !== 10 && char !== 9 && char !== 13) return;
      this.#at += 1;
    }
  }

  #expect(char: string): void {
    this.#space();
    if (this.#code[this.#at] !== char) throw NOT_STATIC;
    this.#at += 1;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#code);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #name(): string {
    this.#space();
    const name = this.#match(/[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y);
    if (name === null) throw NOT_STATIC;
    return name;
  }

  #keyword(): string | null {
    const found = this.#match(/[A-Za-z_][A-Za-z0-9_]*\s*=(?!=)/y);
    return found === null ? null : found.slice(0, -1).trimEnd();
  }

  #literal(): unknown {
    this.#space();
    const char = this.#code[this.#at];
    if (char === "'" || char === '"') return this.#text(char);
    if (char === '[') return this.#list();
    if (char === '{') return this.#dict();
    const word = this.#match(/[A-Za-z_]+|-?\d+(?:\.\d+)?/y);
    switch (word) {
      case 'True':
        return true;
      case 'False':
        return false;
      case 'true':
      case 'false':
        this.simple = false;
        return word === 'true';
      case 'none':
      case 'None':
        return null;
      case null:
        throw NOT_STATIC;
      default:
        break;
    }
    if (!/^-?\d/.test(word) || /[\w.]/.test(this.#code[this.#at] ?? '')) throw NOT_STATIC;
    return word.includes('.') ? makeFloat(Number(word)) : Number(word);
  }

  #text(quote: string): string {
    let end = this.#code.indexOf(quote, this.#at + 1);
    while (end > 0 && this.#code[end - 1] === '\\') end = this.#code.indexOf(quote, end + 1);
    if (end < 0) throw NOT_STATIC;
    const text = this.#code.slice(this.#at + 1, end);
    if (text.includes('\n')) throw NOT_STATIC;
    if (text.includes('\\')) {
      if (!this.simple) throw NOT_STATIC;
      this.#escaped = true;
    }
    this.#at = end + 1;
    this.#space();
    if (this.#code[this.#at] === "'" || this.#code[this.#at] === '"') throw NOT_STATIC;
    return text;
  }

  #list(): unknown[] {
    const out: unknown[] = [];
    this.#at += 1;
    this.#space();
    while (this.#code[this.#at] !== ']') {
      out.push(this.#literal());
      this.#space();
      if (this.#code[this.#at] === ',') this.#at += 1;
      else if (this.#code[this.#at] !== ']') throw NOT_STATIC;
      this.#space();
    }
    this.#at += 1;
    return out;
  }

  #dict(): ConfigDict {
    const out: ConfigDict = {};
    this.#at += 1;
    this.#space();
    while (this.#code[this.#at] !== '}') {
      const key = this.#literal();
      if (typeof key !== 'string') throw NOT_STATIC;
      this.#expect(':');
      out[key] = this.#literal();
      this.#space();
      if (this.#code[this.#at] === ',') this.#at += 1;
      else if (this.#code[this.#at] !== '}') throw NOT_STATIC;
      this.#space();
    }
    this.#at += 1;
    return out;
  }
}

/** Whether dbt's static parser supports such a value. */
function isSimple(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (Array.isArray(value)) return value.every(isSimple);
  return typeof value === 'object' && value !== null && !('jinjaType' in value) && Object.values(value).every(isSimple);
}
