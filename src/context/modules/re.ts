// modules.re: Python's regular expression functions, compiled patterns and matches. python-regex.ts translates the
// syntax.
import {
  type Callable,
  callable,
  checkMemory,
  callSync,
  type HostObject,
  JinjaError,
  PyDict,
  PyTuple,
  stringRepr,
  toRepr,
  toText,
  typeError,
  typeName,
  type Value,
  valueError,
} from '../../values/index.ts';
import { Namespace } from '../namespace.ts';
import { FLAGS, translateRegex, type TranslatedRegex } from './python-regex.ts';
import { limited } from './regex-limit.ts';

/** Matches between two checks of the memory. */
const LOOK = 10_000;

/** The module. */
export function createReModule(): Namespace {
  const compiled = new Map<string, Pattern>();
  const compile = (pattern: Value, flags: Value = 0): Pattern => {
    if (pattern instanceof Pattern) {
      if (flags !== 0) throw valueError('cannot process flags argument with a compiled pattern');
      return pattern;
    }
    if (typeof pattern !== 'string') throw typeError('first argument must be string or compiled pattern');
    const key = `${Number(flags)}:${pattern}`;
    let found = compiled.get(key);
    if (found === undefined) compiled.set(key, (found = new Pattern(pattern, Number(flags))));
    return found;
  };
  const onPattern = (
    name: string,
    rest: string,
    run: (pattern: Pattern, ...args: Value[]) => Value,
  ): [string, Callable] => {
    const signature = `pattern, ${rest}, flags=0`;
    return [
      name,
      callable(name, signature, (first = null, ...args) => run(compile(first, args.at(-1)), ...args.slice(0, -1))),
    ];
  };
  const flag = (value: number, ...names: string[]): [string, Value][] => names.map((name) => [name, value]);
  return new Namespace(
    new Map<string, Value>([
      ['compile', callable('compile', 'pattern, flags=0', (pattern, flags) => compile(pattern ?? null, flags))],
      onPattern('match', 'string', (pattern, text) => pattern.matchAt(text ?? null, 0)),
      onPattern('fullmatch', 'string', (pattern, text) => pattern.fullmatch(text ?? null, 0)),
      onPattern('search', 'string', (pattern, text) => pattern.search(text ?? null, 0)),
      onPattern('findall', 'string', (pattern, text) => pattern.findall(text ?? null)),
      onPattern('finditer', 'string', (pattern, text) => pattern.all(subject(text ?? null))),
      onPattern('split', 'string, maxsplit=0', (pattern, text, most) => pattern.split(text ?? null, most ?? 0)),
      onPattern(
        'sub',
        'repl, string, count=0',
        (pattern, replacement, text, count) => pattern.subn(replacement ?? null, text ?? null, count ?? 0).text,
      ),
      onPattern('subn', 'repl, string, count=0', (pattern, replacement, text, count) => {
        const { text: out, count: done } = pattern.subn(replacement ?? null, text ?? null, count ?? 0);
        return new PyTuple([out, done]);
      }),
      [
        'escape',
        callable('escape', 'pattern', (text) =>
          subject(text ?? null).replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, (char) => `\\${char}`),
        ),
      ],
      [
        'purge',
        callable('purge', '', () => {
          compiled.clear();
          return null;
        }),
      ],
      ...flag(FLAGS.ASCII, 'A', 'ASCII'),
      ...flag(FLAGS.IGNORECASE, 'I', 'IGNORECASE'),
      ...flag(FLAGS.LOCALE, 'L', 'LOCALE'),
      ...flag(FLAGS.MULTILINE, 'M', 'MULTILINE'),
      ...flag(FLAGS.DOTALL, 'S', 'DOTALL'),
      ...flag(FLAGS.VERBOSE, 'X', 'VERBOSE'),
      ...flag(FLAGS.UNICODE, 'U', 'UNICODE'),
      ...flag(0, 'NOFLAG'),
    ]),
  );
}

function subject(text: Value): string {
  if (typeof text === 'string') return text;
  throw typeError(`expected string or bytes-like object, got '${typeName(text)}'`);
}

/** A compiled pattern. */
class Pattern implements HostObject {
  readonly jinjaType = 're.Pattern';
  readonly pattern: string;
  readonly translated: TranslatedRegex;
  readonly #regex: RegExp;
  readonly #sticky: RegExp;
  readonly #whole: RegExp;

  constructor(pattern: string, flags: number) {
    this.pattern = pattern;
    this.translated = translateRegex(pattern, flags);
    const { source, ignoreCase } = this.translated;
    const letters = `dv${ignoreCase ? 'i' : ''}`;
    try {
      this.#regex = new RegExp(source, `${letters}g`);
      this.#sticky = new RegExp(source, `${letters}y`);
      this.#whole = new RegExp(`(?:${source})(?![\\s\\S])`, `${letters}y`);
    } catch (error) {
      throw valueError(`this regular expression cannot be used here: ${pattern} (${(error as Error).message})`);
    }
  }

  #run(regex: RegExp, text: string, from: number): Match | null {
    const search = { source: this.translated.source, text };
    const work = (): RegExpExecArray | null => {
      regex.lastIndex = from;
      return regex.exec(text);
    };
    const found = limited(this.pattern, work, search);
    return found === null ? null : new Match(this, found as RegExpExecArray & { indices: RegExpIndicesArray }, text);
  }

  matchAt(text: Value, from: number): Value {
    return this.#run(this.#sticky, subject(text), from);
  }

  fullmatch(text: Value, from: number): Value {
    return this.#run(this.#whole, subject(text), from);
  }

  search(text: Value, from: number): Value {
    return this.#run(this.#regex, subject(text), from);
  }

  /**
   * Returns every match from left to right. An empty match can follow another match, unless both are empty and at the
   * same position.
   */
  all(text: string, most = Infinity): Match[] {
    return limited(this.pattern, () => this.#all(text, most), { source: this.translated.source, text });
  }

  #all(text: string, most: number): Match[] {
    const found: Match[] = [];
    for (let at = 0; at <= text.length && found.length < most; ) {
      this.#regex.lastIndex = at;
      const parts = this.#regex.exec(text);
      if (parts === null) break;
      const match = new Match(this, parts as RegExpExecArray & { indices: RegExpIndicesArray }, text);
      found.push(match);
      if (found.length % LOOK === 0) checkMemory();
      at = match.to === match.from ? match.to + ((text.codePointAt(match.to) ?? 0) > 0xffff ? 2 : 1) : match.to;
    }
    return found;
  }

  findall(text: Value): Value[] {
    const groups = this.translated.groups.length - 1;
    return this.all(subject(text)).map((match) => {
      if (groups === 0) return match.text(0) ?? '';
      if (groups === 1) return match.text(1) ?? '';
      return new PyTuple(Array.from({ length: groups }, (_, i) => match.text(i + 1) ?? ''));
    });
  }

  split(text: Value, most: Value): Value[] {
    const whole = subject(text);
    const out: Value[] = [];
    let at = 0;
    for (const match of this.all(whole, most === 0 ? Infinity : Number(most))) {
      out.push(whole.slice(at, match.from));
      for (let i = 1; i < this.translated.groups.length; i++) out.push(match.text(i));
      at = match.to;
    }
    out.push(whole.slice(at));
    return out;
  }

  subn(replacement: Value, text: Value, count: Value): { text: string; count: number } {
    const whole = subject(text);
    const template = typeof replacement === 'string' ? parseTemplate(replacement, this.translated) : null;
    let out = '';
    let at = 0;
    const matches = this.all(whole, count === 0 ? Infinity : Number(count));
    for (const match of matches) {
      out +=
        whole.slice(at, match.from) +
        (template === null ? toText(callSync(replacement, [match])) : expand(template, match));
      at = match.to;
    }
    return { text: out + whole.slice(at), count: matches.length };
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'pattern':
        return this.pattern;
      case 'flags':
        return this.translated.flags;
      case 'groups':
        return this.translated.groups.length - 1;
      case 'groupindex':
        return new PyDict(this.translated.names);
      case 'match':
        return callable(name, 'string, pos=0, endpos=None', (text, pos, end) =>
          this.matchAt(cut(text, end), offset(text, pos)),
        );
      case 'fullmatch':
        return callable(name, 'string, pos=0, endpos=None', (text, pos, end) =>
          this.fullmatch(cut(text, end), offset(text, pos)),
        );
      case 'search':
        return callable(name, 'string, pos=0, endpos=None', (text, pos, end) =>
          this.search(cut(text, end), offset(text, pos)),
        );
      case 'findall':
        return callable(name, 'string', (text) => this.findall(text ?? null));
      case 'finditer':
        return callable(name, 'string', (text) => this.all(subject(text ?? null)));
      case 'split':
        return callable(name, 'string, maxsplit=0', (text, most) => this.split(text ?? null, most ?? 0));
      case 'sub':
        return callable(
          name,
          'repl, string, count=0',
          (replacement, text, count) => this.subn(replacement ?? null, text ?? null, count ?? 0).text,
        );
      case 'subn':
        return callable(name, 'repl, string, count=0', (replacement, text, count) => {
          const result = this.subn(replacement ?? null, text ?? null, count ?? 0);
          return new PyTuple([result.text, result.count]);
        });
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    const { flags } = this.translated;
    const names = Object.entries(FLAGS)
      .filter(([name, bit]) => name !== 'UNICODE' && (flags & bit) !== 0)
      .map(([name]) => `re.${name}`);
    return `re.compile(${stringRepr(this.pattern)}${names.length === 0 ? '' : `, ${names.join('|')}`})`;
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof Pattern && other.pattern === this.pattern && other.translated.flags === this.translated.flags
    );
  }

  jinjaHash(): string {
    return `re:${this.translated.flags}:${this.pattern}`;
  }
}

/** Converts an offset in code points to UTF-16 units. */
function offset(text: Value | undefined, points: Value | undefined): number {
  const whole = subject(text ?? null);
  const wanted = Math.max(0, Number(points ?? 0));
  return Math.min(whole.length, [...whole].slice(0, wanted).join('').length);
}

function cut(text: Value | undefined, end: Value | undefined): Value {
  return end === null || end === undefined
    ? subject(text ?? null)
    : [...subject(text ?? null)].slice(0, Math.max(0, Number(end))).join('');
}

/** A match. Positions are code points, as in Python. */
class Match implements HostObject {
  readonly jinjaType = 're.Match';
  readonly pattern: Pattern;
  readonly subject: string;
  readonly #found: RegExpExecArray & { indices: RegExpIndicesArray };

  constructor(pattern: Pattern, found: RegExpExecArray & { indices: RegExpIndicesArray }, text: string) {
    this.pattern = pattern;
    this.#found = found;
    this.subject = text;
  }

  get from(): number {
    return this.#found.index;
  }

  get to(): number {
    return this.#found.index + this.#found[0].length;
  }

  /** Text of a group by Python's number; null if it did not participate. */
  text(group: number): string | null {
    const place = this.pattern.translated.groups[group];
    return (place === undefined ? undefined : this.#found[place]) ?? null;
  }

  #index(group: Value): number {
    const { groups, names } = this.pattern.translated;
    const index =
      typeof group === 'string'
        ? names.get(group)
        : typeof group === 'number' || typeof group === 'boolean'
          ? Number(group)
          : undefined;
    if (index === undefined || index < 0 || index >= groups.length) throw new JinjaError('IndexError', 'no such group');
    return index;
  }

  /** Range of a group by Python's number, in UTF-16 units; undefined if it did not participate. */
  #indices(group: number): readonly [number, number] | undefined {
    const place = this.pattern.translated.groups[group];
    return place === undefined ? undefined : this.#found.indices[place];
  }

  #span(group: Value): readonly [number, number] {
    const span = this.#indices(this.#index(group));
    if (span === undefined) return [-1, -1];
    const points = (end: number): number => [...this.subject.slice(0, end)].length;
    return [points(span[0]), points(span[1])];
  }

  #groups(fallback: Value): Value[] {
    return this.pattern.translated.groups.slice(1).map((_, i) => this.text(i + 1) ?? fallback);
  }

  #last(): number | null {
    let last: number | null = null;
    let end = -1;
    for (let i = 1; i < this.pattern.translated.groups.length; i++) {
      const span = this.#indices(i);
      if (span !== undefined && span[1] > end) [last, end] = [i, span[1]];
    }
    return last;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'group':
        return callable(name, '*args, **kwargs', ({ args }) => {
          if (args.length <= 1) return this.text(this.#index(args[0] ?? 0));
          return new PyTuple(args.map((group) => this.text(this.#index(group))));
        });
      case 'groups':
        return callable(name, 'default=None', (fallback) => new PyTuple(this.#groups(fallback ?? null)));
      case 'groupdict':
        return callable(
          name,
          'default=None',
          (fallback) =>
            new PyDict(
              [...this.pattern.translated.names].map(([key, i]) => [key, this.text(i) ?? fallback ?? null] as const),
            ),
        );
      case 'start':
        return callable(name, 'group=0', (group) => this.#span(group ?? 0)[0]);
      case 'end':
        return callable(name, 'group=0', (group) => this.#span(group ?? 0)[1]);
      case 'span':
        return callable(name, 'group=0', (group) => new PyTuple(this.#span(group ?? 0)));
      case 'expand':
        return callable(name, 'template', (template) =>
          expand(parseTemplate(toText(template ?? null), this.pattern.translated), this),
        );
      case 'regs':
        return new PyTuple(
          this.pattern.translated.groups.map(
            (_, i) => new PyTuple(this.#indices(i) === undefined ? [-1, -1] : this.#span(i)),
          ),
        );
      case 'string':
        return this.subject;
      case 're':
        return this.pattern;
      case 'pos':
        return 0;
      case 'endpos':
        return [...this.subject].length;
      case 'lastindex':
        return this.#last();
      case 'lastgroup':
        return [...this.pattern.translated.names].find(([, i]) => i === this.#last())?.[0] ?? null;
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    return this.text(this.#index(key));
  }

  jinjaText(): string {
    const [from, to] = this.#span(0);
    return `<re.Match object; span=(${from}, ${to}), match=${toRepr(this.text(0))}>`;
  }
}

/** A replacement: text parts and group numbers. */
type Template = readonly (string | number)[];

const TEMPLATE_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\x07',
  b: '\b',
  '\\': '\\',
};

function parseTemplate(template: string, { groups, names }: TranslatedRegex): Template {
  const parts: (string | number)[] = [];
  let text = '';
  const group = (index: number, position: number): void => {
    if (index >= groups.length) throw valueError(`invalid group reference ${index} at position ${position}`);
    parts.push(text, index);
    text = '';
  };
  for (let i = 0; i < template.length; i++) {
    if (template[i] !== '\\') {
      text += template[i];
      continue;
    }
    const rest = template.slice(i + 1);
    const named = /^g<([^>]*)>/.exec(rest);
    const octal = /^(?:0[0-7]{0,2}|[0-3][0-7]{2})/.exec(rest);
    const numbered = /^[1-9]\d?/.exec(rest);
    if (named !== null) {
      const [, name = ''] = named;
      const index = /^\d+$/.test(name) ? Number(name) : names.get(name);
      if (index === undefined) throw new JinjaError('IndexError', `unknown group name '${name}'`);
      group(index, i + 3);
      i += named[0].length;
    } else if (octal !== null) {
      text += String.fromCharCode(Number.parseInt(octal[0], 8) & 0xff);
      i += octal[0].length;
    } else if (numbered !== null) {
      group(Number(numbered[0]), i + 1);
      i += numbered[0].length;
    } else {
      const char = rest[0];
      if (char === undefined) throw valueError(`bad escape (end of pattern) at position ${i}`);
      const escaped = Object.hasOwn(TEMPLATE_ESCAPES, char) ? TEMPLATE_ESCAPES[char] : undefined;
      if (escaped === undefined && /[a-zA-Z]/.test(char)) throw valueError(`bad escape \\${char} at position ${i}`);
      text += escaped ?? `\\${char}`;
      i += 1;
    }
  }
  parts.push(text);
  return parts;
}

function expand(template: Template, match: Match): string {
  return template.map((part) => (typeof part === 'string' ? part : (match.text(part) ?? ''))).join('');
}
