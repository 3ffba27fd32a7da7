// Rejects statements that reach files, programs or other servers in ways that need no privilege in the embedded engine:
// INTO OUTFILE, the function `file`, sources of dictionaries, disks, a few engines. embedded-rights.ts covers the rest.
import { ALLOW_VARIABLE } from './embedded-access.ts';
import { EngineError } from './embedded-engine.ts';
import { isName, isSign, isWord, respelled, type SqlToken, tokensOf, UncertainSql } from './sql-tokens.ts';

const HINT =
  `SQL on the embedded ClickHouse reaches no files, programs or other servers. If you trust the project, set ` +
  `${ALLOW_VARIABLE}=1 in the shell, or use a ClickHouse server`;

/**
 * The engine's message for a missing privilege or working folder, with advice. Clients drop what follows the error's
 * name.
 */
export function withAccessHint(message: string): string {
  const name = /\.? \((ACCESS_DENIED|SETTING_CONSTRAINT_VIOLATION)\)/.exec(message);
  if (name !== null) return message.replace(name[0], `. ${HINT}. (${name[1]})`);
  return message.replace(/std::\S*filesystem_error: .*getcwd failed[^(]*/, `A file is not allowed. ${HINT}. `);
}

/**
 * Long statements and unclear parts without these need no further check. A backslash may hide a letter, or start a
 * client command.
 */
const SUSPECT =
  /attach|file|dictionary|engine|disk|identifier|format|input|sqlite|odbc|jdbc|executable|arrow|remote|\\|\?\?|!(?!=)/i;
const LONG = 100_000;
/** Table functions whose columns are a text that may be computed. */
const COLUMNS_IN_TEXT = /generaterandom|fuzzjson|(?:null|values)["`]?[^\x21-\x7e]*(?:\(|\/[/*]|--|#)/i;
const PLAIN_INSERT = /^\s*insert\s+into\s+(?:table\s+)?[\w.`"]+\s*(?:\([\w\s,.`"]*\)\s*)?values\b/i;
const MERGE_TREE =
  /^(?:Replicated)?(?:Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Coalescing|Graphite)?MergeTree$/;
/** Other engines that stay within the data folder. */
const ENGINES = new Set(
  (
    'Log TinyLog StripeLog Memory Null Set Join Buffer Merge Dictionary View MaterializedView WindowView ' +
    'GenerateRandom Alias Loop TimeSeries Distributed Atomic Ordinary Replicated'
  ).split(' '),
);
/** What can follow a column named `engine`. */
const AFTER_COLUMN = new Set(
  (
    'from in as and or not is like ilike between asc desc order group limit where prewhere having union except ' +
    'intersect then else end when settings format global final sample join on using qualify window nulls collate with'
  ).split(' '),
);
const DEFAULTS = /\b(?:default|materialized|alias|ephemeral)\b/i;
/** Table functions that touch files, start programs or resolve hosts before the engine looks at the grants. */
const EARLY = /^(?:sqlite|odbc|jdbc|executable|arrowstream|remote|remotesecure)$/i;
/** Column lineage uses it: the engine reads the query, and does not call table functions. */
const PARSES_ONLY = 'explain query tree run_passes = 0'.split(' ');
const SOURCE_KEYS = /^(?:user|password|db|database|table|where|query|invalidate_query|update_field|update_lag|secure)$/;
/** Words before a table function. */
const TABLE_FOLLOWS = /^(?:from|join|in|describe|desc|table|function|as|exists)$/i;
/** Functions whose first argument may be the name of a function. */
const HIGHER_ORDER = /^(?:array|map)/i;

function refuse(what: string): never {
  throw new EngineError(497, `Code: 497. DB::Exception: ${what} is not allowed. (ACCESS_DENIED)`);
}

/** Of an INSERT that holds rows in its own text: where these begin, behind `FORMAT name`. */
export interface InsertHead {
  /** Of the first clause behind the columns: SETTINGS or FORMAT. */
  readonly clauses: number;
  readonly end: number;
  readonly format: string;
}

/** @returns null when it holds none, or expressions (VALUES), or cannot be read for certain */
export function insertHead(sql: string): InsertHead | null {
  try {
    let depth = 0;
    let before: SqlToken | undefined;
    let clauses: number | undefined;
    let count = 0;
    for (const token of tokensOf(sql)) {
      count++;
      // A table may have any name.
      const named = isSign(before, '.') || isWord(before, 'into') || (count === 4 && isName(before, /^table$/i));
      if (count === 1 && !isWord(token, 'insert')) return null;
      if (isSign(token, '(')) depth++;
      else if (isSign(token, ')')) depth--;
      else if (isSign(token, ';')) return null;
      else if (depth === 0 && !named) {
        if (token.kind === 'word' && /^(?:select|with|values|from|watch)$/i.test(token.value)) return null;
        // Rows of that format are expressions, however its name is written.
        if (clauses !== undefined && isFormatWord(before) && isName(token, /^values$/i)) return null;
        if (clauses !== undefined && isFormatWord(before) && isName(token, /^[A-Za-z]/))
          return { clauses, end: token.end, format: token.value };
        if (isFormatWord(token) || isWord(token, 'settings')) clauses ??= token.start;
      }
      before = named ? { ...token, kind: 'name' } : token;
    }
  } catch (error) {
    if (!(error instanceof UncertainSql)) throw error;
  }
  return null;
}

const isFormatWord = (token: SqlToken | undefined): boolean => isWord(token, 'format');
/**
 * Checks a statement before the engine sees it.
 * @returns its text for the engine, spelled as it was checked
 * @throws EngineError in the engine's words when it needs the caller's consent
 */
export function guardStatement(sql: string): string {
  if (sql.length > LONG && !isSuspect(sql)) return sql;
  try {
    const tokens = [...tokensOf(sql)];
    return respelled(sql, tokens, new Guard(tokens, sql).check());
  } catch (error) {
    if (!(error instanceof UncertainSql)) throw error;
    if (isSuspect(sql))
      refuse(
        'A statement with a backslash, `$` or signs that SQL lacks outside of texts, or an open quote or comment,',
      );
    return sql;
  }
}

const isSuspect = (sql: string): boolean => SUSPECT.test(sql) || COLUMNS_IN_TEXT.test(sql.replace(PLAIN_INSERT, ''));

class Guard {
  readonly #tokens: readonly SqlToken[];
  readonly #sql: string;

  constructor(tokens: readonly SqlToken[], sql: string) {
    this.#tokens = tokens;
    this.#sql = sql;
  }

  /** @returns where its rows begin, which are not SQL */
  check(): number | undefined {
    const tokens = this.#tokens;
    let rows: number | undefined;
    const has = (...words: string[]): boolean => tokens.some((token) => words.some((word) => isWord(token, word)));
    const makes = has('create', 'attach', 'replace');
    const [dictionary, attaches] = [has('dictionary'), has('attach')];
    const onlyParses =
      PARSES_ONLY.every((word, at) => tokens[at]?.value.toLowerCase() === word) && !isSign(tokens[6], ',');
    // The setting is SQL in a text. New tables of materialized views are filled with it.
    if (tokens.some((token) => isName(token, /^additional_table_filters$/i)))
      for (const { kind, value } of tokens) if (kind === 'text') guardStatement(value);
    let depth = 0;
    for (let at = 0; at < tokens.length; at++) {
      const [before, token, next] = [tokens[at - 1], tokens[at], tokens[at + 1]];
      if (isSign(token, '(')) depth++;
      if (isSign(token, ')')) depth--;
      if (isSign(before, ';') && !isSign(token, ';'))
        throw new EngineError(
          62,
          'Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed): send each statement ' +
            'separately. (SYNTAX_ERROR)',
        );
      if (isWord(token, 'outfile') && isWord(before, 'into')) refuse('INTO OUTFILE');
      if (isWord(token, 'infile') && isWord(before, 'from')) refuse('FROM INFILE');
      if (isName(token, /^disk$/i) && isSign(next, '(')) refuse('disk(…)');
      if (isName(token, EARLY) && isSign(next, '(') && !isSign(before, '.') && !isWord(before, 'into'))
        if (!onlyParses || !isName(token, /^remote/i)) refuse(`${token?.value ?? ''}(…)`);
      if (isName(token, /^file$/)) this.#checkFile(at);
      // Such as `!` and `??` of ClickHouse's client, which the engine understands.
      if (at === 0 && token?.kind !== 'word' && !isSign(token, '('))
        refuse(`A statement that begins with ${token?.value ?? ''}`);
      if (isName(token, HIGHER_ORDER) && isSign(next, '(')) this.#checkFunctionArgument(at);
      if (isName(token, /^format$/i) && isSign(next, '(')) this.#checkFormat(at);
      // Its rows follow the statement, where no reading is certain.
      if (isName(token, /^input$/i) && isSign(next, '(') && !isSign(before, '.') && !isWord(before, 'into'))
        refuse('input(…)');
      if (isName(token, /^(?:generaterandom|values|null|fuzzjson)$/i) && isSign(next, '(')) this.#checkStructure(at);
      if (makes && depth === 0 && isWord(token, 'engine') && !isSign(before, '.')) this.#checkEngine(at);
      if (dictionary && isWord(token, 'source') && isSign(next, '(')) this.#checkSource(at);
      // The engine checks its path only when it first reads the dictionary.
      if (dictionary && isName(token, /ssd_cache$/i) && isSign(next, '(')) refuse('The layout ssd_cache');
      if (attaches && isWord(token, 'from') && next?.kind === 'text') refuse('ATTACH … FROM a folder');
      if (isWord(token, 'insert') && isWord(next, 'into')) rows ??= this.#checkInsert(at);
    }
    return rows;
  }

  #checkFile(at: number): void {
    const [qualifier, before, next] = [this.#tokens[at - 2], this.#tokens[at - 1], this.#tokens[at + 1]];
    if (isSign(before, '.') && isName(qualifier, /^\D/)) return;
    const applied = isWord(before, 'apply') || (isSign(before, '(') && isWord(qualifier, 'apply'));
    if ((isSign(next, '(') && !isWord(before, 'into')) || applied) refuse('The function file');
  }

  /** The first argument may name a function: within brackets, with an alias, behind words without effect. */
  #checkFunctionArgument(at: number): void {
    const [argument = [], ...others] = this.#argumentsOf(at);
    const [name, alias, , type] = argument.filter(
      (token) => !isWord(token, 'all') && !(token.kind === 'sign' && '()+'.includes(token.value)),
    );
    if (others.length === 0) return;
    if (isName(name, /^file$/) && (alias === undefined || alias.kind === 'word' || alias.kind === 'name'))
      refuse('The function file');
    if (isSign(name, '{') && isWord(type, 'identifier')) refuse('A parameter as the name of a function');
  }

  /** The arguments of a call, whose name is at `at`, each with its tokens. */
  #argumentsOf(at: number): SqlToken[][] {
    const found: SqlToken[][] = [[]];
    let depth = 0;
    for (const token of this.#tokens.slice(at + 1)) {
      if (token.kind === 'sign' && '([{'.includes(token.value) && ++depth === 1) continue;
      if (token.kind === 'sign' && ')]}'.includes(token.value) && --depth === 0) return found;
      if (depth === 1 && isSign(token, ',')) found.push([]);
      else found.at(-1)?.push(token);
    }
    return found;
  }

  /** Of the table function: its texts hold columns with defaults, and rows with expressions, that run as SQL. */
  #checkFormat(at: number): void {
    const [[first, ...rest] = [], ...others] = this.#argumentsOf(at);
    if (others.length === 0 || (first?.kind === 'text' && rest.length === 0 && first.value.includes('{'))) return;
    const plain = rest.length === 0 && others.every(([text, ...more]) => text?.kind === 'text' && more.length === 0);
    const [[structure] = []] = others;
    if (!plain || isName(first, /^(?:values|mysqldump)$/i) || /^(?:values|mysqldump)$/i.test(first?.value ?? ''))
      refuse('format(…) whose arguments are not literal, or hold expressions,');
    if (others.length > 1 && DEFAULTS.test(structure?.value ?? '')) refuse('A default in a structure');
  }

  /** Columns that a table function is given as text: they may hold expressions. Rows of an INSERT are no such text. */
  #checkStructure(at: number): void {
    const [before, called] = [this.#tokens[at - 1], this.#tokens[at]];
    const inTable = isSign(before, ',') || isSign(before, '(') || isName(before, TABLE_FOLLOWS);
    if (isName(called, /^values$/i) && !inTable) return;
    const [structure = []] = this.#argumentsOf(at);
    if (structure.some((token) => token.kind === 'text' && DEFAULTS.test(token.value)))
      refuse('A default in a structure');
    const computed = (token: SqlToken): boolean =>
      token.kind === 'name' ||
      isSign(token, '|') ||
      (token.kind === 'word' && !/^(?:\d.*|null|true|false)$/i.test(token.value));
    if (structure.some(computed)) refuse('A structure that is not literal');
  }

  #checkEngine(at: number): void {
    const equals = isSign(this.#tokens[at + 1], '=');
    const engine = this.#tokens[equals ? at + 2 : at + 1];
    if (engine?.kind !== 'word' && engine?.kind !== 'name') return;
    if (ENGINES.has(engine.value) || MERGE_TREE.test(engine.value)) return;
    if (!equals && engine.kind === 'word' && AFTER_COLUMN.has(engine.value.toLowerCase())) return;
    refuse(`The engine ${engine.value}`);
  }

  /** A dictionary may read from this server, and from nothing else. A computed setting could hide SQL. */
  #checkSource(at: number): void {
    const kind = this.#tokens[at + 2];
    if (isWord(kind, 'null')) return;
    if (!isWord(kind, 'clickhouse')) refuse(`The dictionary source ${kind?.value ?? ''}`);
    const inside = this.#argumentsOf(at + 2).flat();
    for (let index = 0; index < inside.length; index += 2) {
      const [key, value, next] = inside.slice(index, index + 3);
      const name = isName(key, /./) ? (key?.value.toLowerCase() ?? '') : '';
      const port = name === 'port' && isName(value, /^tcpPort$/);
      const here =
        name === 'host'
          ? value?.kind === 'text' && /^(?:localhost|127\.0\.0\.1)$/.test(value.value)
          : name === 'port'
            ? value?.value === '9000' || port
            : SOURCE_KEYS.test(name) && value !== undefined && value.kind !== 'sign';
      if (!here) refuse(`A dictionary of another server (${key?.value})`);
      if (port) index += 2;
      else if (isSign(next, '(')) refuse(`A computed ${name} of a dictionary`);
      else if (name !== 'user' && name !== 'password') guardStatement(value?.value ?? '');
    }
  }

  /** Rows of an INSERT are not SQL, so that no reading of what follows is certain. The server sets its own apart. */
  #checkInsert(at: number): number | undefined {
    const start = this.#tokens[at]?.start ?? 0;
    const head = insertHead(this.#sql.slice(start));
    if (head === null) return this.#checkRows(at);
    if (at > 0) refuse('INSERT … FORMAT within another statement');
    if (!/^[\s;]*$/.test(this.#sql.slice(start + head.end)))
      refuse('INSERT … FORMAT with rows that cannot be set apart');
    return undefined;
  }

  /** The engine does not read rows of VALUES as SQL: in some types, a comment or a quoted name is part of a value. */
  #checkRows(insert: number): number | undefined {
    let depth = 0;
    let rows: number | undefined;
    let end: number | null = null;
    for (let at = insert; at < this.#tokens.length; at++) {
      const [before, token] = [this.#tokens[at - 1], this.#tokens[at]];
      if (token === undefined) return undefined;
      if (end !== null) {
        const odd = token.kind === 'name' || (token.kind === 'text' && this.#sql[token.start] !== "'");
        if (odd || /\S/.test(this.#sql.slice(end, token.start))) break;
        end = token.end;
      } else if (depth === 0 && token.kind === 'word' && /^(?:select|with|from|watch)$/i.test(token.value))
        return undefined;
      else if (depth === 0 && isName(token, /^values$/i) && !isSign(before, '.') && !isWord(before, 'into'))
        rows = end = token.end;
      if (isSign(token, '(')) depth++;
      if (isSign(token, ')')) depth--;
    }
    if (end === null && this.#tokens.slice(insert).some(isFormatWord)) refuse('INSERT with an unclear FORMAT');
    if (end !== null && isSuspect(this.#sql.slice(end)))
      refuse('A comment or a quoted name in rows of VALUES, followed by a word that accesses files,');
    return rows;
  }
}
